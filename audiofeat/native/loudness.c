/* ITU-R BS.1770 in the time domain: K-weighted power over steps, and the true peak. */
#include "native.h"

#include <math.h>
typedef double Pair __attribute__((vector_size(16)));

/* Two channels through both biquads, direct form I: only a product and a sum lie between one output and the next.
   `state` holds x, y and z of the last two frames. The weighted squares of each stretch that ends at `ends` are added
   to `sums`, those after the last end to the sum that follows. */
static void weigh(const float *left, const float *right, Py_ssize_t frames, const double *sections,
                  const double gains[2], double *state, const int *ends, Py_ssize_t steps, double *sums) {
    Pair p[6], q[6], past[6];
    for (int n = 0; n < 6; n++) {
        p[n] = (Pair){sections[n], sections[n]};
        q[n] = (Pair){sections[6 + n], sections[6 + n]};
    }
    memcpy(past, state, sizeof past);
    Pair x1 = past[0], x2 = past[1], y1 = past[2], y2 = past[3], z1 = past[4], z2 = past[5];
    Py_ssize_t n = 0;
    for (Py_ssize_t step = 0; step <= steps; step++) {
        Py_ssize_t end = step < steps ? ends[step] : frames;
        Pair sum = {0.0, 0.0};
        for (; n < end; n++) {
            Pair x = {left[n], right[n]};
            Pair y = ((p[0] * x + p[1] * x1 + p[2] * x2) - p[5] * y2) - p[4] * y1;
            Pair z = ((q[0] * y + q[1] * y1 + q[2] * y2) - q[5] * z2) - q[4] * z1;
            sum += z * z;
            x2 = x1, x1 = x, y2 = y1, y1 = y, z2 = z1, z1 = z;
        }
        sums[step] += gains[0] * sum[0] + gains[1] * sum[1];
    }
    memcpy(state, (Pair[]){x1, x2, y1, y2, z1, z2}, sizeof past);
}

PyObject *k_weighted_sums(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer views[6];
    if (!take(args, "fddDiD", views)) {
        return NULL;
    }
    Py_buffer *planes = &views[0], *sections = &views[1], *gains = &views[2], *state = &views[3], *ends = &views[4];
    Py_buffer *sums = &views[5];
    const double *gain = gains->buf;
    const int *end = ends->buf;
    Py_ssize_t channels = ITEMS(*gains), pairs = (channels + 1) / 2, steps = ITEMS(*ends);
    Py_ssize_t frames = channels ? ITEMS(*planes) / channels : 0;
    int sound = channels > 0 && ITEMS(*sections) == 12 && ITEMS(*state) == 12 * pairs && ITEMS(*sums) == steps + 1 &&
                ITEMS(*planes) == channels * frames;
    for (Py_ssize_t step = 0; sound && step < steps; step++) {
        sound = end[step] >= (step ? end[step - 1] : 0) && end[step] <= frames;
    }
    if (!sound) {
        release("fddDiD", views);
        PyErr_SetString(PyExc_ValueError, "the shapes of planes, sections, gains, state, ends and sums disagree");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t pair = 0; pair < pairs; pair++) {
        Py_ssize_t first = 2 * pair, second = first + 1 < channels ? first + 1 : first;
        const double of_pair[2] = {gain[first], second > first ? gain[second] : 0.0};
        const float *plane = planes->buf;
        weigh(plane + first * frames, plane + second * frames, frames, sections->buf, of_pair,
              (double *)state->buf + 12 * pair, end, steps, sums->buf);
    }
    Py_END_ALLOW_THREADS
    release("fddDiD", views);
    Py_RETURN_NONE;
}

enum { TAPS = 32, REACH = TAPS / 2, GROUP = 16, LANES = GROUP / 2, PHASES = 3 };

/* Rounding shall not leave a peak out. */
static const float BELOW = 0.9999f;

static inline float greater(float a, float b) { return a > b ? a : b; }

/* The greatest magnitude and the energy of GROUP samples. */
static inline float group_peak(const float *from, float *energy) {
    float sums[4] = {0}, peaks[4] = {0};
    for (int n = 0; n < GROUP; n += 4) {
        for (int lane = 0; lane < 4; lane++) {
            sums[lane] += from[n + lane] * from[n + lane];
            peaks[lane] = greater(fabsf(from[n + lane]), peaks[lane]);
        }
    }
    *energy = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return greater(greater(peaks[0], peaks[1]), greater(peaks[2], peaks[3]));
}

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Whole __attribute__((vector_size(LANES * sizeof(int32_t))));

/* Points between samples, three after each of GROUP, summed from the middle taps outwards. */
typedef struct {
    Lanes value[PHASES][GROUP / LANES];
} Points;

static ALWAYS_INLINE Lanes lanes(const float *from) {
    Lanes values;
    memcpy(&values, from, sizeof values);
    return values;
}

