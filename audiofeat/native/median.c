/* Running medians along both axes of a matrix; beyond an edge its value goes on. */
#include "native.h"

enum { MOST_COLUMNS = 64, MOST_WIDTH = 31, MOST_KEPT = MOST_WIDTH / 2 + 2 };

/* Forgetful selection, for all columns at once: of half the values and two more, neither the least nor the greatest
   can be the median, so they make room for the next value, until three are left. */
VECTORISED static void median_of(const float *const *values, int width, int columns, float *medians) {
    float kept[MOST_KEPT][MOST_COLUMNS] = {0};
    int next = width / 2 + 2 < width ? width / 2 + 2 : width;
    for (int n = 0; n < next; n++) {
        memcpy(kept[n], values[n], (size_t)columns * sizeof(float));
    }
    for (int count = next; count >= 3; count--) {
        for (int n = 1; n < 2 * count - 2; n++) {
            float *restrict low = n < count ? kept[0] : kept[n - count + 1];
            float *restrict high = n < count ? kept[n] : kept[count - 1];
            for (int column = 0; column < MOST_COLUMNS; column++) {
                float a = low[column], b = high[column];
                low[column] = a < b ? a : b;
                high[column] = a < b ? b : a;
            }
        }
        if (next < width) {
            memcpy(kept[0], values[next++], (size_t)columns * sizeof(float));
        }
    }
    memcpy(medians, kept[width > 1], (size_t)columns * sizeof(float));
}

static Py_ssize_t within(Py_ssize_t at, Py_ssize_t count) { return at < 0 ? 0 : at < count ? at : count - 1; }

PyObject *running_medians(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer views[4];
    if (!take(args, "fiFF", views)) {
        return NULL;
    }
    Py_buffer *values = &views[0], *shape = &views[1], *downwards = &views[2], *across = &views[3];
    const int *numbers = shape->buf;
    Py_ssize_t items = ITEMS(*values);
    int sound = ITEMS(*shape) == 3 && numbers[0] > 0 && numbers[0] <= MOST_COLUMNS && items % numbers[0] == 0 &&
                ITEMS(*downwards) == items && ITEMS(*across) == items;
    for (int n = 1; sound && n < 3; n++) {
        sound = numbers[n] % 2 == 1 && numbers[n] > 0 && numbers[n] <= MOST_WIDTH;
    }
    if (!sound) {
        release("fiFF", views);
        PyErr_SetString(PyExc_ValueError, "shape is (up to 64 columns, odd width downwards, odd width across)");
        return NULL;
    }
    int columns = numbers[0], down = numbers[1], over = numbers[2];
    Py_ssize_t rows = items / columns;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t row = 0; row < rows; row++) {
        const float *from = (const float *)values->buf, *around[MOST_WIDTH];
        for (int n = 0; n < down; n++) {
            around[n] = from + within(row + n - down / 2, rows) * columns;
        }
        median_of(around, down, columns, (float *)downwards->buf + row * columns);
        float padded[MOST_COLUMNS + MOST_WIDTH];
        for (int n = 0; n < columns + over - 1; n++) {
            padded[n] = from[row * columns + within(n - over / 2, columns)];
        }
        for (int n = 0; n < over; n++) {
            around[n] = padded + n;
        }
        median_of(around, over, columns, (float *)across->buf + row * columns);
    }
    Py_END_ALLOW_THREADS
    release("fiFF", views);
    Py_RETURN_NONE;
}
