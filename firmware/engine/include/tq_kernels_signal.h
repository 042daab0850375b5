/* Features of sound, in the fixed point of TensorFlow Lite Micro's signal library. */
#ifndef TQ_KERNELS_SIGNAL_H
#define TQ_KERNELS_SIGNAL_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* SignalWindow: input [rows][size] times window [size], shifted right. May run in place. */
typedef struct tq_signal_window_params {
  const int16_t *input;
  const int16_t *window;
  int16_t *output;
  int32_t rows;
  int32_t size;
  int32_t shift;
} tq_signal_window_params;

TQ_KERNEL void tq_signal_window(const void *params);

/* SignalFftAutoScale: shifts left as far as the largest number allows. May run in place. */
typedef struct tq_signal_auto_scale_params {
  const int16_t *input;
  int16_t *output;
  int32_t *scale_bits;
  int32_t count;
} tq_signal_auto_scale_params;

TQ_KERNEL void tq_signal_auto_scale(const void *params);

/*
 * SignalRfft: rows of `input_length` numbers, zeros behind them up to 2 * `points`, give `points` +
 * 1 complex numbers each. SignalIrfft: the reverse, of `points` + 1 complex numbers, undivided in
 * fixed point. `points` is a power of two. `twiddles` [points] and `real_twiddles` [points / 2] are
 * complex, `work` [points] is complex working memory.
 */
typedef struct tq_signal_fft_params {
  const void *input;
  void *output;
  void *work;
  const void *twiddles;
  const void *real_twiddles;
  int32_t rows;
  int32_t input_length;
  int32_t output_length;
  int32_t points;
} tq_signal_fft_params;

TQ_KERNEL void tq_signal_rfft_s16(const void *params);
TQ_KERNEL void tq_signal_rfft_s32(const void *params);
TQ_KERNEL void tq_signal_rfft_f32(const void *params);
TQ_KERNEL void tq_signal_irfft_s16(const void *params);
TQ_KERNEL void tq_signal_irfft_s32(const void *params);
TQ_KERNEL void tq_signal_irfft_f32(const void *params);

/* SignalEnergy: squares of complex numbers `start` to `end`, 0 for the others. */
typedef struct tq_signal_energy_params {
  const int16_t *input;
  uint32_t *output;
  int32_t start;
  int32_t end;
  int32_t count;
} tq_signal_energy_params;

TQ_KERNEL void tq_signal_energy(const void *params);

/*
 * SignalFilterBank: channel i of `channels` + 1 adds up `widths` [i] inputs from `input_starts` [i]
 * on, each times its weight for the channel itself and its unweight for the next one; both lie from
 * `weight_starts` [i] on. The first channel is no output.
 */
typedef struct tq_signal_filter_bank_params {
  const uint32_t *input;
  const int16_t *weights;
  const int16_t *unweights;
  const int16_t *input_starts;
  const int16_t *weight_starts;
  const int16_t *widths;
  uint64_t *output;
  int32_t channels;
} tq_signal_filter_bank_params;

TQ_KERNEL void tq_signal_filter_bank(const void *params);

/* SignalFilterBankSquareRoot: rounded roots, shifted right by `*scale_bits`. */
typedef struct tq_signal_square_root_params {
  const uint64_t *input;
  const int32_t *scale_bits;
  uint32_t *output;
  int32_t count;
} tq_signal_square_root_params;

TQ_KERNEL void tq_signal_square_root(const void *params);

/*
 * SignalFilterBankSpectralSubtraction: `noise` [count] is a smoothed input, kept as `state`; the
 * output is what is above it. Channels with even and odd numbers smooth by factors of their own.
 * The output may lie on the input.
 */
typedef struct tq_signal_spectral_subtraction_params {
  const uint32_t *input;
  uint32_t *output;
  uint32_t *noise;
  uint32_t *state;
  int32_t count;
  uint32_t smoothing[2];
  uint32_t one_minus_smoothing[2];
  uint32_t min_signal_remaining;
  int32_t smoothing_bits;
  int32_t subtraction_bits;
  int32_t clamping;
} tq_signal_spectral_subtraction_params;

TQ_KERNEL void tq_signal_spectral_subtraction(const void *params);

/* SignalPCAN: a gain by the estimate of the noise, interpolated in `gains`. May run in place. */
typedef struct tq_signal_pcan_params {
  const uint32_t *input;
  const uint32_t *noise;
  const int16_t *gains;
  uint32_t *output;
  int32_t count;
  int32_t snr_shift;
} tq_signal_pcan_params;

TQ_KERNEL void tq_signal_pcan(const void *params);

/* SignalFilterBankLog: natural logarithms; `table` [130] corrects log2(1 + i / 128) - i / 128. */
typedef struct tq_signal_log_params {
  const uint32_t *input;
  int16_t *output;
  const uint16_t *table;
  int32_t count;
  uint32_t output_scale;
  int32_t correction_bits;
} tq_signal_log_params;

TQ_KERNEL void tq_signal_log(const void *params);

/* SignalDelay: rows of `size` numbers, `delay` numbers later; `state` [rows][delay]. */
typedef struct tq_signal_delay_params {
  const int16_t *input;
  int16_t *output;
  int16_t *state;
  int32_t rows;
  int32_t size;
  int32_t delay;
} tq_signal_delay_params;

TQ_KERNEL void tq_signal_delay(const void *params);

/*
 * SignalFramer: rows of `frames` * `step` numbers give [rows][frames][size], frames that overlap.
 * `state` [rows][kept] is what a row saw before, `*filled` how much of it; a frame is 0 until there
 * is enough, and `*valid` with it.
 */
typedef struct tq_signal_framer_params {
  const int16_t *input;
  int16_t *output;
  uint8_t *valid;
  int16_t *state;
  int32_t *filled;
  int32_t rows;
  int32_t frames;
  int32_t size;
  int32_t step;
  int32_t kept;
  int32_t missing;
} tq_signal_framer_params;

TQ_KERNEL void tq_signal_framer(const void *params);

/*
 * SignalStacker: the last `frames` frames of `channels` numbers, of which `step` go when they were
 * given; the first frame counts 1 + `left` times. `state` [frames][channels], `*held` is 0 at
 * first, then 1 more than there are frames in it. The output is 0 while `*valid` is.
 */
typedef struct tq_signal_stacker_params {
  const int16_t *input;
  int16_t *output;
  uint8_t *valid;
  int16_t *state;
  int32_t *held;
  int32_t channels;
  int32_t frames;
  int32_t left;
  int32_t step;
} tq_signal_stacker_params;

TQ_KERNEL void tq_signal_stacker(const void *params);

/* SignalOverlapAdd: frames [rows][frames][size] give sums [rows][frames][step]; `state`
 * [rows][size]. */
typedef struct tq_signal_overlap_add_params {
  const void *input;
  void *output;
  void *state;
  int32_t rows;
  int32_t frames;
  int32_t size;
  int32_t step;
} tq_signal_overlap_add_params;

TQ_KERNEL void tq_signal_overlap_add_s16(const void *params);
TQ_KERNEL void tq_signal_overlap_add_f32(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_SIGNAL_H */
