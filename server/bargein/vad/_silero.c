/* What bargein/vad/silero.py does in numpy, in one call: the network for one caller's windows, one after another.
 *
 * A window is a third of a million multiplications, each with a weight of its own, so what counts is how fast the weights
 * come. They are integers of 16 bits, with a scale for each column: all of them fit into a processor's second cache. All
 * products are "row times matrix". A matrix is stored in stripes of 64 columns, each row by row, so that it is read from
 * beginning to end, and the sums of a stripe stay in registers. Inputs of zero, which rectified layers have many of, are
 * left out. On x86-64 everything is compiled twice, and the way for processors with AVX2 is chosen when the module is
 * loaded.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

enum {
    WINDOW = 256, CONTEXT = 32, HEARD = CONTEXT + WINDOW, MIRRORED = 32, SPAN = 128, HOP = 64, FRAMES = 4,
    BINS = SPAN / 2 + 1, MEMORY = 128, GATES = 4 * MEMORY, SECOND = 64, MOST_INPUTS = 3 * MEMORY, LANES = 8, STRIPE = 64, IN_STRIPE = STRIPE / LANES
};

#define MATRIX(rows, columns) \
    struct { float scale[columns]; int16_t weights[(columns) / STRIPE][rows][STRIPE]; }

/* As silero.py puts them into one buffer. */
typedef struct {
    MATRIX(SPAN, SPAN) basis; /* The cosines of all bins, and the sines of all but the first and the last: they are 0. */
    MATRIX(3 * BINS, MEMORY) encoder0;
    float bias0[MEMORY];
    MATRIX(3 * MEMORY, SECOND) encoder1;
    float bias1[SECOND];
    MATRIX(2 * SECOND, SECOND) encoder2;
    float bias2[SECOND];
    MATRIX(SECOND, MEMORY) encoder3;
    float bias3[MEMORY];
    MATRIX(MEMORY, GATES) heard_gates;
    MATRIX(MEMORY, GATES) remembered_gates;
    float gates_bias[GATES];
    float output[MEMORY], output_bias;
} Weights;

typedef struct { float hidden[MEMORY], cell[MEMORY]; } Memory;

#if defined(__GNUC__)
#define IN_PLACE static inline __attribute__((always_inline)) /* So that it is compiled for whom it is called from. */
#else
#define IN_PLACE static inline
#endif

typedef int16_t Integers __attribute__((vector_size(LANES * sizeof(int16_t))));
typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));

/* out += in * matrix, whose stripes are one behind the other */
IN_PLACE void add_product(
    const float *in, const int in_count, const int16_t *stripe, const float *scale, float *out, const int out_count)
{
    int used[MOST_INPUTS], count = 0;
    for (int at = 0; at < in_count; at++) {
        used[count] = at;
        count += in[at] != 0.0f;
    }
    for (int from = 0; from < out_count; from += STRIPE, stripe += in_count * STRIPE) {
        Floats sums[IN_STRIPE] = {{0}};
        for (int number = 0; number < count; number++) {
            const float number_in = in[used[number]];
            const int16_t *row = stripe + used[number] * STRIPE;
            for (int part = 0; part < IN_STRIPE; part++) {
                Integers weights;
                memcpy(&weights, row + part * LANES, sizeof weights);
                sums[part] += number_in * __builtin_convertvector(weights, Floats);
            }
        }
        for (int part = 0; part < IN_STRIPE; part++)
            for (int lane = 0; lane < LANES; lane++)
                out[from + part * LANES + lane] += sums[part][lane] * scale[from + part * LANES + lane];
    }
}
#define ADD_PRODUCT(in, in_count, matrix, out, out_count) \
    add_product(in, in_count, (matrix).weights[0][0], (matrix).scale, out, out_count)