/* Raise each lane to the magnitude of a value; as integers magnitudes have the same order. */
static ALWAYS_INLINE void raise(Whole *greatest, Lanes values) {
    Whole magnitude = (Whole)values & 0x7fffffff, above = magnitude > *greatest;
    *greatest = (magnitude & above) | (*greatest & ~above);
}

/* Add the taps that lie between `from` and `to` from the middle, and return the greatest magnitude so far. */
static ALWAYS_INLINE float add_taps(Points *points, const float *at, const float *taps, int from, int to) {
    Whole greatest = {0};
    for (int phase = 0; phase < PHASES; phase++) {
        Lanes low = points->value[phase][0], high = points->value[phase][1];
        const float *tap = taps + phase * TAPS, *sample = at - REACH + 1;
        for (int n = REACH - to; n < REACH - from; n++) {
            low += tap[n] * lanes(sample + n), high += tap[n] * lanes(sample + n + LANES);
        }
        for (int n = REACH + from; n < REACH + to; n++) {
            low += tap[n] * lanes(sample + n), high += tap[n] * lanes(sample + n + LANES);
        }
        points->value[phase][0] = low, points->value[phase][1] = high;
        raise(&greatest, low);
        raise(&greatest, high);
    }
    int32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) {
        bits = greatest[lane] > bits ? greatest[lane] : bits;
    }
    float peak;
    memcpy(&peak, &bits, sizeof peak);
    return peak;
}

/* The greatest point after each of GROUP samples, or the peak so far where none can be above it. `reach` times the
   norms of the taps beyond the middle 8 and 16 bounds what those add. */
static ALWAYS_INLINE float interpolated_peak(const float *at, const float *taps, const float *norms, float reach, float peak) {
    Points points = {{{0}}};
    float least = peak * BELOW;
    if (add_taps(&points, at, taps, 0, REACH / 4) + norms[0] * reach <= least ||
        add_taps(&points, at, taps, REACH / 4, REACH / 2) + norms[1] * reach <= least) {
        return peak;
    }
    return greater(add_taps(&points, at, taps, REACH / 2, REACH), peak);
}

/* Samples are interpolated only where they could hold a new peak. By Cauchy and Schwarz, what some taps give is at most
   their norm times that of the samples they reach; and what the middle ones give is at most the greatest sample times
   the sum of their magnitudes, or else computed. So what is left out changes nothing. `bounds` holds that sum, and the
   norms of the taps beyond the middle 8 and 16. */
VECTORISED static float true_peak_of(const float *plane, Py_ssize_t frames, const float *taps, const float *bounds,
                                     float peak) {
    Py_ssize_t at, last = frames - REACH - GROUP;
    float before, here, after, energy_before, energy, energy_after;
    for (at = 0; at + GROUP <= frames; at += GROUP) {
        peak = greater(group_peak(plane + at, &energy), peak);
    }
    peak = greater(group_peak(plane + frames - GROUP, &energy), peak);
    before = group_peak(plane + REACH - GROUP, &energy_before);
    here = group_peak(plane + REACH, &energy);
    for (at = REACH; at <= last; at += GROUP) {
        after = group_peak(plane + at + GROUP, &energy_after);
        float near = greater(greater(before, here), after), reach = sqrtf(energy_before + energy + energy_after);
        if (near * bounds[0] + reach * bounds[1] > peak * BELOW) {
            peak = interpolated_peak(plane + at, taps, bounds + 1, reach, peak);
        }
        before = here, here = after, energy_before = energy, energy = energy_after;
    }
    /* Fewer than GROUP are left over: those before them are measured twice, which does no harm. */
    return interpolated_peak(plane + last, taps, bounds + 1, INFINITY, peak);
}

PyObject *true_peak(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer views[4];
    if (!take(args, "fffF", views)) {
        return NULL;
    }
    Py_buffer *planes = &views[0], *taps = &views[1], *bounds = &views[2], *peaks = &views[3];
    Py_ssize_t channels = ITEMS(*peaks), frames = channels ? ITEMS(*planes) / channels : 0;
    if (frames < GROUP + TAPS || ITEMS(*planes) != channels * frames || ITEMS(*taps) != PHASES * TAPS || ITEMS(*bounds) != 3) {
        release("fffF", views);
        PyErr_SetString(PyExc_ValueError, "the shapes of planes, taps, bounds and peaks disagree, or are too short");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t channel = 0; channel < channels; channel++) {
        float *peak = (float *)peaks->buf + channel;
        *peak = true_peak_of((const float *)planes->buf + channel * frames, frames, taps->buf, bounds->buf, *peak);
    }
    Py_END_ALLOW_THREADS
    release("fffF", views);
    Py_RETURN_NONE;
}
