/* Running medians along both axes of a matrix; beyond an edge its value goes on. */
#include "native.h"

#include <math.h>

enum { MOST_COLUMNS = 64, MOST_WIDTH = 31, MOST_KEPT = MOST_WIDTH / 2 + 2 };

static ALWAYS_INLINE void put_in_order(float *restrict less, float *restrict greater) {
    for (int column = 0; column < MOST_COLUMNS; column++) {
        float a = less[column], b = greater[column];
        less[column] = a < b ? a : b;
        greater[column] = a < b ? b : a;
    }
}

/* Write the two middle ones of an even number of values, for all columns at once, by forgetful selection: of half the
   values and two more, neither the least nor the greatest can be in the middle, so they make room for the next value;
   once values are in order by pairs, the least is one of the lesser ones.
   The middle of nothing has no bounds. */
VECTORISED static void middle_two(const float *const *values, int count, float *low, float *high) {
    float kept[MOST_KEPT][MOST_COLUMNS];
    int next = count / 2 + 2 < count ? count / 2 + 2 : count;
    for (int n = 0; n < next; n++) {
        memcpy(kept[n], values[n], sizeof kept[n]);
    }
    for (int left = next; left > 3; left--) {
        for (int n = 0; n < left / 2; n++) {
            put_in_order(kept[n], kept[left - 1 - n]);
        }
        for (int n = 1; n < left - left / 2; n++) {
            put_in_order(kept[0], kept[n]);
            put_in_order(kept[left - 1 - n], kept[left - 1]);
        }
        if (next < count) {
            memcpy(kept[0], values[next++], sizeof kept[0]);
        }
    }
    if (!count) {
        for (int column = 0; column < MOST_COLUMNS; column++) {
            low[column] = -INFINITY, high[column] = INFINITY;
        }
        return;
    }
    const float *one = kept[count > 2], *other = kept[1 + (count > 2)];
    for (int column = 0; column < MOST_COLUMNS; column++) {
        low[column] = one[column] < other[column] ? one[column] : other[column];
        high[column] = one[column] < other[column] ? other[column] : one[column];
    }
}

/* One value more than those of which these are the middle two: the median is the value, or the nearer of the two. */
VECTORISED static void median_with(const float *value, const float *low, const float *high, int columns, float *median) {
    for (int column = 0; column < columns; column++) {
        float raised = value[column] > low[column] ? value[column] : low[column];
        median[column] = raised < high[column] ? raised : high[column];
    }
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
    const float *from = values->buf;
    float *along = downwards->buf, *beside = across->buf;
    float low[MOST_COLUMNS], high[MOST_COLUMNS], lines[MOST_WIDTH + 1][MOST_COLUMNS + MOST_WIDTH] = {{0}};
    const float *around[MOST_WIDTH];
    /* The windows of two rows share all but one value each. */
    for (Py_ssize_t row = 0; row < rows; row += 2) {
        for (int n = 0; n <= down; n++) {
            memcpy(lines[n], from + within(row + n - down / 2, rows) * columns, (size_t)columns * sizeof(float));
        }
        for (int n = 1; n < down; n++) {
            around[n - 1] = lines[n];
        }
        middle_two(around, down - 1, low, high);
        median_with(lines[0], low, high, columns, along + row * columns);
        if (row + 1 < rows) {
            median_with(lines[down], low, high, columns, along + (row + 1) * columns);
        }
    }
    for (Py_ssize_t row = 0; row < rows; row++) {
        for (int n = 0; n < columns + over - 1; n++) {
            lines[0][n] = from[row * columns + within(n - over / 2, columns)];
        }
        for (int n = 1; n < over; n++) {
            around[n - 1] = lines[0] + n;
        }
        middle_two(around, over - 1, low, high);
        median_with(lines[0], low, high, columns, beside + row * columns);
    }
    Py_END_ALLOW_THREADS
    release("fiFF", views);
    Py_RETURN_NONE;
}
