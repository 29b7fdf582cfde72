/* What the kernels of a convolutional layer look at: one row of a matrix for each of its answers. */
#include "native.h"

enum { TIMES, BANDS, CHANNELS, SIZE, NUMBERS, STRIDE = 2 };

/* Write the rows of one clip. Beyond the edges of the maps there is nothing. */
VECTORISED static void look(const float *maps, const float *restrict bias, const int *shape, float *restrict rows) {
    int edge = shape[SIZE] / 2, channels = shape[CHANNELS];
    for (int time = -edge; time < shape[TIMES] - edge; time += STRIDE) {
        for (int band = -edge; band < shape[BANDS] - edge; band += STRIDE) {
            for (int at = 0; at < shape[SIZE] * shape[SIZE]; at++, rows += channels) {
                int row = time + at / shape[SIZE], column = band + at % shape[SIZE];
                if (row < 0 || row >= shape[TIMES] || column < 0 || column >= shape[BANDS]) {
                    memset(rows, 0, (size_t)channels * sizeof(float));
                    continue;
                }
                const float *map = maps + ((Py_ssize_t)row * shape[BANDS] + column) * channels;
                for (int channel = 0; channel < channels; channel++) {
                    float value = map[channel] + bias[channel];
                    rows[channel] = value > 0.0f ? value : 0.0f;
                }
            }
        }
    }
}

PyObject *rectified_patches(PyObject *module, PyObject *args) {
    (void)module;
    const char *formats = "ffiF";
    Py_buffer views[4];
    if (!take(args, formats, views)) {
        return NULL;
    }
    Py_buffer *maps = &views[0], *bias = &views[1], *shape = &views[2], *rows = &views[3];
    const int *numbers = shape->buf;
    Py_ssize_t clips = 0, each = 0, written = 0;
    int sound = ITEMS(*shape) == NUMBERS && numbers[SIZE] % 2 == 1;
    for (int n = 0; sound && n < NUMBERS; n++) {
        sound = numbers[n] > 0 && numbers[n] < 1 << 12;
    }
    if (sound) {
        each = (Py_ssize_t)numbers[TIMES] * numbers[BANDS] * numbers[CHANNELS];
        written = (Py_ssize_t)((numbers[TIMES] + 1) / STRIDE) * ((numbers[BANDS] + 1) / STRIDE) * numbers[CHANNELS] *
                  numbers[SIZE] * numbers[SIZE];
        clips = ITEMS(*maps) / each;
        sound = ITEMS(*maps) == clips * each && ITEMS(*bias) == numbers[CHANNELS] && ITEMS(*rows) == clips * written;
    }
    if (!sound) {
        release(formats, views);
        PyErr_SetString(PyExc_ValueError, "the shapes of maps, bias and rows disagree, or the size is even");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t clip = 0; clip < clips; clip++) {
        look((const float *)maps->buf + clip * each, bias->buf, numbers, (float *)rows->buf + clip * written);
    }
    Py_END_ALLOW_THREADS
    release(formats, views);
    Py_RETURN_NONE;
}
