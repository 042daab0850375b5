/*
 * The kernels: one function per operator and element type, one parameter struct per kernel.
 *
 * The Python side emits each parameter struct as a `const` object with designated initialisers.
 * Every pointer is an address the linker resolves; every number is final: zero points are already
 * negated into offsets, activations are already limits, multipliers are already fixed point.
 * A board that wants faster code links another kernel set with the same symbols; the results are
 * the same bytes.
 *
 * Suffixes: f32 = float32; s8 = int8; s16 = int16 activations with int8 weights.
 * Activations are NHWC. Convolution weights are OHWI, depthwise weights HWO (1HWO in the file),
 * fully connected weights OI, as in the .tflite file.
 *
 * Fixed-point multipliers, for a real factor f (QuantizeMultiplier in TensorFlow Lite):
 *   - `multiplier`, `shift`: f = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31) or 0,
 *     shift in [-31, 30]; positive shifts left.
 *   - `multiplier`, `right_shift` (int16_t, int8_t; the kernels with a 64-bit accumulator):
 *       multiplier  = full < 0x7fff0000 ? (full + 0x8000) >> 16 : 0x7fff
 *       right_shift = 15 - shift            (in [8, 46])
 *     where (full, shift) is the 32-bit form above.
 *
 * "May run in place" means that `output` may be the same address as `input` (for two inputs: as
 * either input that is not broadcast). Where nothing is said, the buffers must not overlap.
 */
#ifndef TQ_KERNELS_H
#define TQ_KERNELS_H

#include <stdint.h>

/* Attributes of every kernel; a kernel set may define it before it includes this header. */
#ifndef TQ_KERNEL
#define TQ_KERNEL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Fully connected: output[b][o] = act(bias[o] + sum_i weights[o][i] * input[b][i]) ---- */

typedef struct tq_fully_connected_f32_params {
  const float *input;   /* [batches][input_depth] */
  const float *weights; /* [output_depth][input_depth] */
  const float *bias;    /* [output_depth] or NULL */
  float *output;        /* [batches][output_depth] */
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  float activation_min;
  float activation_max;
} tq_fully_connected_f32_params;

TQ_KERNEL void tq_fully_connected_f32(const void *params);

/*
 * `bias` is the file's bias (0 when absent) with the input's zero point folded in, modulo 2^32:
 * bias[o] - input_zero_point * sum_i weights[o][i]. Weights have zero point 0.
 */
