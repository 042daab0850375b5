/* SignalWindow, SignalFftAutoScale and SignalEnergy */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_signal.h"

void tq_signal_window(const void *params) {
  const tq_signal_window_params *p = params;
  const int16_t *input = p->input;
  int16_t *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    for (int32_t i = 0; i < p->size; ++i) {
      const int32_t product = ((int32_t)*input++ * p->window[i]) >> p->shift;
      *output++ = (int16_t)tq_clamp(product, INT16_MIN, INT16_MAX);
    }
  }
}

void tq_signal_auto_scale(const void *params) {
  const tq_signal_auto_scale_params *p = params;
  /* The magnitude of -32768 does not fit and counts as the lowest number of all. */
  int16_t largest = 0;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t value = p->input[i];
    if (value > largest) {
      largest = (int16_t)value;
    } else if (-value > largest) {
      largest = (int16_t)-value;
    }
  }
  /* Silence is not scaled. */
  const int32_t bits = largest == 0 ? 0 : 15 - tq_signal_bits((uint32_t)largest);
  const int32_t shift = bits > 0 ? bits : 0;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = (int16_t)(p->input[i] * (1 << shift));
  }
  *p->scale_bits = shift;
}

void tq_signal_energy(const void *params) {
  const tq_signal_energy_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    uint32_t energy = 0;
    if (i >= p->start && i < p->end) {
      const int32_t real = p->input[2 * i];
      const int32_t imaginary = p->input[2 * i + 1];
      energy = (uint32_t)(real * real) + (uint32_t)(imaginary * imaginary);
    }
    p->output[i] = energy;
  }
}
