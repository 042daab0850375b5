/* SignalFilterBank, SignalFilterBankSquareRoot, -SpectralSubtraction and -Log, SignalPCAN */
#include "tq_reference.h"

#include "tq_signal.h"

void tq_signal_filter_bank(const void *params) {
  const tq_signal_filter_bank_params *p = params;
  uint64_t sum = 0;
  for (int32_t channel = 0; channel <= p->channels; ++channel) {
    const uint32_t *input = p->input + p->input_starts[channel];
    const int16_t *weights = p->weights + p->weight_starts[channel];
    const int16_t *unweights = p->unweights + p->weight_starts[channel];
    uint64_t next = 0;
    for (int32_t i = 0; i < p->widths[channel]; ++i) {
      sum += (uint64_t)weights[i] * input[i];
      next += (uint64_t)unweights[i] * input[i];
    }
    if (channel > 0) {
      p->output[channel - 1] = sum;
    }
    sum = next;
  }
}

/* A root of up to `max`, digit by digit, rounded to the nearest. */
static uint32_t square_root(uint64_t value, uint64_t max) {
  uint64_t root = 0;
  uint64_t bit = 1;
  while (bit <= value >> 2) {
    bit <<= 2;
  }
  for (; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return (uint32_t)(value > root && root != max ? root + 1 : root);
}

void tq_signal_square_root(const void *params) {
  const tq_signal_square_root_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const uint64_t value = p->input[i];
    p->output[i] = square_root(value, value >> 32 ? UINT32_MAX : UINT16_MAX) >> *p->scale_bits;
  }
}

void tq_signal_spectral_subtraction(const void *params) {
  const tq_signal_spectral_subtraction_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const uint32_t signal = p->input[i];
    const uint32_t scaled = signal << p->smoothing_bits;
    const uint64_t sum = (uint64_t)scaled * p->smoothing[i & 1] +
                         (uint64_t)p->state[i] * p->one_minus_smoothing[i & 1];
    uint32_t noise = (uint32_t)(sum >> p->subtraction_bits);
    p->state[i] = noise;
    if (noise > scaled) {
      noise = scaled;
      if (p->clamping) {
        p->state[i] = noise;
      }
    }
    const uint32_t left = (scaled - noise) >> p->smoothing_bits;
    const uint32_t least =
        (uint32_t)(((uint64_t)signal * p->min_signal_remaining) >> p->subtraction_bits);
    p->output[i] = left > least ? left : least;
    p->noise[i] = p->state[i];
  }
}

/* The gain at `x`: from 3 on a parabola for every power of two, of which `gains` holds three
 * points. */
static int16_t gain(uint32_t x, const int16_t *gains) {
  if (x <= 2) {
    return gains[x];
  }
  const int32_t interval = tq_signal_bits(x);
  const int16_t *curve = gains + 4 * interval - 6;
  const uint32_t shifted = interval < 11 ? x << (11 - interval) : x >> (interval - 11);
  const int32_t fraction = (int32_t)(shifted & 0x3FF);
  int32_t result = (curve[2] * fraction) >> 5;
  result = (int32_t)((uint32_t)result + ((uint32_t)curve[1] << 5));
  result = (int32_t)((uint32_t)result * (uint32_t)fraction + (1u << 14)) >> 15;
  return (int16_t)(result + curve[0]);
}

enum { SNR_BITS = 12, OUTPUT_BITS = 6 };

/* x * x / 4 below 2, x - 1 above. */
static uint32_t shrink(uint32_t x) {
  if (x < 2u << SNR_BITS) {
    return (x * x) >> (2 + 2 * SNR_BITS - OUTPUT_BITS);
  }
  return (x >> (SNR_BITS - OUTPUT_BITS)) - (1u << OUTPUT_BITS);
}

void tq_signal_pcan(const void *params) {
  const tq_signal_pcan_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const uint32_t factor = (uint32_t)gain(p->noise[i], p->gains);
    p->output[i] = shrink((uint32_t)(((uint64_t)p->input[i] * factor) >> p->snr_shift));
  }
}

enum { LOG_BITS = 16, SEGMENT_BITS = 7, LN_2 = 45426 };

static uint32_t logarithm(uint32_t x, const uint16_t *table, uint32_t scale) {
  const int32_t integer = tq_signal_bits(x) - 1;
  const uint32_t rest = x - (1u << integer);
  const uint32_t fraction =
      integer < LOG_BITS ? rest << (LOG_BITS - integer) : rest >> (integer - LOG_BITS);
  const uint32_t segment = fraction >> (LOG_BITS - SEGMENT_BITS);
  const int32_t within = (int32_t)(fraction & ((1u << (LOG_BITS - SEGMENT_BITS)) - 1));
  const int32_t slope = table[segment + 1] - table[segment];
  const uint32_t log2 = ((uint32_t)integer << LOG_BITS) + fraction + table[segment] +
                        (uint32_t)((slope * within) >> LOG_BITS);
  const uint32_t half = 1u << (LOG_BITS - 1);
  const uint32_t natural = (uint32_t)(((uint64_t)LN_2 * log2 + half) >> LOG_BITS);
  return (scale * natural + half) >> LOG_BITS;
}

void tq_signal_log(const void *params) {
  const tq_signal_log_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const uint32_t x = p->input[i] << p->correction_bits;
    const uint32_t value = x > 1 ? logarithm(x, p->table, p->output_scale) : 0;
    p->output[i] = (int16_t)(value < INT16_MAX ? value : INT16_MAX);
  }
}
