/* What bargein/sound/narrowing.py does in numpy, in one call: a caller's sound at 8 kHz, in the band of the voice.
 *
 * PCM16 goes through a low-pass filter of which every n-th sample is kept, in integers and exact; G.711 is looked up.
 * Then the recursive filter of voice_band.py, in double precision. The result is cut to whole samples towards zero, as
 * numpy does it.
 *
 * What is remembered of a caller lies in a bytearray of its own, changed in place: the state of the recursive filter, and
 * behind it the samples that the low-pass filter looks back at.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MOST_SAMPLES = 4096, MOST_TAPS = 256, USUAL_TAPS = 48, UNITY = 1 << 15, CODES = 256 };

static const double SILENT = 1e-30; /* Far below a sample; the smallest numbers are slow to calculate with. */

typedef struct { double b0, b1, b2, a1, a2; } Section;
typedef struct { Section first, second; } Band;
/* The two newest samples of what went in, between the sections, and came out, the newest first. */
typedef struct { float in[2], between[2], out[2]; } State;

static int is_bytes(PyObject *argument, const char *name, Py_ssize_t item_bytes)
{
    if (PyBytes_Check(argument) && PyBytes_GET_SIZE(argument) % item_bytes == 0)
        return 1;
    PyErr_Format(PyExc_TypeError, "%s must be the bytes of whole items of %zd", name, item_bytes);
    return 0;
}

static int is_memory(PyObject *argument, Py_ssize_t past_bytes)
{
    if (PyByteArray_Check(argument) && PyByteArray_GET_SIZE(argument) == (Py_ssize_t)sizeof(State) + past_bytes)
        return 1;
    PyErr_SetString(PyExc_TypeError, "memory must be a bytearray as Narrower.new_memory() makes it");
    return 0;
}

static int is_filter(PyObject *argument)
{
    if (PyBytes_Check(argument) && PyBytes_GET_SIZE(argument) == sizeof(Band))
        return 1;
    PyErr_SetString(PyExc_TypeError, "sections must be the bytes of the filter's coefficients");
    return 0;
}

static inline float settled(double number)
{
    return fabs(number) < SILENT ? 0.0f : (float)number;
}

/* Filters, cuts and measures; `sound` is overwritten. In the direct form, in which one sample waits for the one before for
 * no longer than a product and a difference, and the sections work side by side. */
static PyObject *in_voice_band(double *sound, Py_ssize_t count, PyObject *sections, char *memory)
{
    int16_t kept[MOST_SAMPLES];
    Band band;
    State state;
    memcpy(&band, PyBytes_AS_STRING(sections), sizeof band);
    memcpy(&state, memory, sizeof state);
    const Section a = band.first, b = band.second;
    double x1 = state.in[0], x2 = state.in[1], y1 = state.between[0], y2 = state.between[1];
    double z1 = state.out[0], z2 = state.out[1];
    for (Py_ssize_t at = 0; at < count; at++) {
        const double x = sound[at];
        const double y = a.b0 * x + a.b1 * x1 + a.b2 * x2 - a.a2 * y2 - a.a1 * y1;
        const double z = b.b0 * y + b.b1 * y1 + b.b2 * y2 - b.a2 * z2 - b.a1 * z1;
        x2 = x1, x1 = x;
        y2 = y1, y1 = y;
        z2 = z1, z1 = z;
        sound[at] = z;
    }
    state = (State){{(float)x1, (float)x2}, {settled(y1), settled(y2)}, {settled(z1), settled(z2)}};
    memcpy(memory, &state, sizeof state);

    double energy = 0.0;
    for (Py_ssize_t at = 0; at < count; at++) {
        double sample = sound[at];
        energy += sample * sample;
        sample = sample > INT16_MAX ? INT16_MAX : sample;
        sample = sample < INT16_MIN ? INT16_MIN : sample;
        kept[at] = (int16_t)(int32_t)sample;
    }
    return Py_BuildValue("(y#d)", (const char *)kept, count * (Py_ssize_t)sizeof *kept, energy / (double)count);
}

static inline void low_pass(
    const int16_t *sound, const int16_t *taps, Py_ssize_t tap_count, Py_ssize_t factor, double *low, Py_ssize_t count)
{
    for (Py_ssize_t at = 0; at < count; at++) {
        const int16_t *heard = sound + at * factor;
        int32_t sum = 0;
        for (Py_ssize_t tap = 0; tap < tap_count; tap++)
            sum += heard[tap] * taps[tap];
        low[at] = (double)sum / UNITY;
    }
}

