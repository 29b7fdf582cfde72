/* ITU-R BS.1770 in the time domain. */
#include "native.h"

/* Two biquads in series, transposed direct form II; state holds four numbers a channel. */
static void weigh(const float *plane, Py_ssize_t frames, const double *sections, double gain, double *state,
                  double *power) {
    const double *p = sections, *q = sections + 6;
    double s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3];
    for (Py_ssize_t n = 0; n < frames; n++) {
        double x = plane[n];
        double y = p[0] * x + s0;
        s0 = p[1] * x - p[4] * y + s1;
        s1 = p[2] * x - p[5] * y;
        double z = q[0] * y + s2;
        s2 = q[1] * y - q[4] * z + s3;
        s3 = q[2] * y - q[5] * z;
        power[n] += gain * z * z;
    }
    state[0] = s0, state[1] = s1, state[2] = s2, state[3] = s3;
}

PyObject *k_weighted_power(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer views[5];
    if (!take(args, "fddDD", views)) {
        return NULL;
    }
    Py_buffer *planes = &views[0], *sections = &views[1], *gains = &views[2], *state = &views[3], *power = &views[4];
    Py_ssize_t channels = ITEMS(*gains), frames = ITEMS(*power);
    if (ITEMS(*sections) != 12 || ITEMS(*state) != 4 * channels || ITEMS(*planes) != channels * frames) {
        release("fddDD", views);
        PyErr_SetString(PyExc_ValueError, "the shapes of planes, sections, gains, state and power disagree");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    memset(power->buf, 0, (size_t)power->len);
    for (Py_ssize_t channel = 0; channel < channels; channel++) {
        weigh((const float *)planes->buf + channel * frames, frames, sections->buf,
              ((const double *)gains->buf)[channel], (double *)state->buf + 4 * channel, power->buf);
    }
    Py_END_ALLOW_THREADS
    release("fddDD", views);
    Py_RETURN_NONE;
}
