/* What the hot loops share: arrays taken by the buffer protocol, so that no header of numpy is needed. */
#ifndef AUDIOFEAT_NATIVE_H
#define AUDIOFEAT_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

/* Take one C-contiguous array for each letter of `formats` from a tuple of that length: f is float32, d float64,
   i int32, ? bool; a capital (F, D, I) is written to. On refusal set an error, release what was taken, return 0. */
int take(PyObject *args, const char *formats, Py_buffer *views);

/* Release what `take` took. */
void release(const char *formats, Py_buffer *views);

/* The number of items in an array. */
#define ITEMS(view) ((view).len / (view).itemsize)

PyObject *k_weighted_power(PyObject *module, PyObject *args);

#endif
