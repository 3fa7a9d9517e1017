/* What bargein/sound/narrowing.py does in numpy, in one call: PCM16 through a low-pass filter, every n-th sample kept.
 *
 * The sums are of integers and exact; the result is cut to whole samples towards zero, as numpy does it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

enum { MOST_SAMPLES = 4096, MOST_TAPS = 256, UNITY = 1 << 15, FINENESS = 1 << 9 };

static int is_samples(PyObject *argument, const char *name)
{
    if (PyBytes_Check(argument) && PyBytes_GET_SIZE(argument) % sizeof(int16_t) == 0)
        return 1;
    PyErr_Format(PyExc_TypeError, "%s must be the bytes of whole 16-bit samples", name);
    return 0;
}

static Py_ssize_t sample_count(PyObject *samples)
{
    return PyBytes_GET_SIZE(samples) / (Py_ssize_t)sizeof(int16_t);
}

static inline int16_t clipped(int32_t sample)
{
    return sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : (int16_t)sample;
}

PyDoc_STRVAR(narrow_doc, "narrow(past, chunk, taps, factor) -> (samples, mean_square)\n\n"
    "past and chunk: consecutive PCM16; past is shorter than the taps by factor.\n"
    "taps: of the filter, 16-bit, 32768 is 1; the sum of their magnitudes must be below 65536.");

static PyObject *narrow(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    int16_t sound[MOST_SAMPLES], kept[MOST_SAMPLES], taps[MOST_TAPS];
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "narrow() takes 4 arguments");
        return NULL;
    }
    if (!is_samples(args[0], "past") || !is_samples(args[1], "chunk") || !is_samples(args[2], "taps"))
        return NULL;
    const Py_ssize_t factor = PyLong_AsSsize_t(args[3]);
    if (factor == -1 && PyErr_Occurred())
        return NULL;
    const Py_ssize_t past_count = sample_count(args[0]), chunk_count = sample_count(args[1]);
    const Py_ssize_t tap_count = sample_count(args[2]);
    if (factor < 1 || chunk_count < factor || chunk_count % factor || past_count != tap_count - factor
        || tap_count > MOST_TAPS || past_count + chunk_count > MOST_SAMPLES) {
        PyErr_SetString(PyExc_ValueError, "past, chunk, taps and factor do not fit together");
        return NULL;
    }
    memcpy(sound, PyBytes_AS_STRING(args[0]), past_count * sizeof *sound);
    memcpy(sound + past_count, PyBytes_AS_STRING(args[1]), chunk_count * sizeof *sound);
    memcpy(taps, PyBytes_AS_STRING(args[2]), tap_count * sizeof *taps);

    const Py_ssize_t kept_count = chunk_count / factor;
    int64_t energy = 0;
    for (Py_ssize_t at = 0; at < kept_count; at++) {
        const int16_t *heard = sound + at * factor;
        int32_t sum = 0;
        for (Py_ssize_t tap = 0; tap < tap_count; tap++)
            sum += heard[tap] * taps[tap];
        const int64_t fine = sum / (UNITY / FINENESS);
        kept[at] = clipped(sum / UNITY);
        energy += fine * fine;
    }
    return Py_BuildValue(
        "(y#d)", (const char *)kept, kept_count * (Py_ssize_t)sizeof *kept,
        (double)energy / ((double)FINENESS * FINENESS * (double)kept_count));
}

static PyMethodDef methods[] = {
    {"narrow", (PyCFunction)(void (*)(void))narrow, METH_FASTCALL, narrow_doc},
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
    PyModuleDef_HEAD_INIT, .m_name = "_narrowing", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__narrowing(void)
{
    return PyModuleDef_Init(&definition);
}
