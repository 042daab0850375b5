/* SVDF and LSTM. Their state lies in the arena and outlives an inference. */
#ifndef TQ_KERNELS_RECURRENT_H
#define TQ_KERNELS_RECURRENT_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Filter f of batch b remembers its last `memory` dot products of the input with its feature
 * weights, oldest first, in state[b][f]; unit u is the sum over `rank` filters of their dot
 * products with the time weights.
 */
typedef struct tq_svdf_f32_params {
  const float *input;           /* [batches][input_depth] */
  const float *feature_weights; /* [units * rank][input_depth] */
  const float *time_weights;    /* [units * rank][memory] */
  const float *bias;            /* [units] or NULL */
  float *state;                 /* [batches][units * rank][memory] */
  float *output;                /* [batches][units] */
  int32_t batches;
  int32_t input_depth;
  int32_t units;
  int32_t rank;
  int32_t memory;
  float activation_min;
  float activation_max;
} tq_svdf_f32_params;

TQ_KERNEL void tq_svdf_f32(const void *params);

/* Feature factor: input * feature weights / state; output factor: state * time weights / output. */
#define TQ_SVDF_FIELDS(state_type)                                                      \
  const int8_t *input;                                                                  \
  const int8_t *feature_weights;                                                        \
  const state_type *time_weights;                                                       \
  const int32_t *bias; /* [units] or NULL */                                            \
  state_type *state;                                                                    \
  int8_t *output;                                                                       \
  int32_t batches;                                                                      \
  int32_t input_depth;                                                                  \
  int32_t units;                                                                        \
  int32_t rank;                                                                         \
  int32_t memory;                                                                       \
  int32_t feature_multiplier;                                                           \
  int32_t feature_shift;                                                                \
  int32_t output_multiplier;                                                            \
  int32_t output_shift;                                                                 \
  int32_t input_offset;     /* minus the input's zero point */                          \
  int32_t state_zero_point; /* added to what is stored, subtracted from what is read */ \
  int32_t output_offset

typedef struct tq_svdf_s8_params {
  TQ_SVDF_FIELDS(int8_t);
} tq_svdf_s8_params;

TQ_KERNEL void tq_svdf_s8(const void *params);

/* int8 input and output, int16 state and time weights. */
typedef struct tq_svdf_state16_s8_params {
  TQ_SVDF_FIELDS(int16_t);
} tq_svdf_state16_s8_params;

TQ_KERNEL void tq_svdf_state16_s8(const void *params);

/*
 * Sizes of an LSTM. Input element i of batch b at time t is at
 * input[b * input_batch_stride + t * input_time_stride + i], the output likewise.
 */
typedef struct tq_lstm_shape {
  int32_t batches;
  int32_t time_steps;
  int32_t input_depth;
  int32_t state_depth;
  int32_t input_batch_stride;
  int32_t input_time_stride;
  int32_t output_batch_stride;
  int32_t output_time_stride;
} tq_lstm_shape;

/* gate = activation(input_weights * input + recurrent_weights * hidden + bias) */
typedef struct tq_lstm_gate_f32 {
  const float *input_weights;     /* [state_depth][input_depth] */
  const float *recurrent_weights; /* [state_depth][state_depth] */
  const float *bias;              /* [state_depth] */
} tq_lstm_gate_f32;

typedef struct tq_lstm_f32_params {
  tq_lstm_shape shape;
  tq_lstm_gate_f32 input_gate;
  tq_lstm_gate_f32 forget_gate;
  tq_lstm_gate_f32 cell_gate;
  tq_lstm_gate_f32 output_gate;
  const float *input;
  float *hidden; /* [batches][state_depth]; state */
  float *cell;   /* [batches][state_depth]; state */
  float *output;
  float cell_clip; /* the cell is kept in [-cell_clip, cell_clip]; FLT_MAX for none */
} tq_lstm_f32_params;

TQ_KERNEL void tq_lstm_f32(const void *params);

/*
 * Both products are brought to units of 2^-12 (16 bits, saturating) before they are added. The
 * zero points of input and hidden state are folded into `input_bias` (with the file's bias) and
 * `recurrent_bias`, modulo 2^32.
 */
typedef struct tq_lstm_gate_s8 {
  const int8_t *input_weights;
  const int8_t *recurrent_weights;
  const int32_t *input_bias;     /* [state_depth] */
  const int32_t *recurrent_bias; /* [state_depth] */
  int32_t input_multiplier;
  int32_t input_shift;
  int32_t recurrent_multiplier;
  int32_t recurrent_shift;
} tq_lstm_gate_s8;

/* 16 bits for what is inside of an LSTM, whatever its input's type. */
typedef struct tq_lstm_cell {
  int32_t forget_multiplier; /* forget gate (2^-15) * cell -> cell */
  int32_t forget_shift;
  int32_t input_multiplier; /* input gate * cell gate (both 2^-15) -> cell */
  int32_t input_shift;
  int32_t hidden_multiplier; /* output gate * tanh(cell) (both 2^-15) -> hidden */
  int32_t hidden_shift;
  int32_t hidden_offset;   /* the hidden state's zero point */
  int32_t tanh_multiplier; /* cell in units of 1 / (3 * 2^12), as for tq_tanh_s16() */
  int32_t tanh_right_shift;
  int32_t clip; /* the cell is kept in [-clip, clip]; 32768 for none */
} tq_lstm_cell;

typedef struct tq_lstm_s8_params {
  tq_lstm_shape shape;
  tq_lstm_gate_s8 input_gate;
  tq_lstm_gate_s8 forget_gate;
  tq_lstm_gate_s8 cell_gate;
  tq_lstm_gate_s8 output_gate;
  tq_lstm_cell state;
  const int8_t *input;
  int8_t *hidden; /* state */
  int16_t *cell;  /* state */
  int8_t *output;
} tq_lstm_s8_params;

TQ_KERNEL void tq_lstm_s8(const void *params);

typedef struct tq_lstm_gate_s16 {
  const int8_t *input_weights;
  const int8_t *recurrent_weights;
  const int64_t *input_bias; /* [state_depth] or NULL */
  int16_t input_multiplier;
  int8_t input_right_shift;
  int16_t recurrent_multiplier;
  int8_t recurrent_right_shift;
} tq_lstm_gate_s16;

typedef struct tq_lstm_s16_params {
  tq_lstm_shape shape;
  tq_lstm_gate_s16 input_gate;
  tq_lstm_gate_s16 forget_gate;
  tq_lstm_gate_s16 cell_gate;
  tq_lstm_gate_s16 output_gate;
  tq_lstm_cell state;
  const int16_t *input;
  int16_t *hidden; /* state */
  int16_t *cell;   /* state */
  int16_t *output;
} tq_lstm_s16_params;

TQ_KERNEL void tq_lstm_s16(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_RECURRENT_H */
