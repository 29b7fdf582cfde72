/* Power spectra of the frames of a real signal, eight frames at a time, a frame a lane.

   A frame of N samples is transformed as N/2 complex numbers by radix-4 steps in place (decimation in frequency; one
   radix-2 step where N/2 is no power of four), whose order is undone while even and odd samples are taken apart again
   (Sorensen et al., "Real-valued fast Fourier transform algorithms", IEEE TASSP 35(6), 1987). */
#include "native.h"

#include <stdlib.h>

enum { LANES = 8, LEAST = 16, MOST = 1 << 15 };

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t Pick __attribute__((vector_size(LANES * sizeof(int32_t))));

typedef struct {
    Lanes re, im;
} Complex;

typedef struct {
    Py_ssize_t size;      /* N */
    const float *window;  /* N */
    const float *turns;   /* for each radix-4 step: w^j, w^2j, w^3j; then those that take even and odd samples apart */
    const int *place;     /* where each of the N/2 frequencies lies after the last step */
    Complex *values;      /* N/2 */
    Lanes *power;         /* N/2 + 1, rounded up to LANES */
} Transform;

static ALWAYS_INLINE void transpose(Lanes row[LANES]) {
    Lanes a[LANES], b[LANES];
    for (int n = 0; n < LANES; n += 2) {
        a[n] = __builtin_shuffle(row[n], row[n + 1], (Pick){0, 8, 2, 10, 4, 12, 6, 14});
        a[n + 1] = __builtin_shuffle(row[n], row[n + 1], (Pick){1, 9, 3, 11, 5, 13, 7, 15});
    }
    for (int n = 0; n < LANES; n += 4) {
        for (int m = 0; m < 2; m++) {
            b[n + m] = __builtin_shuffle(a[n + m], a[n + m + 2], (Pick){0, 1, 8, 9, 4, 5, 12, 13});
            b[n + m + 2] = __builtin_shuffle(a[n + m], a[n + m + 2], (Pick){2, 3, 10, 11, 6, 7, 14, 15});
        }
    }
    for (int n = 0; n < 4; n++) {
        row[n] = __builtin_shuffle(b[n], b[n + 4], (Pick){0, 1, 2, 3, 8, 9, 10, 11});
        row[n + 4] = __builtin_shuffle(b[n], b[n + 4], (Pick){4, 5, 6, 7, 12, 13, 14, 15});
    }
}

static ALWAYS_INLINE Complex turned(Lanes re, Lanes im, const float *by) {
    return (Complex){re * by[0] - im * by[1], re * by[1] + im * by[0]};
}

/* Take in the windowed frames, two samples a complex number. */
static ALWAYS_INLINE void load(const Transform *t, const float *const frames[LANES]) {
    Lanes *out = (Lanes *)t->values;
    for (Py_ssize_t n = 0; n < t->size; n += LANES) {
        Lanes rows[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            memcpy(&rows[lane], frames[lane] + n, sizeof rows[lane]);
        }
        transpose(rows);
        for (int k = 0; k < LANES; k++) {
            out[n + k] = rows[k] * t->window[n + k];
        }
    }
}

/* Transform in place; return the turns behind those used. */
static ALWAYS_INLINE const float *steps(const Transform *t) {
    Py_ssize_t count = t->size / 2, length = count;
    const float *turns = t->turns;
    for (; length >= 4; length /= 4) {
        Py_ssize_t quarter = length / 4;
        for (Py_ssize_t start = 0; start < count; start += length) {
            for (Py_ssize_t n = 0; n < quarter; n++) {
                Complex *at = t->values + start + n, a = at[0], b = at[quarter], c = at[2 * quarter];
                Complex d = at[3 * quarter];
                const float *by = turns + 6 * n;
                Lanes sum_re = a.re + c.re, sum_im = a.im + c.im, less_re = a.re - c.re, less_im = a.im - c.im;
                Lanes odd_re = b.re + d.re, odd_im = b.im + d.im, turn_re = b.im - d.im, turn_im = d.re - b.re;
                at[0] = (Complex){sum_re + odd_re, sum_im + odd_im};
                at[quarter] = turned(less_re + turn_re, less_im + turn_im, by);
                at[2 * quarter] = turned(sum_re - odd_re, sum_im - odd_im, by + 2);
                at[3 * quarter] = turned(less_re - turn_re, less_im - turn_im, by + 4);
            }
        }
        turns += 6 * quarter;
    }
    for (Py_ssize_t n = 0; length == 2 && n < count; n += 2) {
        Complex a = t->values[n], b = t->values[n + 1];
        t->values[n] = (Complex){a.re + b.re, a.im + b.im};
        t->values[n + 1] = (Complex){a.re - b.re, a.im - b.im};
    }
    return turns;
}