IN_PLACE void layer(
    const float *in, const int in_count, const int16_t *stripe, const float *scale, const float *bias, float *out,
    const int out_count)
{
    memcpy(out, bias, out_count * sizeof *out);
    add_product(in, in_count, stripe, scale, out, out_count);
    for (int to = 0; to < out_count; to++)
        out[to] = out[to] > 0.0f ? out[to] : 0.0f;
}
#define LAYER(in, in_count, matrix, bias, out, out_count) \
    layer(in, in_count, (matrix).weights[0][0], (matrix).scale, bias, out, out_count)

/* 1 - 2 / (exp(2x) + 1), to within 3e-7. The exponential is a power of two times a polynomial: no call for each number, so
 * that the compiler can do many at once. */
IN_PLACE void to_tanh(float *numbers, const int count)
{
    const float rounding = 12582912.0f; /* 1.5 * 2 ** 23: what is added to it becomes an integer. */
    for (int at = 0; at < count; at++) {
        float x = 2.0f * numbers[at];
        x = x > 30.0f ? 30.0f : x < -30.0f ? -30.0f : x;
        const float shifted = x * 1.44269504f + rounding;
        int32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        const float whole = shifted - rounding;
        const float r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
        float power = 1.0f
            + r * (1.0f + r * (1.0f / 2 + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720))))));
        int32_t scaled;
        memcpy(&scaled, &power, sizeof scaled);
        scaled += (int32_t)((uint32_t)bits << 23); /* Times two to the power of `whole`. */
        memcpy(&power, &scaled, sizeof power);
        numbers[at] = 1.0f - 2.0f / (power + 1.0f);
    }
}

/* What a window brings to the gates of the memory. `heard` begins with the context. */
IN_PLACE void encode(const Weights *weights, const int16_t *heard, float *gates)
{
    float sound[HEARD + MIRRORED];
    for (int at = 0; at < HEARD; at++)
        sound[at] = (float)heard[at] * (1.0f / 32768.0f);
    for (int at = 0; at < MIRRORED; at++)
        sound[HEARD + at] = sound[HEARD - 2 - at];

    /* A frame of zeros on either side is what the convolutions see beyond the edges. */
    float spectrum[FRAMES + 2][BINS] = {{0}}, first[FRAMES + 2][MEMORY] = {{0}};
    for (int frame = 0; frame < FRAMES; frame++) {
        float waves[SPAN] = {0};
        ADD_PRODUCT(sound + frame * HOP, SPAN, weights->basis, waves, SPAN);
        float *magnitudes = spectrum[frame + 1];
        for (int bin = 1; bin < BINS - 1; bin++)
            magnitudes[bin] = sqrtf(waves[bin] * waves[bin] + waves[BINS - 1 + bin] * waves[BINS - 1 + bin]);
        magnitudes[0] = fabsf(waves[0]);
        magnitudes[BINS - 1] = fabsf(waves[BINS - 1]);
    }
    for (int frame = 0; frame < FRAMES; frame++)
        LAYER(spectrum[frame], 3 * BINS, weights->encoder0, weights->bias0, first[frame + 1], MEMORY);
    float second[2][SECOND], third[SECOND], fourth[MEMORY];
    for (int half = 0; half < 2; half++)
        LAYER(first[2 * half], 3 * MEMORY, weights->encoder1, weights->bias1, second[half], SECOND);
    LAYER(second[0], 2 * SECOND, weights->encoder2, weights->bias2, third, SECOND);
    LAYER(third, SECOND, weights->encoder3, weights->bias3, fourth, MEMORY);
    memcpy(gates, weights->gates_bias, sizeof weights->gates_bias);
    ADD_PRODUCT(fourth, MEMORY, weights->heard_gates, gates, GATES);
}

