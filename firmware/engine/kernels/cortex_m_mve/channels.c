/* Rows of weights times one column of inputs, four rows at a time */
#include "tq_mve.h"

/* Where the second, third and fourth row begin; behind the last row it is the last one again. */
static inline void set_rows(int32_t to_rows[3], int32_t depth, int32_t left) {
  for (int32_t row = 1; row < 4; ++row) {
    to_rows[row - 1] = depth * (row < left ? row : left - 1);
  }
}

int8_t *tq_mve_channels_s8(const tq_channels_s8_mve *layer, const int8_t *column, int8_t *output) {
  const int8_t *weights = layer->weights;
  const int32_t *bias = layer->bias;
  const int32_t *multipliers = layer->multipliers;
  const int8_t *shifts = layer->shifts;
  const int32_t depth = layer->depth;
  int32_t to_rows[3] = {depth, 2 * depth, 3 * depth};
  for (int32_t left = layer->channels; left > 0; left -= 4) {
    if (left < 4) {
      set_rows(to_rows, depth, left);
    }
    const tq_mve_sums sums = tq_mve_dot_s8(column, weights, depth, to_rows);
    const int32x4_t sum = vaddq_s32(tq_mve_vector(&sums), vldrwq_s32(bias));
    const int32x4_t scaled = tq_mve_scale(sum, vldrwq_s32(multipliers), vldrbq_s32(shifts));
    const int32x4_t moved = vaddq_n_s32(scaled, layer->output_offset);
    const int32x4_t result = tq_mve_clamp(moved, layer->activation_min, layer->activation_max);
    vstrbq_p_s32(output, result, vctp32q((uint32_t)left));
    weights += 4 * depth;
    bias += 4;
    multipliers += layer->step;
    shifts += layer->step;
    output += 4;
  }
  return output - (-layer->channels & 3);
}

int16_t *tq_mve_channels_s16(const tq_channels_s16_mve *layer, const int16_t *column,
                             int16_t *output) {
  const int8_t *weights = layer->weights;
  const int32_t *bias = layer->bias;
  const int32_t *multipliers = layer->multipliers;
  const int32_t depth = layer->depth;
  int32_t to_rows[3] = {depth, 2 * depth, 3 * depth};
  for (int32_t left = layer->channels; left > 0; left -= 4) {
    if (left < 4) {
      set_rows(to_rows, depth, left);
    }
    const tq_mve_sums sums = tq_mve_dot_s16(column, weights, depth, to_rows);
    const int32x4_t sum = vaddq_s32(tq_mve_vector(&sums), vldrwq_s32(bias));
    /* The upper half of the product, rounded once, ties upward: as tq_scale_64(). */
    const int32x4_t scaled = vrmulhq_s32(sum, vldrwq_s32(multipliers));
    const int32x4_t result = tq_mve_clamp(scaled, layer->activation_min, layer->activation_max);
    vstrhq_p_s32(output, result, vctp32q((uint32_t)left));
    weights += 4 * depth;
    bias += 4;
    multipliers += layer->step;
    output += 4;
  }
  return output - (-layer->channels & 3);
}