typedef struct tq_fully_connected_s8_params {
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias; /* [output_depth], never NULL */
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t multiplier;
  int32_t shift;
  int32_t output_offset; /* the output's zero point */
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_s8_params;

TQ_KERNEL void tq_fully_connected_s8(const void *params);

typedef struct tq_fully_connected_per_channel_s8_params {
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias;        /* [output_depth], never NULL, folded as above */
  const int32_t *multipliers; /* [output_depth] */
  const int8_t *shifts;       /* [output_depth] */
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_per_channel_s8_params;

TQ_KERNEL void tq_fully_connected_per_channel_s8(const void *params);

/* int16 tensors have zero point 0. */
typedef struct tq_fully_connected_s16_params {
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias; /* [output_depth] or NULL */
  int16_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int16_t multiplier;
  int8_t right_shift;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_s16_params;

TQ_KERNEL void tq_fully_connected_s16(const void *params);

typedef struct tq_fully_connected_per_channel_s16_params {
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias;        /* [output_depth] or NULL */
  const int16_t *multipliers; /* [output_depth] */
  const int8_t *right_shifts; /* [output_depth] */
  int16_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_per_channel_s16_params;

TQ_KERNEL void tq_fully_connected_per_channel_s16(const void *params);

/* ---- Sliding windows: convolution, depthwise convolution, pooling ---- */

/*
 * Output (y, x) looks at input rows y * stride_height - pad_top + k * dilation_height and columns
 * x * stride_width - pad_left + k * dilation_width; positions outside the input are left out.
 * Pooling has dilation 1 and output_channels == input_channels. For depthwise convolution,
 * output_channels == input_channels * depth_multiplier.
 */
typedef struct tq_window {
  uint16_t batches;
  uint16_t input_height;
  uint16_t input_width;
  uint16_t input_channels;
  uint16_t filter_height;
  uint16_t filter_width;
  uint16_t output_height;
  uint16_t output_width;
  uint16_t output_channels;
  uint16_t stride_height;
  uint16_t stride_width;
  uint16_t dilation_height;
  uint16_t dilation_width;
  uint16_t pad_top;
  uint16_t pad_left;
} tq_window;

/*
 * `scratch` is working memory for optimised kernel sets; the reference kernels never touch it and
 * it may be NULL for them.
 */
typedef struct tq_conv_2d_f32_params {
  tq_window window;
  const float *input;
  const float *weights; /* [output_channels][filter_height][filter_width][input_channels] */
  const float *bias;    /* [output_channels] or NULL */
  float *output;
  void *scratch;
  float activation_min;
  float activation_max;
} tq_conv_2d_f32_params;

TQ_KERNEL void tq_conv_2d_f32(const void *params);

typedef struct tq_conv_2d_s8_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias;        /* [output_channels] or NULL; the file's, nothing folded in */
  const int32_t *multipliers; /* [output_channels] */
  const int8_t *shifts;       /* [output_channels] */
  int8_t *output;
  void *scratch;
  int32_t input_offset; /* minus the input's zero point */
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_s8_params;

TQ_KERNEL void tq_conv_2d_s8(const void *params);

typedef struct tq_conv_2d_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias;        /* [output_channels] or NULL */
  const int16_t *multipliers; /* [output_channels] */
  const int8_t *right_shifts; /* [output_channels] */
  int16_t *output;
  void *scratch;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_s16_params;

TQ_KERNEL void tq_conv_2d_s16(const void *params);

/*
 * 16x8 convolution whose bias is int32: TensorFlow Lite Micro then accumulates in 32 bits (modulo
 * 2^32) and scales with the 32-bit multiplier, which rounds differently.
 */
typedef struct tq_conv_2d_acc32_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int32_t *bias;        /* [output_channels], never NULL */
  const int32_t *multipliers; /* [output_channels] */
  const int8_t *shifts;       /* [output_channels] */
  int16_t *output;
  void *scratch;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_acc32_s16_params;

TQ_KERNEL void tq_conv_2d_acc32_s16(const void *params);

/* Output channel c * depth_multiplier + m reads input channel c. */
typedef struct tq_depthwise_conv_2d_f32_params {
  tq_window window;
  const float *input;
  const float *weights; /* [filter_height][filter_width][output_channels] */
  const float *bias;    /* [output_channels] or NULL */
  float *output;
  void *scratch;
  int32_t depth_multiplier;
  float activation_min;
  float activation_max;
} tq_depthwise_conv_2d_f32_params;

TQ_KERNEL void tq_depthwise_conv_2d_f32(const void *params);

typedef struct tq_depthwise_conv_2d_s8_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias; /* [output_channels] or NULL; nothing folded in */
  const int32_t *multipliers;
  const int8_t *shifts;
  int8_t *output;
  void *scratch;
  int32_t depth_multiplier;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_s8_params;

TQ_KERNEL void tq_depthwise_conv_2d_s8(const void *params);

typedef struct tq_depthwise_conv_2d_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias; /* [output_channels] or NULL */
  const int16_t *multipliers;
  const int8_t *right_shifts;
  int16_t *output;
  void *scratch;
  int32_t depth_multiplier;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_s16_params;

TQ_KERNEL void tq_depthwise_conv_2d_s16(const void *params);

/* Pooling keeps the input's scale and zero point. Averages count only positions in the input. */
typedef struct tq_pool_2d_f32_params {
  tq_window window;
  const float *input;
  float *output;
  float activation_min;
  float activation_max;
} tq_pool_2d_f32_params;

TQ_KERNEL void tq_max_pool_2d_f32(const void *params);
TQ_KERNEL void tq_average_pool_2d_f32(const void *params);

typedef struct tq_pool_2d_s8_params {
  tq_window window;
  const int8_t *input;
  int8_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_pool_2d_s8_params;

TQ_KERNEL void tq_max_pool_2d_s8(const void *params);
TQ_KERNEL void tq_average_pool_2d_s8(const void *params);

typedef struct tq_pool_2d_s16_params {
  tq_window window;
  const int16_t *input;
  int16_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_pool_2d_s16_params;

TQ_KERNEL void tq_max_pool_2d_s16(const void *params);
TQ_KERNEL void tq_average_pool_2d_s16(const void *params);

/* ---- Transposed convolution ---- */

/*
 * `window` is that of the convolution this operator is the transpose of: its input is this
 * operator's output and the reverse. Input (y, x) adds to output rows
 * y * stride_height - pad_top + k and columns x * stride_width - pad_left + k. Dilation is 1.
 */
typedef struct tq_transpose_conv_f32_params {
  tq_window window;
  const float *input;   /* [batches][output_height][output_width][output_channels] of the window */
  const float *weights; /* [input_channels][filter_height][filter_width][output_channels] */
  const float *bias;    /* [input_channels] or NULL */
  float *output;
  float activation_min;
  float activation_max;
} tq_transpose_conv_f32_params;

TQ_KERNEL void tq_transpose_conv_f32(const void *params);

typedef struct tq_transpose_conv_s8_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias; /* or NULL; nothing folded in */
  const int32_t *multipliers;
  const int8_t *shifts;
  int8_t *output;
  int32_t input_offset; /* minus the input's zero point */
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_transpose_conv_s8_params;

TQ_KERNEL void tq_transpose_conv_s8(const void *params);

typedef struct tq_transpose_conv_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias; /* or NULL */
  const int16_t *multipliers;
  const int8_t *right_shifts;
  int16_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_transpose_conv_s16_params;

TQ_KERNEL void tq_transpose_conv_s16(const void *params);

/* ---- Operators with state: what they keep lies in the arena and outlives an inference ---- */

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
typedef struct tq_svdf_s8_params {
  const int8_t *input;
  const int8_t *feature_weights;
  const int8_t *time_weights;
  const int32_t *bias; /* [units] or NULL */
  int8_t *state;
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t units;
  int32_t rank;
  int32_t memory;
  int32_t feature_multiplier;
  int32_t feature_shift;
  int32_t output_multiplier;
  int32_t output_shift;
  int32_t input_offset;     /* minus the input's zero point */
  int32_t state_zero_point; /* added to what is stored, subtracted from what is read */
  int32_t output_offset;
} tq_svdf_s8_params;

TQ_KERNEL void tq_svdf_s8(const void *params);

/* int8 input and output, int16 state and time weights. */
typedef struct tq_svdf_state16_s8_params {
  const int8_t *input;
  const int8_t *feature_weights;
  const int16_t *time_weights;
  const int32_t *bias; /* [units] or NULL */
  int16_t *state;
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t units;
  int32_t rank;
  int32_t memory;
  int32_t feature_multiplier;
  int32_t feature_shift;
  int32_t output_multiplier;
  int32_t output_shift;
  int32_t input_offset;
  int32_t state_zero_point;
  int32_t output_offset;
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

/* ---- Mean over adjacent axes: [outer][reduced][inner] -> [outer][inner] ---- */

/* NHWC over H, W: outer = batches, reduced = height * width, inner = channels. */
typedef struct tq_mean_f32_params {
  const float *input;
  float *output;
  int32_t outer;
  int32_t reduced;
  int32_t inner;
} tq_mean_f32_params;

TQ_KERNEL void tq_mean_f32(const void *params);

/*
 * `multiplier`, `shift` stand for input_scale / output_scale / reduced, folded as TensorFlow Lite
 * Micro does it (engine/quantization on the Python side).
 */
typedef struct tq_mean_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t outer;
  int32_t reduced;
  int32_t inner;
  int32_t multiplier;
  int32_t shift;
  int32_t input_offset; /* minus the input's zero point */
  int32_t output_offset;
} tq_mean_s8_params;

TQ_KERNEL void tq_mean_s8(const void *params);

typedef struct tq_mean_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t outer;
  int32_t reduced;
  int32_t inner;
  int32_t multiplier;
  int32_t shift;
  int32_t input_offset;
  int32_t output_offset;
} tq_mean_s16_params;

TQ_KERNEL void tq_mean_s16(const void *params);

/* ---- Two inputs, element by element, with broadcasting. May run in place. ---- */

/*
 * The output is dense over `dims`; input k's element for output index (i0..i3) is at
 * sum_d i_d * stride_k[d] (in elements), stride 0 along a broadcast axis. Axes that need no
 * distinction are merged into the last one: equal shapes are dims {1, 1, 1, n}, strides {0,0,0,1}.
 */
typedef struct tq_broadcast {
  int32_t dims[4];
  int32_t stride1[4];
  int32_t stride2[4];
} tq_broadcast;

typedef struct tq_binary_f32_params {
  tq_broadcast broadcast;
  const float *input1;
  const float *input2;
  float *output;
  float activation_min;
  float activation_max;
} tq_binary_f32_params;

TQ_KERNEL void tq_add_f32(const void *params);
TQ_KERNEL void tq_sub_f32(const void *params);
TQ_KERNEL void tq_mul_f32(const void *params);

/*
 * Both inputs are brought to the scale 2 * max(scale1, scale2) with `left_shift` more bits (20 for
 * int8, 15 for int16) and then to the output's:
 *   factor1 = scale1 / twice_max, factor2 = scale2 / twice_max,
 *   output factor = twice_max / (2^left_shift * output_scale).
 * tq_sub_* subtracts input2; its parameters are computed in the same way.
 */
typedef struct tq_add_s8_params {
  tq_broadcast broadcast;
  const int8_t *input1;
  const int8_t *input2;
  int8_t *output;
  int32_t input1_offset; /* minus the zero point */
  int32_t input2_offset;
  int32_t output_offset;
  int32_t input1_multiplier;
  int32_t input2_multiplier;
  int32_t output_multiplier;
  int32_t input1_shift;
  int32_t input2_shift;
  int32_t output_shift;
  int32_t activation_min;
  int32_t activation_max;
} tq_add_s8_params;

TQ_KERNEL void tq_add_s8(const void *params);
TQ_KERNEL void tq_sub_s8(const void *params);

typedef struct tq_add_s16_params {
  tq_broadcast broadcast;
  const int16_t *input1;
  const int16_t *input2;
  int16_t *output;
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t output_offset;
  int32_t input1_multiplier;
  int32_t input2_multiplier;
  int32_t output_multiplier;
  int32_t input1_shift;
  int32_t input2_shift;
  int32_t output_shift;
  int32_t activation_min;
  int32_t activation_max;
} tq_add_s16_params;

TQ_KERNEL void tq_add_s16(const void *params);
TQ_KERNEL void tq_sub_s16(const void *params);

/* factor = scale1 * scale2 / output_scale */
typedef struct tq_mul_s8_params {
  tq_broadcast broadcast;
  const int8_t *input1;
  const int8_t *input2;
  int8_t *output;
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
  int32_t activation_min;
  int32_t activation_max;
} tq_mul_s8_params;

TQ_KERNEL void tq_mul_s8(const void *params);

typedef struct tq_mul_s16_params {
  tq_broadcast broadcast;
  const int16_t *input1;
  const int16_t *input2;
  int16_t *output;
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
  int32_t activation_min;
  int32_t activation_max;
} tq_mul_s16_params;

TQ_KERNEL void tq_mul_s16(const void *params);

/* ---- Softmax over the last axis: [rows][depth]. May run in place. ---- */

typedef struct tq_softmax_f32_params {
  const float *input;
  float *output;
  int32_t rows;
  int32_t depth;
  float beta;
} tq_softmax_f32_params;

TQ_KERNEL void tq_softmax_f32(const void *params);

/*
 * exp_table[d] = exp(-d * beta * input_scale) in Q0.31 as TensorFlow Lite Micro's fixed-point
 * arithmetic computes it, for d in [0, exp_count); the entries from exp_count to 255 are 0.
 */
typedef struct tq_softmax_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t rows;
  int32_t depth;
  const int32_t *exp_table;
  int32_t exp_count;
} tq_softmax_s8_params;

TQ_KERNEL void tq_softmax_s8(const void *params);

/* `multiplier`, `shift` stand for beta * input_scale * 65535 / 10. */
typedef struct tq_softmax_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t rows;
  int32_t depth;
  int32_t multiplier;
  int32_t shift;
} tq_softmax_s16_params;

TQ_KERNEL void tq_softmax_s16(const void *params);

/* ---- One input, element by element. May run in place. ---- */

typedef struct tq_unary_f32_params {
  const float *input;
  float *output;
  int32_t count;
} tq_unary_f32_params;

TQ_KERNEL void tq_logistic_f32(const void *params);
TQ_KERNEL void tq_tanh_f32(const void *params);

/* min = 0 and max = INFINITY for RELU, 6 for RELU6; -1 and 1 for RELU_N1_TO_1. */
typedef struct tq_relu_f32_params {
  const float *input;
  float *output;
  int32_t count;
  float activation_min;
  float activation_max;
} tq_relu_f32_params;

TQ_KERNEL void tq_relu_f32(const void *params);

typedef struct tq_leaky_relu_f32_params {
  const float *input;
  float *output;
  int32_t count;
  float alpha;
} tq_leaky_relu_f32_params;

TQ_KERNEL void tq_leaky_relu_f32(const void *params);

/*
 * output = table[input + 128]: LOGISTIC and TANH on int8, whose value depends on the quantization
 * parameters and one byte only. The table is 256 bytes, less than the code that would compute it.
 */
typedef struct tq_table_s8_params {
  const int8_t *input;
  const int8_t *table; /* [256] */
  int8_t *output;
  int32_t count;
} tq_table_s8_params;

TQ_KERNEL void tq_logistic_s8(const void *params);
TQ_KERNEL void tq_tanh_s8(const void *params);

/* Argument in units of 1 / (3 * 2^12): (input * multiplier + half) >> right_shift. */
typedef struct tq_sigmoid_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t right_shift;
} tq_sigmoid_s16_params;

TQ_KERNEL void tq_logistic_s16(const void *params);
TQ_KERNEL void tq_tanh_s16(const void *params);

/* factor = input_scale / output_scale; the second pair applies alpha to negative inputs. */
typedef struct tq_leaky_relu_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t count;
  int32_t input_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
  int32_t alpha_multiplier;
  int32_t alpha_shift;
} tq_leaky_relu_s8_params;

TQ_KERNEL void tq_leaky_relu_s8(const void *params);

typedef struct tq_leaky_relu_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t count;
  int32_t input_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
  int32_t alpha_multiplier;
  int32_t alpha_shift;
} tq_leaky_relu_s16_params;