PyDoc_STRVAR(narrow_doc, "narrow(memory, chunk, taps, factor, sections) -> (samples, mean_square)\n\n"
    "chunk: PCM16, following on the one before with this memory.\n"
    "taps: of the low-pass filter, 16-bit, 32768 is 1; the sum of their magnitudes must be below 65536.");

static PyObject *narrow(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    int16_t sound[MOST_SAMPLES], taps[MOST_TAPS];
    double low[MOST_SAMPLES];
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "narrow() takes 5 arguments");
        return NULL;
    }
    if (!is_bytes(args[1], "chunk", sizeof *sound) || !is_bytes(args[2], "taps", sizeof *taps) || !is_filter(args[4]))
        return NULL;
    const Py_ssize_t factor = PyLong_AsSsize_t(args[3]);
    if (factor == -1 && PyErr_Occurred())
        return NULL;
    const Py_ssize_t chunk_count = PyBytes_GET_SIZE(args[1]) / (Py_ssize_t)sizeof *sound;
    const Py_ssize_t tap_count = PyBytes_GET_SIZE(args[2]) / (Py_ssize_t)sizeof *taps;
    const Py_ssize_t past_count = tap_count - factor;
    if (factor < 1 || past_count < 0 || chunk_count < past_count || chunk_count < factor || chunk_count % factor
        || tap_count > MOST_TAPS || past_count + chunk_count > MOST_SAMPLES) {
        PyErr_SetString(PyExc_ValueError, "chunk, taps and factor do not fit together");
        return NULL;
    }
    const Py_ssize_t past_bytes = past_count * (Py_ssize_t)sizeof *sound;
    if (!is_memory(args[0], past_bytes))
        return NULL;
    char *memory = PyByteArray_AS_STRING(args[0]);
    char *past = memory + sizeof(State);
    memcpy(sound, past, past_bytes);
    memcpy(sound + past_count, PyBytes_AS_STRING(args[1]), chunk_count * sizeof *sound);
    memcpy(taps, PyBytes_AS_STRING(args[2]), tap_count * sizeof *taps);
    memcpy(past, sound + chunk_count, past_bytes);

    const Py_ssize_t kept_count = chunk_count / factor;
    if (tap_count == USUAL_TAPS) /* A length that the compiler knows: half the time. */
        low_pass(sound, taps, USUAL_TAPS, factor, low, kept_count);
    else
        low_pass(sound, taps, tap_count, factor, low, kept_count);
    return in_voice_band(low, kept_count, args[4], memory);
}

PyDoc_STRVAR(look_up_doc, "look_up(memory, codes, table, sections) -> (samples, mean_square)\n\n"
    "codes: G.711, following on those before with this memory.\n"
    "table: the PCM16 of each of the 256 codes.");

static PyObject *look_up(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    int16_t table[CODES];
    double sound[MOST_SAMPLES];
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "look_up() takes 4 arguments");
        return NULL;
    }
    if (!is_bytes(args[1], "codes", 1) || !is_bytes(args[2], "table", sizeof table) || !is_filter(args[3])
        || !is_memory(args[0], 0))
        return NULL;
    const Py_ssize_t code_count = PyBytes_GET_SIZE(args[1]);
    if (code_count < 1 || code_count > MOST_SAMPLES || PyBytes_GET_SIZE(args[2]) != sizeof table) {
        PyErr_SetString(PyExc_ValueError, "codes and table do not fit together");
        return NULL;
    }
    memcpy(table, PyBytes_AS_STRING(args[2]), sizeof table);
    const unsigned char *codes = (const unsigned char *)PyBytes_AS_STRING(args[1]);
    for (Py_ssize_t at = 0; at < code_count; at++)
        sound[at] = table[codes[at]];
    return in_voice_band(sound, code_count, args[3], PyByteArray_AS_STRING(args[0]));
}

static PyMethodDef methods[] = {
    {"narrow", (PyCFunction)(void (*)(void))narrow, METH_FASTCALL, narrow_doc},
    {"look_up", (PyCFunction)(void (*)(void))look_up, METH_FASTCALL, look_up_doc},
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
