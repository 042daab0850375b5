/* CUMSUM */
#include "tq_reference.h"

#include "tq_fixed_point.h"

#define LEFT_SHIFT 20

#define KERNEL tq_cumsum_f32
#define PARAMS tq_cumsum_f32_params
#define SUM float
#define FIRST(p) 0.0f
#define ADD(p, sum, input) sum += (input)
#define RESULT(p, sum) (sum)
#include "tq_cumsum_template.h"

/* An input that counts from its zero point, with more bits. */
static inline int32_t scaled(const tq_cumsum_s8_params *p, int32_t value) {
  return tq_scale((value + p->input_offset) * (1 << LEFT_SHIFT), p->input_multiplier,
                  p->input_shift);
}

static inline int8_t result(const tq_cumsum_s8_params *p, int32_t sum) {
  const int32_t value = tq_scale(sum, p->output_multiplier, p->output_shift) + p->output_offset;
  return (int8_t)tq_clamp(value, INT8_MIN, INT8_MAX);
}

/* The sum begins with the scaled offset, as TensorFlow Lite Micro's does. */
#define KERNEL tq_cumsum_s8
#define PARAMS tq_cumsum_s8_params
#define SUM int32_t
#define FIRST(p) scaled(p, 0)
#define ADD(p, sum, input) sum = tq_add_wrapping(sum, scaled(p, input))
#define RESULT(p, sum) result(p, sum)
#include "tq_cumsum_template.h"