TQ_KERNEL void tq_leaky_relu_s16(const void *params);

/* ---- Changing representation ---- */

/* May run in place: the output is narrower than the input. */
typedef struct tq_quantize_f32_s8_params {
  const float *input;
  int8_t *output;
  int32_t count;
  float scale;
  int32_t zero_point;
} tq_quantize_f32_s8_params;

TQ_KERNEL void tq_quantize_f32_s8(const void *params);

typedef struct tq_quantize_f32_s16_params {
  const float *input;
  int16_t *output;
  int32_t count;
  float scale;
  int32_t zero_point;
} tq_quantize_f32_s16_params;

TQ_KERNEL void tq_quantize_f32_s16(const void *params);

typedef struct tq_dequantize_s8_f32_params {
  const int8_t *input;
  float *output;
  int32_t count;
  float scale;
  int32_t zero_point;
} tq_dequantize_s8_f32_params;

TQ_KERNEL void tq_dequantize_s8_f32(const void *params);

typedef struct tq_dequantize_s16_f32_params {
  const int16_t *input;
  float *output;
  int32_t count;
  float scale;
  int32_t zero_point;
} tq_dequantize_s16_f32_params;

TQ_KERNEL void tq_dequantize_s16_f32(const void *params);

/*
 * output = clamp(scaled(input + input_offset) + output_offset), factor = input_scale/output_scale.
 * QUANTIZE between integer types uses the output type's whole range as limits; RELU and RELU6 on
 * integer tensors are the same computation with the activation's limits. All but s8_s16 may run in
 * place.
 */
