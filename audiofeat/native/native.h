/* What the hot loops share: arrays taken by the buffer protocol, so that no header of numpy is needed. */
#ifndef AUDIOFEAT_NATIVE_H
#define AUDIOFEAT_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Take one C-contiguous array for each letter of `formats` from a tuple of that length: f is float32, d float64,
   i int32, ? bool; a capital (F, D, I) is written to. On refusal set an error, release what was taken, return 0. */
int take(PyObject *args, const char *formats, Py_buffer *views);

/* Release what `take` took. */
void release(const char *formats, Py_buffer *views);

/* The number of items in an array. */
#define ITEMS(view) ((view).len / (view).itemsize)

/* Compiled for wider registers as well, chosen when loaded; the same operations in the same order: the same bits. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORISED
#endif

/* What works on registers has to become part of its caller, to be compiled for the same ones. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* The logarithm to base 2 of a normal positive float, within 3 parts in 10^7: the series of artanh about a power of
   two. Free of branches and calls, so that loops over it become vector code. */
static inline float log2_of(float x) {
    union {
        float number;
        int32_t bits;
    } whole = {x}, part;
    int32_t exponent = (whole.bits - 0x3f3504f3) >> 23;
    part.bits = whole.bits - (int32_t)((uint32_t)exponent << 23);
    float s = (part.number - 1.0f) / (part.number + 1.0f), square = s * s;
    float series = 1.0f + square * (1 / 3.0f + square * (1 / 5.0f + square * (1 / 7.0f + square * (1 / 9.0f))));
    return (float)exponent + 2.88539008f * s * series;
}

PyObject *chain_beats(PyObject *module, PyObject *args);
PyObject *k_weighted_sums(PyObject *module, PyObject *args);
PyObject *mix_down(PyObject *module, PyObject *args);
PyObject *pitch_peaks(PyObject *module, PyObject *args);
PyObject *power_spectra(PyObject *module, PyObject *args);
PyObject *rectified_patches(PyObject *module, PyObject *args);
PyObject *running_medians(PyObject *module, PyObject *args);
PyObject *second_sums(PyObject *module, PyObject *args);
PyObject *spectral_shape(PyObject *module, PyObject *args);
PyObject *true_peak(PyObject *module, PyObject *args);

#endif