/* The probability of speech, before the logistic function. */
IN_PLACE float remember(const Weights *weights, float *gates, Memory *memory)
{
    ADD_PRODUCT(memory->hidden, MEMORY, weights->remembered_gates, gates, GATES);
    to_tanh(gates, GATES);
    const float *in = gates, *forget = gates + MEMORY, *new = gates + 2 * MEMORY, *out = gates + 3 * MEMORY;
    for (int at = 0; at < MEMORY; at++) {
        /* A logistic function is half a hyperbolic tangent of half, and the weights of all gates but one are halved. */
        memory->cell[at] = memory->cell[at] * (0.5f * forget[at] + 0.5f) + (0.5f * in[at] + 0.5f) * new[at];
        memory->hidden[at] = memory->cell[at];
    }
    to_tanh(memory->hidden, MEMORY);
    float logit = weights->output_bias;
    for (int at = 0; at < MEMORY; at++) {
        memory->hidden[at] *= 0.5f * out[at] + 0.5f;
        logit += (memory->hidden[at] > 0.0f ? memory->hidden[at] : 0.0f) * weights->output[at];
    }
    return logit;
}

IN_PLACE float weigh(const Weights *weights, const int16_t *heard, Memory *memory)
{
    float gates[GATES];
    encode(weights, heard, gates);
    return remember(weights, gates, memory);
}

typedef float Weigh(const Weights *, const int16_t *, Memory *);

static float weigh_anywhere(const Weights *weights, const int16_t *heard, Memory *memory)
{
    return weigh(weights, heard, memory);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma"))) static float weigh_by_eight(
    const Weights *weights, const int16_t *heard, Memory *memory)
{
    return weigh(weights, heard, memory);
}

static Weigh *fastest(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? weigh_by_eight : weigh_anywhere;
}
#else
static Weigh *fastest(void)
{
    return weigh_anywhere;
}
#endif

static Weigh *weigh_here = weigh_anywhere;

PyDoc_STRVAR(judge_doc, "judge(weights, heard, memory) -> probabilities\n\n"
    "weights: as silero.py puts them together.\n"
    "heard: PCM16 at 8 kHz, the context before the first window and whole windows behind it.\n"
    "memory: a bytearray, changed in place.");

static PyObject *judge(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1]) || !PyByteArray_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "judge() takes bytes, bytes and a bytearray");
        return NULL;
    }
    const Py_ssize_t samples = PyBytes_GET_SIZE(args[1]) / (Py_ssize_t)sizeof(int16_t) - CONTEXT;
    if (PyBytes_GET_SIZE(args[0]) != sizeof(Weights) || PyByteArray_GET_SIZE(args[2]) != sizeof(Memory) || samples < 0
        || samples % WINDOW || PyBytes_GET_SIZE(args[1]) % (Py_ssize_t)sizeof(int16_t)) {
        PyErr_SetString(PyExc_ValueError, "weights, windows and memory are not as long as they should be");
        return NULL;
    }
    const Weights *weights = (const Weights *)PyBytes_AS_STRING(args[0]);
    Memory memory;
    memcpy(&memory, PyByteArray_AS_STRING(args[2]), sizeof memory);
    PyObject *found = PyList_New(samples / WINDOW);
    for (Py_ssize_t at = 0; found != NULL && at < samples / WINDOW; at++) {
        int16_t heard[HEARD];
        memcpy(heard, PyBytes_AS_STRING(args[1]) + at * WINDOW * (Py_ssize_t)sizeof *heard, sizeof heard);
        PyObject *probability = PyFloat_FromDouble(1.0 / (1.0 + exp(-(double)weigh_here(weights, heard, &memory))));
        if (probability == NULL)
            Py_CLEAR(found);
        else
            PyList_SET_ITEM(found, at, probability);
    }
    if (found != NULL)
        memcpy(PyByteArray_AS_STRING(args[2]), &memory, sizeof memory);
    return found;
}

static PyMethodDef methods[] = {
    {"judge", (PyCFunction)(void (*)(void))judge, METH_FASTCALL, judge_doc},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module)
{
#if PY_BIG_ENDIAN
    PyErr_SetString(PyExc_ImportError, "PCM16 is little-endian");
    return -1;
#endif
    weigh_here = fastest();
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_silero", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__silero(void)
{
    return PyModuleDef_Init(&definition);
}