typedef struct tq_requantize_s8_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t shift;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_requantize_s8_s8_params;

TQ_KERNEL void tq_requantize_s8_s8(const void *params);

typedef struct tq_requantize_s16_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t shift;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_requantize_s16_s16_params;

TQ_KERNEL void tq_requantize_s16_s16(const void *params);

typedef struct tq_requantize_s8_s16_params {
  const int8_t *input;
  int16_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t shift;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_requantize_s8_s16_params;

TQ_KERNEL void tq_requantize_s8_s16(const void *params);

typedef struct tq_requantize_s16_s8_params {
  const int16_t *input;
  int8_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t shift;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_requantize_s16_s8_params;

TQ_KERNEL void tq_requantize_s16_s8(const void *params);

/* ---- Moving data. The suffix tells only the element's width: f32 also moves int32. ---- */

/* RESHAPE, EXPAND_DIMS, SQUEEZE that could not share memory. */
typedef struct tq_copy_params {
  const void *input;
  void *output;
  int32_t bytes;
} tq_copy_params;

TQ_KERNEL void tq_copy(const void *params);

/* Surrounds input_dims (4-D) with pad_before and pad_after elements of pad_value on each axis. */
typedef struct tq_pad_f32_params {
  const float *input;
  float *output;
  int32_t input_dims[4];
  int32_t pad_before[4];
  int32_t pad_after[4];
  float pad_value;
} tq_pad_f32_params;

TQ_KERNEL void tq_pad_f32(const void *params);

typedef struct tq_pad_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t input_dims[4];
  int32_t pad_before[4];
  int32_t pad_after[4];
  int32_t pad_value;
} tq_pad_s8_params;

TQ_KERNEL void tq_pad_s8(const void *params);

typedef struct tq_pad_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t input_dims[4];
  int32_t pad_before[4];
  int32_t pad_after[4];
  int32_t pad_value;
} tq_pad_s16_params;

