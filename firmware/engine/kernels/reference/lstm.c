/* UNIDIRECTIONAL_SEQUENCE_LSTM */
#include "tq_reference.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "tq_fixed_point.h"
#include "tq_sigmoid.h"

static inline float dot_f32(const float *a, const float *b, int32_t depth) {
  float sum = 0.0f;
  for (int32_t i = 0; i < depth; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

static float gate_f32(const tq_lstm_shape *shape, const tq_lstm_gate_f32 *gate, int32_t unit,
                      const float *input, const float *hidden) {
  const float *weights = gate->input_weights + unit * shape->input_depth;
  const float *recurrent = gate->recurrent_weights + unit * shape->state_depth;
  const float from_input = dot_f32(input, weights, shape->input_depth) + gate->bias[unit];
  return from_input + dot_f32(hidden, recurrent, shape->state_depth);
}

#define KERNEL tq_lstm_f32
#define PARAMS tq_lstm_f32_params
#define ELEMENT float
#define CELL float
#define VALUE float
#define GATE gate_f32
#define LOGISTIC tq_logistic_of_f32
#define TANH tanhf
#define REMEMBER(p, cell, forget, in, update) \
  tq_clamp_f32((forget) * (cell) + (in) * (update), -(p)->cell_clip, (p)->cell_clip)
#define SHOW(p, cell, out) (tanhf(cell) * (out))
#include "tq_lstm_template.h"

/* The new cell state, and how much of it shows. */
static int16_t update_cell(const tq_lstm_cell *p, int32_t cell, int32_t forget, int32_t input,
                           int32_t update) {
  const int32_t kept = tq_scale(forget * cell, p->forget_multiplier, p->forget_shift);
  const int32_t added = tq_scale(input * update, p->input_multiplier, p->input_shift);
  const int32_t sum = tq_clamp(kept, INT16_MIN, INT16_MAX) + tq_clamp(added, INT16_MIN, INT16_MAX);
  return (int16_t)tq_clamp(tq_clamp(sum, INT16_MIN, INT16_MAX), -p->clip, p->clip);
}

static int32_t hidden_of_cell(const tq_lstm_cell *p, int32_t cell, int32_t output) {
  const int32_t argument = tq_sigmoid_argument(cell, p->tanh_multiplier, p->tanh_right_shift);
  const int32_t product = tq_tanh_of_s16(argument) * output;
  return tq_scale(product, p->hidden_multiplier, p->hidden_shift) + p->hidden_offset;
}

/* What enters the gate's activation, in units of 2^-12, as the argument it takes. */
static inline int32_t gate_argument(int32_t from_input, int32_t from_hidden) {
  const int32_t sum =
      tq_clamp(from_input, INT16_MIN, INT16_MAX) + tq_clamp(from_hidden, INT16_MIN, INT16_MAX);
  return tq_clamp(sum, INT16_MIN, INT16_MAX) * 3;
}

static inline int32_t dot_s8(const int8_t *a, const int8_t *b, int32_t depth) {
  int32_t sum = 0;
  for (int32_t i = 0; i < depth; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

static int32_t gate_s8(const tq_lstm_shape *shape, const tq_lstm_gate_s8 *gate, int32_t unit,
                       const int8_t *input, const int8_t *hidden) {
  const int8_t *weights = gate->input_weights + unit * shape->input_depth;
  const int8_t *recurrent = gate->recurrent_weights + unit * shape->state_depth;
  const int32_t a =
      tq_add_wrapping(dot_s8(input, weights, shape->input_depth), gate->input_bias[unit]);
  const int32_t b =
      tq_add_wrapping(dot_s8(hidden, recurrent, shape->state_depth), gate->recurrent_bias[unit]);
  return gate_argument(tq_scale(a, gate->input_multiplier, gate->input_shift),
                       tq_scale(b, gate->recurrent_multiplier, gate->recurrent_shift));
}

#define KERNEL tq_lstm_s8
#define PARAMS tq_lstm_s8_params
#define ELEMENT int8_t
#define CELL int16_t
#define VALUE int32_t
#define GATE gate_s8
#define LOGISTIC tq_logistic_of_s16
#define TANH tq_tanh_of_s16
#define REMEMBER(p, cell, forget, in, update) update_cell(&(p)->state, cell, forget, in, update)
#define SHOW(p, cell, out) \
  (int8_t) tq_clamp(hidden_of_cell(&(p)->state, cell, out), INT8_MIN, INT8_MAX)
#include "tq_lstm_template.h"

static inline int64_t dot_s16(const int16_t *a, const int8_t *b, int32_t depth) {
  int64_t sum = 0;
  for (int32_t i = 0; i < depth; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

static int32_t gate_s16(const tq_lstm_shape *shape, const tq_lstm_gate_s16 *gate, int32_t unit,
                        const int16_t *input, const int16_t *hidden) {
  const int8_t *weights = gate->input_weights + unit * shape->input_depth;
  const int8_t *recurrent = gate->recurrent_weights + unit * shape->state_depth;
  const int64_t bias = gate->input_bias != NULL ? gate->input_bias[unit] : 0;
  const int64_t a = dot_s16(input, weights, shape->input_depth) + bias;
  const int64_t b = dot_s16(hidden, recurrent, shape->state_depth);
  return gate_argument(tq_scale_64(a, gate->input_multiplier, gate->input_right_shift),
                       tq_scale_64(b, gate->recurrent_multiplier, gate->recurrent_right_shift));
}

#define KERNEL tq_lstm_s16
#define PARAMS tq_lstm_s16_params
#define ELEMENT int16_t
#define CELL int16_t
#define VALUE int32_t
#define GATE gate_s16
#define LOGISTIC tq_logistic_of_s16
#define TANH tq_tanh_of_s16
#define REMEMBER(p, cell, forget, in, update) update_cell(&(p)->state, cell, forget, in, update)
#define SHOW(p, cell, out) \
  (int16_t) tq_clamp(hidden_of_cell(&(p)->state, cell, out), INT16_MIN, INT16_MAX)
#include "tq_lstm_template.h"
