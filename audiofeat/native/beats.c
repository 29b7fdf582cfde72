/* The best chain of beats through an onset curve: dynamic programming after Ellis, "Beat tracking by dynamic
   programming", Journal of New Music Research 36(1), 2007, with a period that may change from frame to frame. */
#include "native.h"

#include <math.h>
#include <stdlib.h>

/* chain_beats(onsets f[n], periods f[n], tightness d[1], scores D[n], links I[n]) */
PyObject *chain_beats(PyObject *module, PyObject *args) {
    (void)module;
    static const char formats[] = "ffdDI";
    Py_buffer views[5];
    if (!take(args, formats, views)) {
        return NULL;
    }
    Py_ssize_t count = ITEMS(views[0]);
    if (ITEMS(views[1]) != count || ITEMS(views[2]) != 1 || ITEMS(views[3]) != count || ITEMS(views[4]) != count) {
        release(formats, views);
        PyErr_SetString(PyExc_ValueError, "onsets, periods, scores and links must be of one length");
        return NULL;
    }
    const float *onsets = views[0].buf, *periods = views[1].buf;
    double tightness = *(const double *)views[2].buf, *scores = views[3].buf;
    int *links = views[4].buf;
    float longest = 0;
    for (Py_ssize_t n = 0; n < count; n++) {
        if (!(periods[n] >= 2 && periods[n] < 1e6)) {
            release(formats, views);
            PyErr_SetString(PyExc_ValueError, "a period is at least two frames");
            return NULL;
        }
        longest = periods[n] > longest ? periods[n] : longest;
    }
    Py_ssize_t most = (Py_ssize_t)(longest * 1.6f) + 2;
    double *logs = malloc((size_t)most * sizeof *logs);
    if (logs == NULL) {
        release(formats, views);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t n = 1; n < most; n++) {
        logs[n] = log((double)n);
    }
    for (Py_ssize_t n = 0; n < count; n++) {
        double best = 0, period = log((double)periods[n]);
        Py_ssize_t shortest = (Py_ssize_t)(periods[n] * 0.6f), furthest = (Py_ssize_t)(periods[n] * 1.6f) + 1;
        int link = -1;
        for (Py_ssize_t back = shortest < 1 ? 1 : shortest; back <= furthest && back <= n; back++) {
            double bend = logs[back] - period, reached = scores[n - back] - tightness * bend * bend;
            if (reached > best) {
                best = reached;
                link = (int)(n - back);
            }
        }
        scores[n] = onsets[n] + best;
        links[n] = link;
    }
    Py_END_ALLOW_THREADS
    free(logs);
    release(formats, views);
    Py_RETURN_NONE;
}
