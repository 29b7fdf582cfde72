/* audiofeat._native: loops that numpy cannot fuse. Each is held against its numpy twin by a test. */
#include "native.h"

#include <ctype.h>

int take(PyObject *args, const char *formats, Py_buffer *views) {
    Py_ssize_t count = (Py_ssize_t)strlen(formats), taken = 0;
    if (PyTuple_Size(args) != count) {
        PyErr_Format(PyExc_TypeError, "%zd arrays are needed, %zd were given", count, PyTuple_Size(args));
        return 0;
    }
    for (; taken < count; taken++) {
        char letter = (char)tolower(formats[taken]);
        int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (letter != formats[taken] ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(PyTuple_GetItem(args, taken), &views[taken], flags) < 0) {
            break;
        }
        const char *format = views[taken].format;
        if (format == NULL || format[0] != letter || format[1] != '\0') {
            PyErr_Format(PyExc_TypeError, "array %zd has items of format %s, not %c", taken, format, letter);
            PyBuffer_Release(&views[taken]);
            break;
        }
    }
    if (taken == count) {
        return 1;
    }
    while (taken--) {
        PyBuffer_Release(&views[taken]);
    }
    return 0;
}

void release(const char *formats, Py_buffer *views) {
    for (size_t n = 0; n < strlen(formats); n++) {
        PyBuffer_Release(&views[n]);
    }
}

static PyMethodDef methods[] = {
    {"chain_beats", chain_beats, METH_VARARGS,
     "chain_beats(onsets, periods, tightness, scores, links)\n--\n\n"
     "Write the score of the best chain of beats that ends in each frame, and the frame of the beat before, or -1."},
    {"k_weighted_sums", k_weighted_sums, METH_VARARGS,
     "k_weighted_sums(planes, sections, gains, state, ends, sums)\n--\n\n"
     "Add the K-weighted power of each stretch of frames, summed over channels by their gains, to sums."},
    {"mix_down", mix_down, METH_VARARGS,
     "mix_down(pcm, clipped, ends, planes, mono, table)\n--\n\n"
     "Write the channels apart, their mean, and for each stretch of frames a row of sums: of each channel its sum, energy,\n"
     "peak and clipped samples; then the energy of the mean, the product of two channels, and the zeros of the mean."},
    {"pitch_peaks", pitch_peaks, METH_VARARGS,
     "pitch_peaks(power, numbers, grid, deviations)\n--\n\n"
     "Add the peaks of each frame's power to its row of the grid, and to the sum of their deviations from semitones."},
    {"power_spectra", power_spectra, METH_VARARGS,
     "power_spectra(signal, window, hop, turns, place, power)\n--\n\n"
     "Write the power spectrum of each windowed frame of a signal; see audiofeat.features.spectra for the tables."},
    {"rectified_patches", rectified_patches, METH_VARARGS,
     "rectified_patches(maps, bias, shape, rows)\n--\n\n"
     "Write what a kernel sees at every second time and band of maps to which the bias was added, nothing being less than\n"
     "zero; shape is (times, bands, channels, odd size of the kernel)."},
    {"running_medians", running_medians, METH_VARARGS,
     "running_medians(values, shape, downwards, across)\n--\n\n"
     "Write the running medians along columns and along rows; shape is (columns, width downwards, width across)."},
    {"second_sums", second_sums, METH_VARARGS,
     "second_sums(values, audible, second, shape, before, sums)\n--\n\n"
     "Add each frame's values, which are curves and then bands, to the row of its second; shape is (curves, bands, curves\n"
     "at attacks), and the last number of a row counts frames; see audiofeat.features.instrument_windows."},
    {"spectral_shape", spectral_shape, METH_VARARGS,
     "spectral_shape(power, signal, hz, edges, before, values, energies)\n--\n\n"
     "Write the shape values and the mean square of every second frame."},
    {"true_peak", true_peak, METH_VARARGS,
     "true_peak(planes, taps, bounds, peaks)\n--\n\n"
     "Raise the peak of each channel to the greatest magnitude of its samples and of three points between any two."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "Loops that numpy cannot fuse.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&definition); }
