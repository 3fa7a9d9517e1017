/* What bargein/vad/voicing.py does in numpy, in one call: whether a sound repeats itself at the pitch of a voice. It is
 * asked for every window that may be speech while the agent speaks.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "../sound/_product.h"

enum { MOST_SAMPLES = 1024 };

PyDoc_STRVAR(is_periodic_doc, "is_periodic(samples, window, shortest_lag, gains, share) -> bool\n\n"
    "samples: PCM16.\n"
    "window: float32, one for each sample.\n"
    "gains: float32, one for each lag from the shortest on: what takes the window out of the sum at that lag.\n"
    "share: of the energy, which the sum at some lag must reach.");

static PyObject *is_periodic(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    int16_t heard[MOST_SAMPLES];
    float window[MOST_SAMPLES], gains[MOST_SAMPLES], sound[MOST_SAMPLES];
    if (count != 5 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1]) || !PyBytes_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "is_periodic() takes bytes, bytes, an integer, bytes and a number");
        return NULL;
    }
    const Py_ssize_t shortest = PyLong_AsSsize_t(args[2]);
    const double share = PyFloat_AsDouble(args[4]);
    if (PyErr_Occurred())
        return NULL;
    const Py_ssize_t samples = PyBytes_GET_SIZE(args[0]) / (Py_ssize_t)sizeof *heard;
    const Py_ssize_t lags = PyBytes_GET_SIZE(args[3]) / (Py_ssize_t)sizeof *gains;
    if (samples < 1 || samples > MOST_SAMPLES || PyBytes_GET_SIZE(args[0]) != samples * (Py_ssize_t)sizeof *heard
        || PyBytes_GET_SIZE(args[1]) != samples * (Py_ssize_t)sizeof *window
        || PyBytes_GET_SIZE(args[3]) != lags * (Py_ssize_t)sizeof *gains || shortest < 1 || lags > samples - shortest) {
        PyErr_SetString(PyExc_ValueError, "samples, window and lags do not fit together");
        return NULL;
    }
    memcpy(heard, PyBytes_AS_STRING(args[0]), samples * sizeof *heard);
    memcpy(window, PyBytes_AS_STRING(args[1]), samples * sizeof *window);
    memcpy(gains, PyBytes_AS_STRING(args[3]), lags * sizeof *gains);
    int32_t offset = 0;
    for (Py_ssize_t at = 0; at < samples; at++)
        offset += heard[at];
    const float mean = (float)offset / (float)samples;
    for (Py_ssize_t at = 0; at < samples; at++)
        sound[at] = ((float)heard[at] - mean) * window[at];
    const double wanted = share * product(sound, sound, samples);
    if (wanted > 0.0)
        for (Py_ssize_t lag = 0; lag < lags; lag++)
            if (gains[lag] * product(sound, sound + shortest + lag, samples - shortest - lag) >= wanted)
                Py_RETURN_TRUE;
    Py_RETURN_FALSE;
}

static PyMethodDef methods[] = {
    {"is_periodic", (PyCFunction)(void (*)(void))is_periodic, METH_FASTCALL, is_periodic_doc},
    {NULL, NULL, 0, NULL},
};

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
    PyModuleDef_HEAD_INIT, .m_name = "_voicing", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__voicing(void)
{
    return PyModuleDef_Init(&definition);
}
