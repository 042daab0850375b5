/* SignalRfft and SignalIrfft */
#include "tq_reference.h"

/* Sums of fixed point wrap around. */
#define WRAPPED(a, op, b) ((int32_t)((uint32_t)(a)op(uint32_t)(b)))

static inline int16_t rounded_s16(int32_t value) { return (int16_t)((value + (1 << 14)) >> 15); }
static inline int32_t rounded_s32(int64_t value) { return (int32_t)((value + (1 << 30)) >> 31); }

#define SUFFIX s16
#define SCALAR int16_t
#define TQ_MUL_ADD(a, b, c, d) rounded_s16((int32_t)(a) * (b) + (int32_t)(c) * (d))
#define TQ_MUL_SUB(a, b, c, d) rounded_s16((int32_t)(a) * (b) - (int32_t)(c) * (d))
#define TQ_ADD(a, b) ((int16_t)((a) + (b)))
#define TQ_SUB(a, b) ((int16_t)((a) - (b)))
#define TQ_NEG(a) ((int16_t)(-(a)))
#define TQ_HALF_SUM(a, b) ((int16_t)(((a) + (b)) >> 1))
#define TQ_HALF_DIFFERENCE(a, b) ((int16_t)(((a) - (b)) >> 1))
#define TQ_DIVIDE(a, n) rounded_s16((int32_t)(a) * (INT16_MAX / (n)))
#define TQ_SCALE(a, n) (a)
#include "tq_signal_fft_template.h"

#define SUFFIX s32
#define SCALAR int32_t
#define TQ_MUL_ADD(a, b, c, d) rounded_s32((int64_t)(a) * (b) + (int64_t)(c) * (d))
#define TQ_MUL_SUB(a, b, c, d) rounded_s32((int64_t)(a) * (b) - (int64_t)(c) * (d))
#define TQ_ADD(a, b) WRAPPED(a, +, b)
#define TQ_SUB(a, b) WRAPPED(a, -, b)
#define TQ_NEG(a) WRAPPED(0, -, a)
#define TQ_HALF_SUM(a, b) (WRAPPED(a, +, b) >> 1)
#define TQ_HALF_DIFFERENCE(a, b) (WRAPPED(a, -, b) >> 1)
#define TQ_DIVIDE(a, n) rounded_s32((int64_t)(a) * (INT32_MAX / (n)))
#define TQ_SCALE(a, n) (a)
#include "tq_signal_fft_template.h"

#define SUFFIX f32
#define SCALAR float
#define TQ_MUL_ADD(a, b, c, d) ((a) * (b) + (c) * (d))
#define TQ_MUL_SUB(a, b, c, d) ((a) * (b) - (c) * (d))
#define TQ_ADD(a, b) ((a) + (b))
#define TQ_SUB(a, b) ((a) - (b))
#define TQ_NEG(a) (-(a))
#define TQ_HALF_SUM(a, b) (((a) + (b)) * 0.5f)
#define TQ_HALF_DIFFERENCE(a, b) (((a) - (b)) * 0.5f)
#define TQ_DIVIDE(a, n) ((void)(n), (a))
#define TQ_SCALE(a, n) ((a) / (float)(n))
#include "tq_signal_fft_template.h"