/* Take the transforms of even and odd samples apart, and write the power of each frequency and of its mirror. */
static ALWAYS_INLINE void apart(const Transform *t, const float *turns) {
    Py_ssize_t count = t->size / 2;
    Complex zero = t->values[t->place[0]];
    t->power[0] = (zero.re + zero.im) * (zero.re + zero.im);
    t->power[count] = (zero.re - zero.im) * (zero.re - zero.im);
    for (Py_ssize_t n = 1; n <= count / 2; n++) {
        Complex a = t->values[t->place[n]], b = t->values[t->place[count - n]];
        Lanes even_re = a.re + b.re, even_im = a.im - b.im;
        Complex odd = turned(a.im + b.im, b.re - a.re, turns + 2 * n);
        Lanes re = even_re + odd.re, im = even_im + odd.im;
        t->power[n] = 0.25f * (re * re + im * im);
        re = even_re - odd.re, im = even_im - odd.im;
        t->power[count - n] = 0.25f * (re * re + im * im);
    }
}

static ALWAYS_INLINE void store(const Transform *t, float *power, Py_ssize_t rows) {
    Py_ssize_t bins = t->size / 2 + 1;
    for (Py_ssize_t bin = 0; bin < bins; bin += LANES) {
        Lanes columns[LANES];
        memcpy(columns, t->power + bin, sizeof columns);
        transpose(columns);
        Py_ssize_t some = bins - bin < LANES ? bins - bin : LANES;
        for (Py_ssize_t row = 0; row < rows; row++) {
            memcpy(power + row * bins + bin, &columns[row], (size_t)some * sizeof(float));
        }
    }
}

VECTORISED static void transform(const Transform *t, const float *signal, Py_ssize_t hop, Py_ssize_t frames, float *power) {
    for (Py_ssize_t frame = 0; frame < frames; frame += LANES) {
        Py_ssize_t rows = frames - frame < LANES ? frames - frame : LANES;
        const float *begin[LANES];
        for (Py_ssize_t lane = 0; lane < LANES; lane++) {
            begin[lane] = signal + (frame + (lane < rows ? lane : 0)) * hop;
        }
        load(t, begin);
        apart(t, steps(t));
        store(t, power + frame * (t->size / 2 + 1), rows);
    }
}

/* The turns that steps() and apart() read. */
static Py_ssize_t turns_of(Py_ssize_t size) {
    Py_ssize_t count = 0;
    for (Py_ssize_t length = size / 2; length >= 4; length /= 4) {
        count += 6 * (length / 4);
    }
    return count + 2 * (size / 4 + 1);
}

PyObject *power_spectra(PyObject *module, PyObject *args) {
    (void)module;
    const char *formats = "ffifiF";
    Py_buffer views[6];
    if (!take(args, formats, views)) {
        return NULL;
    }
    Py_buffer *signal = &views[0], *window = &views[1], *hop = &views[2], *turns = &views[3], *place = &views[4];
    Py_buffer *power = &views[5];
    Py_ssize_t size = ITEMS(*window), bins = size / 2 + 1, frames = ITEMS(*power) / bins;
    Py_ssize_t step = ITEMS(*hop) == 1 ? *(const int *)hop->buf : 0;
    int sound = size >= LEAST && size <= MOST && !(size & (size - 1)) && step > 0 && ITEMS(*power) == frames * bins &&
                ITEMS(*turns) == turns_of(size) && ITEMS(*place) == size / 2 &&
                (!frames || ITEMS(*signal) >= (frames - 1) * step + size);
    for (Py_ssize_t n = 0; sound && n < size / 2; n++) {
        sound = ((const int *)place->buf)[n] >= 0 && ((const int *)place->buf)[n] < size / 2;
    }
    if (!sound) {
        release(formats, views);
        PyErr_SetString(PyExc_ValueError, "the shapes of signal, window, hop, turns, place and power disagree");
        return NULL;
    }
    Transform t = {.size = size, .window = window->buf, .turns = turns->buf, .place = place->buf};
    t.values = aligned_alloc(2 * sizeof(Lanes), (size_t)size / 2 * sizeof(Complex));
    t.power = aligned_alloc(2 * sizeof(Lanes), (size_t)(size / 2 + LANES) * sizeof(Lanes));
    if (t.values && t.power) {
        memset(t.power, 0, (size_t)(size / 2 + LANES) * sizeof(Lanes));
        Py_BEGIN_ALLOW_THREADS
        transform(&t, signal->buf, step, frames, power->buf);
        Py_END_ALLOW_THREADS
    }
    int done = t.values && t.power;
    free(t.values);
    free(t.power);
    release(formats, views);
    if (!done) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}
