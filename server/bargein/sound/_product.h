/* Sums of products that the compiler can make eight at a time. It keeps the order in which numbers are added, so they are
 * added in lanes of their own.
 */
#ifndef BARGEIN_SOUND_PRODUCT_H
#define BARGEIN_SOUND_PRODUCT_H

#include <Python.h>

enum { PRODUCT_LANES = 8 };

static double product(const float *a, const float *b, Py_ssize_t count)
{
    float lanes[PRODUCT_LANES] = {0};
    Py_ssize_t at = 0;
    for (; at + PRODUCT_LANES <= count; at += PRODUCT_LANES)
        for (int lane = 0; lane < PRODUCT_LANES; lane++)
            lanes[lane] += a[at + lane] * b[at + lane];
    double total = 0.0;
    for (int lane = 0; lane < PRODUCT_LANES; lane++)
        total += lanes[lane];
    for (; at < count; at++)
        total += (double)a[at] * b[at];
    return total;
}

#endif
