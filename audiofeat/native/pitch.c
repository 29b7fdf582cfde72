/* Spectral peaks on a grid of pitch. */
#include "native.h"

#include <math.h>

enum { FIRST_BIN, BIN_OVER_LOWEST, PEAK_FLOOR, LEAST_POWER, LEAST_BEND, COLUMNS_A_SEMITONE, NUMBERS };

/* The sine and cosine of a full turn times x, from the series of the sine of half of it. */
static inline void turn(float x, double *sine, double *cosine) {
    double half = 3.14159265358979323846 * ((double)x - rint((double)x)), square = half * half;
    double s = half * (1 + square * (-1.0 / 6 + square * (1.0 / 120 + square * (-1.0 / 5040 + square * (1.0 / 362880 +
               square * (-1.0 / 39916800 + square * (1.0 / 6227020800)))))));
    *sine = 2 * s * sqrt(1 - s * s > 0 ? 1 - s * s : 0);
    *cosine = 1 - 2 * s * s;
}

/* Add the square root of each peak's magnitude to its column, and its magnitude to the deviation from the semitones. */
static void place(const float *power, Py_ssize_t bins, const double *numbers, float *grid, Py_ssize_t columns,
                  double *deviation) {
    float top = 0.0f, least = (float)numbers[LEAST_POWER];
    for (Py_ssize_t bin = 1; bin < bins - 1; bin++) {
        top = power[bin] > top ? power[bin] : top;
    }
    float floor = top * (float)numbers[PEAK_FLOOR] > least ? top * (float)numbers[PEAK_FLOOR] : least;
    for (Py_ssize_t bin = 1; bin < bins - 1; bin++) {
        float here = power[bin];
        if (!(here > floor && here > power[bin - 1] && here >= power[bin + 1])) {
            continue;
        }
        float before = log2_of(power[bin - 1] + least), summit = log2_of(here + least);
        float after = log2_of(power[bin + 1] + least), bend = before - 2 * summit + after;
        /* Where three neighbours are as good as equal the summit is the middle one. */
        float most = (float)numbers[LEAST_BEND], shift = 0.5f * (before - after) / (bend < most ? bend : most);
        shift = shift > 0.5f ? 0.5f : shift < -0.5f ? -0.5f : shift;
        float position = (float)(numbers[FIRST_BIN] + (double)bin) + shift;
        float pitch = 12 * log2_of(position * (float)numbers[BIN_OVER_LOWEST]), magnitude = sqrtf(here + least);
        double sine, cosine, column = rint((double)pitch * numbers[COLUMNS_A_SEMITONE]);
        turn(pitch, &sine, &cosine);
        deviation[0] += (double)magnitude * cosine;
        deviation[1] += (double)magnitude * sine;
        if (column >= 0 && column < (double)columns) {
            grid[(Py_ssize_t)column] += sqrtf(magnitude);
        }
    }
}

PyObject *pitch_peaks(PyObject *module, PyObject *args) {
    (void)module;
    const char *formats = "fdFD";
    Py_buffer views[4];
    if (!take(args, formats, views)) {
        return NULL;
    }
    Py_buffer *power = &views[0], *numbers = &views[1], *grid = &views[2], *deviations = &views[3];
    Py_ssize_t frames = ITEMS(*deviations) / 2, bins = frames ? ITEMS(*power) / frames : 0;
    Py_ssize_t columns = frames ? ITEMS(*grid) / frames : 0;
    if (ITEMS(*deviations) != 2 * frames || ITEMS(*power) != bins * frames || ITEMS(*grid) != columns * frames ||
        ITEMS(*numbers) != NUMBERS) {
        release(formats, views);
        PyErr_SetString(PyExc_ValueError, "the shapes of power, numbers, grid and deviations disagree");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t frame = 0; frame < frames; frame++) {
        place((const float *)power->buf + frame * bins, bins, numbers->buf, (float *)grid->buf + frame * columns,
              columns, (double *)deviations->buf + 2 * frame);
    }
    Py_END_ALLOW_THREADS
    release(formats, views);
    Py_RETURN_NONE;
}
