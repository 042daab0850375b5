/*
 * UNIDIRECTIONAL_SEQUENCE_LSTM. A step's new hidden state is written to the output first, since
 * every unit still needs the old one, so no working memory is needed.
 */
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

void tq_lstm_f32(const void *params) {
  const tq_lstm_f32_params *p = params;
  const tq_lstm_shape *s = &p->shape;
  for (int32_t batch = 0; batch < s->batches; ++batch) {
    float *hidden = p->hidden + batch * s->state_depth;
    float *cell = p->cell + batch * s->state_depth;
    for (int32_t time = 0; time < s->time_steps; ++time) {
      const float *input = p->input + batch * s->input_batch_stride + time * s->input_time_stride;
      float *output = p->output + batch * s->output_batch_stride + time * s->output_time_stride;
      for (int32_t i = 0; i < s->state_depth; ++i) {
        const float forget = tq_logistic_of_f32(gate_f32(s, &p->forget_gate, i, input, hidden));
        const float in = tq_logistic_of_f32(gate_f32(s, &p->input_gate, i, input, hidden));
        const float update = tanhf(gate_f32(s, &p->cell_gate, i, input, hidden));
        const float out = tq_logistic_of_f32(gate_f32(s, &p->output_gate, i, input, hidden));
        const float kept = forget * cell[i];
        cell[i] = tq_clamp_f32(kept + in * update, -p->cell_clip, p->cell_clip);
        output[i] = tanhf(cell[i]) * out;
      }
      memcpy(hidden, output, (size_t)s->state_depth * sizeof *hidden);
    }
  }
}

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

void tq_lstm_s8(const void *params) {
  const tq_lstm_s8_params *p = params;
  const tq_lstm_shape *s = &p->shape;
  for (int32_t batch = 0; batch < s->batches; ++batch) {
    int8_t *hidden = p->hidden + batch * s->state_depth;
    int16_t *cell = p->cell + batch * s->state_depth;
    for (int32_t time = 0; time < s->time_steps; ++time) {
      const int8_t *input = p->input + batch * s->input_batch_stride + time * s->input_time_stride;
      int8_t *output = p->output + batch * s->output_batch_stride + time * s->output_time_stride;
      for (int32_t i = 0; i < s->state_depth; ++i) {
        const int32_t forget = tq_logistic_of_s16(gate_s8(s, &p->forget_gate, i, input, hidden));
        const int32_t in = tq_logistic_of_s16(gate_s8(s, &p->input_gate, i, input, hidden));
        const int32_t update = tq_tanh_of_s16(gate_s8(s, &p->cell_gate, i, input, hidden));
        const int32_t out = tq_logistic_of_s16(gate_s8(s, &p->output_gate, i, input, hidden));
        cell[i] = update_cell(&p->state, cell[i], forget, in, update);
        output[i] = (int8_t)tq_clamp(hidden_of_cell(&p->state, cell[i], out), INT8_MIN, INT8_MAX);
      }
      memcpy(hidden, output, (size_t)s->state_depth * sizeof *hidden);
    }
  }
}

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

void tq_lstm_s16(const void *params) {
  const tq_lstm_s16_params *p = params;
  const tq_lstm_shape *s = &p->shape;
  for (int32_t batch = 0; batch < s->batches; ++batch) {
    int16_t *hidden = p->hidden + batch * s->state_depth;
    int16_t *cell = p->cell + batch * s->state_depth;
    for (int32_t time = 0; time < s->time_steps; ++time) {
      const int16_t *input = p->input + batch * s->input_batch_stride + time * s->input_time_stride;
      int16_t *output = p->output + batch * s->output_batch_stride + time * s->output_time_stride;
      for (int32_t i = 0; i < s->state_depth; ++i) {
        const int32_t forget = tq_logistic_of_s16(gate_s16(s, &p->forget_gate, i, input, hidden));
        const int32_t in = tq_logistic_of_s16(gate_s16(s, &p->input_gate, i, input, hidden));
        const int32_t update = tq_tanh_of_s16(gate_s16(s, &p->cell_gate, i, input, hidden));
        const int32_t out = tq_logistic_of_s16(gate_s16(s, &p->output_gate, i, input, hidden));
        cell[i] = update_cell(&p->state, cell[i], forget, in, update);
        output[i] =
            (int16_t)tq_clamp(hidden_of_cell(&p->state, cell[i], out), INT16_MIN, INT16_MAX);
      }
      memcpy(hidden, output, (size_t)s->state_depth * sizeof *hidden);
    }
  }
}
