/* Sums of powers, changes and attacks of each second, from the values of its frames. */
#include "native.h"

enum { CURVES, BANDS, AT_ATTACKS, NUMBERS };

/* Add one frame; `before` holds the values of the one before, and after them whether that was audible. The sums of
   curves, of their squares, cubes and changes follow one another, and so do those of bands, their squares, rises and
   falls. */
VECTORISED static void add(const float *restrict values, double audible, const int *numbers, double *restrict before,
                           double *restrict sums) {
    Py_ssize_t curves = numbers[CURVES], bands = numbers[BANDS], at_attacks = numbers[AT_ATTACKS];
    double step = audible * before[curves + bands], attack = 0.0;
    *sums++ += audible;
    for (Py_ssize_t n = 0; n < curves; n++) {
        double value = values[n], change = value - before[n], square = value * value;
        sums[n] += audible * value;
        sums[n + curves] += audible * square;
        sums[n + 2 * curves] += audible * square * value;
        sums[n + 3 * curves] += step * (change < 0 ? -change : change);
        before[n] = value;
    }
    sums += 4 * curves;
    *sums++ += step;
    for (Py_ssize_t n = 0; n < bands; n++) {
        double value = values[curves + n], change = audible * (value - before[curves + n]);
        sums[n] += audible * value;
        sums[n + bands] += audible * value * value;
        sums[n + 2 * bands] += change > 0 ? change : 0;
        sums[n + 3 * bands] -= change < 0 ? change : 0;
        attack += change > 0 ? change : 0;
        before[curves + n] = value;
    }
    sums += 4 * bands;
    attack /= (double)bands;
    *sums++ += attack;
    for (Py_ssize_t n = 0; n < at_attacks; n++) {
        sums[n] += attack * values[n];
    }
    sums[at_attacks] += 1;
    before[curves + bands] = audible;
}

PyObject *second_sums(PyObject *module, PyObject *args) {
    (void)module;
    const char *formats = "f?iiDD";
    Py_buffer views[6];
    if (!take(args, formats, views)) {
        return NULL;
    }
    Py_buffer *values = &views[0], *audible = &views[1], *seconds = &views[2], *shape = &views[3];
    Py_buffer *before = &views[4], *sums = &views[5];
    const int *numbers = shape->buf, *second = seconds->buf;
    Py_ssize_t frames = ITEMS(*audible), width = 0, wide = 0;
    int sound = ITEMS(*shape) == NUMBERS && numbers[CURVES] > 0 && numbers[BANDS] > 0 && numbers[AT_ATTACKS] >= 0 &&
                numbers[AT_ATTACKS] <= numbers[CURVES];
    if (sound) {
        width = (Py_ssize_t)numbers[CURVES] + numbers[BANDS];
        wide = 4 * width + numbers[AT_ATTACKS] + 4;
        sound = ITEMS(*values) == frames * width && ITEMS(*seconds) == frames && ITEMS(*before) == width + 1;
    }
    for (Py_ssize_t frame = 0; sound && frame < frames; frame++) {
        sound = second[frame] >= 0 && second[frame] < ITEMS(*sums) / wide;
    }
    if (!sound) {
        release(formats, views);
        PyErr_SetString(PyExc_ValueError, "the shapes of values, audible, second, before and sums disagree");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t frame = 0; frame < frames; frame++) {
        add((const float *)values->buf + frame * width, ((const char *)audible->buf)[frame] ? 1.0 : 0.0, numbers,
            before->buf, (double *)sums->buf + second[frame] * wide);
    }
    Py_END_ALLOW_THREADS
    release(formats, views);
    Py_RETURN_NONE;
}
