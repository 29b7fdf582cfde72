/* One pass over a block of interleaved PCM: its planes, their mean, and the sums that gates and groups share. */
#include "native.h"

/* Four lanes, twice: GCC turns them into registers of either width, and a conversion of more than four into scalars. */
enum { LANES = 4, AT_ONCE = 2 * LANES, OF_CHANNEL = 4, OF_MIX = 3, MAGNITUDE = 0x7fffffff };

typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef double Doubles __attribute__((vector_size(LANES * sizeof(double))));

static inline double over(Doubles a, Doubles b) { return ((a[0] + a[1]) + (a[2] + a[3])) + ((b[0] + b[1]) + (b[2] + b[3])); }

static inline Doubles wide(const float *from) {
    Floats samples;
    memcpy(&samples, from, sizeof samples);
    return __builtin_convertvector(samples, Doubles);
}

/* The last samples of a stretch, with zeros behind them. */
static inline const float *padded(const float *from, Py_ssize_t left, float room[AT_ONCE]) {
    memset(room, 0, AT_ONCE * sizeof(float));
    memcpy(room, from, (size_t)left * sizeof(float));
    return room;
}

/* Raise each lane's greatest magnitude, and count those at the limit or above. Magnitudes are compared as integers,
   whose order is the same; a sample that is no number is the greatest. */
static inline void watch(const float *from, Ints limit, Ints *peaks, Ints *full) {
    Ints magnitudes;
    memcpy(&magnitudes, from, sizeof magnitudes);
    magnitudes &= MAGNITUDE;
    Ints greater = magnitudes > *peaks;
    *peaks = (magnitudes & greater) | (*peaks & ~greater);
    *full -= magnitudes >= limit;
}

/* Sum, energy, peak, and samples at `clipped` or above. */
VECTORISED static void sum_plane(const float *plane, Py_ssize_t frames, float clipped, double *out) {
    Doubles sums[2] = {{0}}, energies[2] = {{0}};
    Ints peaks[2] = {{0}}, full[2] = {{0}}, limit;
    float room[AT_ONCE];
    for (int lane = 0; lane < LANES; lane++) {
        memcpy((int32_t *)&limit + lane, &clipped, sizeof clipped);
    }
    for (Py_ssize_t n = 0; n < frames; n += AT_ONCE) {
        const float *from = frames - n >= AT_ONCE ? plane + n : padded(plane + n, frames - n, room);
        for (int half = 0; half < 2; half++) {
            Doubles samples = wide(from + half * LANES);
            sums[half] += samples;
            energies[half] += samples * samples;
            watch(from + half * LANES, limit, &peaks[half], &full[half]);
        }
    }
    int32_t peak = 0, count = 0;
    for (int lane = 0; lane < AT_ONCE; lane++) {
        int32_t here = peaks[lane / LANES][lane % LANES];
        peak = here > peak ? here : peak;
        count += full[lane / LANES][lane % LANES];
    }
    float amplitude;
    memcpy(&amplitude, &peak, sizeof amplitude);
    out[0] = over(sums[0], sums[1]), out[1] = over(energies[0], energies[1]);
    out[2] = (double)amplitude, out[3] = (double)count;
}

VECTORISED static double product(const float *a, const float *b, Py_ssize_t frames) {
    Doubles sums[2] = {{0}};
    float rooms[2][AT_ONCE];
    for (Py_ssize_t n = 0; n < frames; n += AT_ONCE) {
        int whole = frames - n >= AT_ONCE;
        const float *of_a = whole ? a + n : padded(a + n, frames - n, rooms[0]);
        const float *of_b = whole ? b + n : padded(b + n, frames - n, rooms[1]);
        sums[0] += wide(of_a) * wide(of_b);
        sums[1] += wide(of_a + LANES) * wide(of_b + LANES);
    }
    return over(sums[0], sums[1]);
}

VECTORISED static int zeros_of(const float *plane, Py_ssize_t frames) {
    int zeros = 0;
    for (Py_ssize_t n = 0; n < frames; n++) {
        zeros += plane[n] == 0.0f;
    }
    return zeros;
}

VECTORISED static void split_two(const float *pcm, Py_ssize_t frames, float *left, float *right, float *mono) {
    for (Py_ssize_t n = 0; n < frames; n++) {
        float l = pcm[2 * n], r = pcm[2 * n + 1];
        left[n] = l, right[n] = r, mono[n] = (l + r) * 0.5f;
    }
}

static void split(const float *pcm, Py_ssize_t channels, Py_ssize_t frames, Py_ssize_t stride, float *planes, float *mono) {
    float share = 1.0f / (float)channels;
    for (Py_ssize_t n = 0; n < frames; n++) {
        float sum = 0.0f;
        for (Py_ssize_t channel = 0; channel < channels; channel++) {
            planes[channel * stride + n] = pcm[n * channels + channel];
            sum += pcm[n * channels + channel];
        }
        mono[n] = sum * share;
    }
}

PyObject *mix_down(PyObject *module, PyObject *args) {
    (void)module;
    const char *formats = "ffiFFD";
    Py_buffer views[6];
    if (!take(args, formats, views)) {
        return NULL;
    }
    Py_buffer *pcm = &views[0], *clipped = &views[1], *ends = &views[2], *planes = &views[3], *mono = &views[4];
    Py_buffer *table = &views[5];
    const int *end = ends->buf;
    Py_ssize_t frames = ITEMS(*mono), channels = frames ? ITEMS(*pcm) / frames : 0, steps = ITEMS(*ends);
    int sound = channels > 0 && ITEMS(*pcm) == channels * frames && ITEMS(*planes) == channels * frames &&
                ITEMS(*clipped) == 1 && ITEMS(*table) == steps * (channels * OF_CHANNEL + OF_MIX) && steps > 0 &&
                end[steps - 1] == frames;
    for (Py_ssize_t step = 0; sound && step < steps; step++) {
        sound = end[step] > (step ? end[step - 1] : 0);
    }
    if (!sound) {
        release(formats, views);
        PyErr_SetString(PyExc_ValueError, "the shapes of pcm, clipped, ends, planes, mono and table disagree");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    const float *samples = pcm->buf;
    float *of_first = planes->buf, *mixed = mono->buf, full = *(const float *)clipped->buf;
    double *out = table->buf;
    for (Py_ssize_t step = 0; step < steps; step++) {
        Py_ssize_t start = step ? end[step - 1] : 0, count = end[step] - start;
        if (channels == 1) {
            memcpy(of_first + start, samples + start, (size_t)count * sizeof(float));
            memcpy(mixed + start, samples + start, (size_t)count * sizeof(float));
        } else if (channels == 2) {
            split_two(samples + 2 * start, count, of_first + start, of_first + frames + start, mixed + start);
        } else {
            split(samples + channels * start, channels, count, frames, of_first + start, mixed + start);
        }
        for (Py_ssize_t channel = 0; channel < channels; channel++, out += OF_CHANNEL) {
            sum_plane(of_first + channel * frames + start, count, full, out);
        }
        out[0] = product(mixed + start, mixed + start, count);
        out[1] = channels > 1 ? product(of_first + start, of_first + frames + start, count) : 0.0;
        out[2] = (double)zeros_of(mixed + start, count);
        out += OF_MIX;
    }
    Py_END_ALLOW_THREADS
    release(formats, views);
    Py_RETURN_NONE;
}
