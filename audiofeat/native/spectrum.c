/* Shape values of every second frame of the shared spectrum, in one pass over each. */
#include "native.h"

#include <math.h>

enum { LANES = 8, STEP = 2, HOP = 256, FRAME = 1024, BANDS = 8, MOST_BINS = 1024, COLUMNS = 9 + BANDS - 1 + BANDS };

static const float LEAST_POWER = 1e-16f, FLOOR_BELOW_PEAK = 1e-5f;

static inline float decibels(float power) { return 10.0f * log10f(power); }

static inline float over(const float lanes[LANES]) {
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* Sums run over LANES at a time; the arrays hold zeros from `bins` to `room`, a multiple of LANES. */
typedef struct {
    Py_ssize_t bins, room;
    const float *hz;
    const int *edges;
    float power[MOST_BINS + LANES], floored[MOST_BINS + LANES], magnitude[MOST_BINS + LANES];
    float hertz[MOST_BINS + LANES];
} Spectrum;

static inline float rolloff_hz(const Spectrum *s, float threshold) {
    float sum = 0.0f;
    Py_ssize_t bin = 0;
    for (; bin + LANES <= s->bins; bin += LANES) {
        float with = sum + over(s->floored + bin);
        if (with >= threshold) {
            break;
        }
        sum = with;
    }
    for (; bin < s->bins - 1; bin++) {
        sum += s->floored[bin];
        if (sum >= threshold) {
            break;
        }
    }
    return s->hz[bin];
}

VECTORISED static void shape(Spectrum *s, float *before, float *out) {
    float tops[LANES] = {0}, totals[LANES] = {0}, magnitudes[LANES] = {0}, moments[LANES] = {0}, rises[LANES] = {0};
    float entropies[LANES] = {0}, logarithms[LANES] = {0}, deviations[LANES] = {0};
    float top = 0.0f;
    for (Py_ssize_t bin = 0; bin < s->room; bin += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            float power = s->power[bin + lane];
            tops[lane] = power > tops[lane] ? power : tops[lane];
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        top = tops[lane] > top ? tops[lane] : top;
    }
    float floor = top * FLOOR_BELOW_PEAK > LEAST_POWER ? top * FLOOR_BELOW_PEAK : LEAST_POWER;
    float log_floor = log2_of(floor);
    for (Py_ssize_t bin = 0; bin < s->room; bin += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            Py_ssize_t at = bin + lane;
            float inside = at < s->bins ? 1.0f : 0.0f, power = s->power[at];
            float raised = power > floor ? power : floor;
            float magnitude = inside * sqrtf(power + LEAST_POWER), logarithm = log2_of(power + LEAST_POWER);
            float rise = magnitude - before[at];
            s->floored[at] = inside * raised;
            totals[lane] += inside * raised;
            magnitudes[lane] += magnitude;
            moments[lane] += magnitude * s->hertz[at];
            entropies[lane] += magnitude * logarithm;
            logarithms[lane] += inside * (logarithm > log_floor ? logarithm : log_floor);
            rises[lane] += rise > 0.0f ? rise : 0.0f;
            s->magnitude[at] = before[at] = magnitude;
        }
    }
    float total = over(totals), magnitude = over(magnitudes), centroid = over(moments) / magnitude;
    for (Py_ssize_t bin = 0; bin < s->room; bin += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            float distance = s->hertz[bin + lane] - centroid;
            deviations[lane] += s->magnitude[bin + lane] * distance * distance;
        }
    }
    float bins = (float)s->bins, mean_db = decibels(total / bins);
    *out++ = centroid;
    *out++ = sqrtf(over(deviations) / magnitude);
    *out++ = rolloff_hz(s, 0.50f * total);
    *out++ = rolloff_hz(s, 0.85f * total);
    *out++ = 3.01029996f * over(logarithms) / bins - mean_db;
    *out++ = decibels(top > floor ? top : floor) - mean_db;
    *out++ = (log2f(magnitude) - 0.5f * over(entropies) / magnitude) / log2f(bins);
    *out++ = over(rises) / magnitude;
    out++;
    float sums[BANDS], in_bands = 0.0f;
    for (int band = 0; band < BANDS; band++) {
        float peak = 0.0f;
        sums[band] = 0.0f;
        for (int bin = s->edges[band]; bin < s->edges[band + 1]; bin++) {
            sums[band] += s->floored[bin];
            peak = s->floored[bin] > peak ? s->floored[bin] : peak;
        }
        in_bands += sums[band];
        if (band) {
            *out++ = decibels(peak / sums[band] * (float)(s->edges[band + 1] - s->edges[band]));
        }
    }
    for (int band = 0; band < BANDS; band++) {
        *out++ = decibels(sums[band] / in_bands);
    }
}

/* Mean square and sign changes of one frame of the signal. */
VECTORISED static float signal_of(const float *frame, double *energy) {
    float squares[LANES] = {0};
    int changes = 0;
    for (int n = 0; n < FRAME; n += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
            squares[lane] += frame[n + lane] * frame[n + lane];
        }
    }
    const int32_t *bits = (const void *)frame;
    for (int n = 1; n < FRAME; n++) {
        changes += (int)((uint32_t)(bits[n] ^ bits[n - 1]) >> 31);
    }
    *energy = over(squares) / FRAME;
    return (float)changes;
}

PyObject *spectral_shape(PyObject *module, PyObject *args) {
    (void)module;
    const char *formats = "fffiFFD";
    Py_buffer views[7];
    if (!take(args, formats, views)) {
        return NULL;
    }
    Py_buffer *power = &views[0], *signal = &views[1], *hz = &views[2], *edges = &views[3], *before = &views[4];
    Py_buffer *values = &views[5], *energies = &views[6];
    Py_ssize_t bins = ITEMS(*hz), frames = bins ? ITEMS(*power) / bins : 0, rows = (frames + STEP - 1) / STEP;
    Py_ssize_t room = (bins + LANES - 1) / LANES * LANES;
    const int *edge = edges->buf;
    int sound = bins > 0 && room <= MOST_BINS && ITEMS(*power) == frames * bins && ITEMS(*edges) == BANDS + 1 &&
                ITEMS(*before) == room && ITEMS(*values) == rows * COLUMNS && ITEMS(*energies) == rows &&
                (!rows || ITEMS(*signal) >= (rows - 1) * STEP * HOP + FRAME);
    for (int band = 0; sound && band < BANDS; band++) {
        sound = edge[band] >= 0 && edge[band + 1] > edge[band] && edge[band + 1] <= bins;
    }
    if (!sound) {
        release(formats, views);
        PyErr_SetString(PyExc_ValueError, "the shapes of power, signal, hz, edges, before, values, energies disagree");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    Spectrum spectrum = {.bins = bins, .room = room, .hz = hz->buf, .edges = edge};
    memcpy(spectrum.hertz, hz->buf, (size_t)hz->len);
    for (Py_ssize_t row = 0; row < rows; row++) {
        float *out = (float *)values->buf + row * COLUMNS;
        memcpy(spectrum.power, (const float *)power->buf + row * STEP * bins, (size_t)bins * sizeof(float));
        shape(&spectrum, before->buf, out);
        out[8] = signal_of((const float *)signal->buf + row * STEP * HOP, (double *)energies->buf + row);
    }
    Py_END_ALLOW_THREADS
    release(formats, views);
    Py_RETURN_NONE;
}
