/* What bargein/sound/speech_curve.py does in numpy, in one call: every piece of every reply is measured before it is sent,
 * for its words are told with their sound.
 *
 * What is slow is a sum of the first functions of the discrete cosine transform. They are orthogonal, and so are their
 * differences (they are the eigenvectors of the second difference: G. Strang, "The discrete cosine transform", SIAM
 * Review 41(1), 1999): what they hold of a step's energy, and of that of its differences, is taken off the sums, and no
 * sample has to be changed. How much of each is in a step is told from sums of four samples: exactly of what is slow, and
 * nothing to speak of comes in from the frequencies that fold onto it, for these sums have their zeros there.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "_product.h"

enum { MOST_STEP = 1024, SUMMED = 4 };

static const double FULL_SCALE = 32768.0;

PyDoc_STRVAR(measure_doc, "measure(samples, step, slow, slowness, silent, threshold) -> (levels_db, hisses)\n\n"
    "samples: PCM16, whole steps of `step` samples.\n"
    "slow: float32, a row of `step / 4` for each slow function.\n"
    "slowness: float64, for each the energy of its differences, as a share of its own.\n"
    "silent: the least mean square that is told, of 1 at full scale.\n"
    "threshold: energy of the differences, as a share of the step's own, above which it hisses.");

static PyObject *measure(PyObject *module, PyObject *args)
{
    Py_buffer samples, slow, slowness;
    Py_ssize_t step;
    double silent, threshold;
    if (!PyArg_ParseTuple(args, "y*ny*y*dd", &samples, &step, &slow, &slowness, &silent, &threshold))
        return NULL;
    PyObject *levels = NULL, *hisses = NULL, *result = NULL;
    const Py_ssize_t functions = slowness.len / (Py_ssize_t)sizeof(double), coarse_count = step / SUMMED;
    if (step < SUMMED || step > MOST_STEP || step % SUMMED || samples.len % (step * (Py_ssize_t)sizeof(int16_t))
        || slow.len != functions * coarse_count * (Py_ssize_t)sizeof(float)) {
        PyErr_SetString(PyExc_ValueError, "samples, step and slow functions do not fit together");
        goto done;
    }
    const Py_ssize_t steps = samples.len / (step * (Py_ssize_t)sizeof(int16_t));
    levels = PyList_New(steps);
    hisses = PyList_New(steps);
    if (levels == NULL || hisses == NULL)
        goto done;
    for (Py_ssize_t number = 0; number < steps; number++) {
        int16_t sound[MOST_STEP];
        float exact[MOST_STEP], coarse[MOST_STEP / SUMMED];
        memcpy(sound, (const int16_t *)samples.buf + number * step, step * sizeof *sound);
        /* An offset would drown what is left in the rounding of the sums. */
        int32_t offset = 0;
        for (Py_ssize_t at = 0; at < step; at++)
            offset += sound[at];
        offset /= (int32_t)step;
        for (Py_ssize_t at = 0; at < step; at++)
            exact[at] = (float)(sound[at] - offset);
        for (Py_ssize_t at = 0; at < coarse_count; at++)
            coarse[at] = exact[4 * at] + exact[4 * at + 1] + exact[4 * at + 2] + exact[4 * at + 3];
        double energy = product(exact, exact, step);
        const double ends = (double)exact[0] * exact[0] + (double)exact[step - 1] * exact[step - 1];
        double differences = 2.0 * (energy - product(exact, exact + 1, step - 1)) - ends;
        for (Py_ssize_t function = 0; function < functions; function++) {
            const double share = product(coarse, (const float *)slow.buf + function * coarse_count, coarse_count);
            energy -= share * share;
            differences -= ((const double *)slowness.buf)[function] * share * share;
        }
        const double mean_square = energy / ((double)step * FULL_SCALE * FULL_SCALE);
        PyObject *level = PyFloat_FromDouble(10.0 * log10(mean_square > silent ? mean_square : silent));
        if (level == NULL)
            goto done;
        PyList_SET_ITEM(levels, number, level);
        PyList_SET_ITEM(hisses, number, PyBool_FromLong(energy > 0.0 && differences > threshold * energy));
    }
    result = PyTuple_Pack(2, levels, hisses);
done:
    Py_XDECREF(levels);
    Py_XDECREF(hisses);
    PyBuffer_Release(&samples);
    PyBuffer_Release(&slow);
    PyBuffer_Release(&slowness);
    return result;
}

static PyMethodDef methods[] = {{"measure", measure, METH_VARARGS, measure_doc}, {NULL, NULL, 0, NULL}};

static int execute(PyObject *module)
{
#if PY_BIG_ENDIAN
    PyErr_SetString(PyExc_ImportError, "PCM16 is little-endian");
    return -1;
#endif
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_speech_curve", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__speech_curve(void)
{
    return PyModuleDef_Init(&definition);
}