TQ_KERNEL void tq_pad_s16(const void *params);

/*
 * TRANSPOSE and STRIDED_SLICE: the output is dense over `dims`; element (i0..i4) is
 * input[offset + sum_d i_d * stride[d]], in elements; strides may be negative.
 */
typedef struct tq_strided_copy_params {
  const void *input;
  void *output;
  int32_t offset;
  int32_t dims[5];
  int32_t stride[5];
} tq_strided_copy_params;

TQ_KERNEL void tq_strided_copy_f32(const void *params);
TQ_KERNEL void tq_strided_copy_s8(const void *params);
TQ_KERNEL void tq_strided_copy_s16(const void *params);

/*
 * CONCATENATION and PACK: output row r is the concatenation of every part's row r.
 * SPLIT and UNPACK: the reverse. `bytes` is a part's size per row.
 */
typedef struct tq_concatenation_part {
  const void *input;
  int32_t bytes;
} tq_concatenation_part;

typedef struct tq_concatenation_params {
  const tq_concatenation_part *parts;
  void *output;
  int32_t part_count;
  int32_t rows;
} tq_concatenation_params;

TQ_KERNEL void tq_concatenation(const void *params);

typedef struct tq_split_part {
  void *output;
  int32_t bytes;
} tq_split_part;

typedef struct tq_split_params {
  const void *input;
  const tq_split_part *parts;
  int32_t part_count;
  int32_t rows;
} tq_split_params;

TQ_KERNEL void tq_split(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_H */
