/* The sums of block_f32.S, runs_f32.S and taps_f32.S for cores without an FPU: the same order. */
#include "tq_dsp_block_f32.h"
#include "tq_dsp_runs_f32.h"
#include "tq_dsp_taps_f32.h"

#ifndef __ARM_FP

enum { GROUP = 4, TAP_CHANNELS = 8 };

static const float *skip(const float *from, int32_t bytes) {
  return (const float *)((const uint8_t *)from + bytes);
}

static void clear(float *sums, int count) {
  for (int i = 0; i < count; i++) {
    sums[i] = 0.0f;
  }
}

static void add_products(float *sums, float input, const float *weights) {
  for (int i = 0; i < GROUP; i++) {
    sums[i] += input * weights[i];
  }
}

void tq_sum_runs_of_group_f32(const tq_runs_f32 *runs, const float *input, const float *weights,
                              float sums[4]) {
  clear(sums, GROUP);
  for (int32_t run = 0; run < runs->runs; run++) {
    for (int32_t i = 0; i < runs->length; i++, weights += GROUP) {
      add_products(sums, *input++, weights);
    }
    input = skip(input, runs->input_stride);
    weights = skip(weights, runs->weights_stride);
  }
}

float tq_sum_runs_of_row_f32(const tq_runs_f32 *runs, const float *input, const float *weights) {
  float sum = 0.0f;
  for (int32_t run = 0; run < runs->runs; run++) {
    for (int32_t i = 0; i < runs->length; i++) {
      sum += *input++ * *weights++;
    }
    input = skip(input, runs->input_stride);
    weights = skip(weights, runs->weights_stride);
  }
  return sum;
}

void tq_sum_taps_f32(const tq_taps_f32 *taps, const float *input, const float *weights,
                     float sums[8]) {
  clear(sums, TAP_CHANNELS);
  for (int32_t row = 0; row < taps->rows; row++) {
    for (int32_t column = 0; column < taps->columns; column++) {
      for (int i = 0; i < TAP_CHANNELS; i++) {
        sums[i] += input[i] * weights[i];
      }
      input = skip(input, taps->input_tap);
      weights = skip(weights, taps->weights_tap);
    }
    input = skip(input, taps->input_row);
    weights = skip(weights, taps->weights_row);
  }
}

void tq_sum_block_f32(const tq_block_f32 *block, const float *weights, float sums[16]) {
  clear(sums, TQ_BLOCK_F32_PIXELS * TQ_BLOCK_F32_CHANNELS);
  for (int32_t row = 0; row < block->count; row++) {
    for (int32_t i = 0; i < block->length; i++, weights += GROUP) {
      const float *input = block->rows[row] + i;
      add_products(sums, *input, weights);
      for (int pixel = 1; pixel < TQ_BLOCK_F32_PIXELS; pixel++) {
        add_products(sums + GROUP * pixel, *skip(input, block->pixels[pixel - 1]), weights);
      }
    }
  }
}

#endif
