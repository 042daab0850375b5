/* PAD and PADV2 */
#include "tq_reference.h"

static float *fill_f32(float *output, int32_t count, float value) {
  for (int32_t i = 0; i < count; ++i) {
    *output++ = value;
  }
  return output;
}

void tq_pad_f32(const void *params) {
  const tq_pad_f32_params *p = params;
  const float value = p->pad_value;
  const int32_t row = p->pad_before[3] + p->input_dims[3] + p->pad_after[3];
  const int32_t plane = (p->pad_before[2] + p->input_dims[2] + p->pad_after[2]) * row;
  const int32_t cube = (p->pad_before[1] + p->input_dims[1] + p->pad_after[1]) * plane;
  const float *input = p->input;
  float *output = fill_f32(p->output, p->pad_before[0] * cube, value);
  for (int32_t i0 = 0; i0 < p->input_dims[0]; ++i0) {
    output = fill_f32(output, p->pad_before[1] * plane, value);
    for (int32_t i1 = 0; i1 < p->input_dims[1]; ++i1) {
      output = fill_f32(output, p->pad_before[2] * row, value);
      for (int32_t i2 = 0; i2 < p->input_dims[2]; ++i2) {
        output = fill_f32(output, p->pad_before[3], value);
        for (int32_t i3 = 0; i3 < p->input_dims[3]; ++i3) {
          *output++ = *input++;
        }
        output = fill_f32(output, p->pad_after[3], value);
      }
      output = fill_f32(output, p->pad_after[2] * row, value);
    }
    output = fill_f32(output, p->pad_after[1] * plane, value);
  }
  fill_f32(output, p->pad_after[0] * cube, value);
}

static int8_t *fill_s8(int8_t *output, int32_t count, int8_t value) {
  for (int32_t i = 0; i < count; ++i) {
    *output++ = value;
  }
  return output;
}

void tq_pad_s8(const void *params) {
  const tq_pad_s8_params *p = params;
  const int8_t value = (int8_t)p->pad_value;
  const int32_t row = p->pad_before[3] + p->input_dims[3] + p->pad_after[3];
  const int32_t plane = (p->pad_before[2] + p->input_dims[2] + p->pad_after[2]) * row;
  const int32_t cube = (p->pad_before[1] + p->input_dims[1] + p->pad_after[1]) * plane;
  const int8_t *input = p->input;
  int8_t *output = fill_s8(p->output, p->pad_before[0] * cube, value);
  for (int32_t i0 = 0; i0 < p->input_dims[0]; ++i0) {
    output = fill_s8(output, p->pad_before[1] * plane, value);
    for (int32_t i1 = 0; i1 < p->input_dims[1]; ++i1) {
      output = fill_s8(output, p->pad_before[2] * row, value);
      for (int32_t i2 = 0; i2 < p->input_dims[2]; ++i2) {
        output = fill_s8(output, p->pad_before[3], value);
        for (int32_t i3 = 0; i3 < p->input_dims[3]; ++i3) {
          *output++ = *input++;
        }
        output = fill_s8(output, p->pad_after[3], value);
      }
      output = fill_s8(output, p->pad_after[2] * row, value);
    }
    output = fill_s8(output, p->pad_after[1] * plane, value);
  }
  fill_s8(output, p->pad_after[0] * cube, value);
}

static int16_t *fill_s16(int16_t *output, int32_t count, int16_t value) {
  for (int32_t i = 0; i < count; ++i) {
    *output++ = value;
  }
  return output;
}

void tq_pad_s16(const void *params) {
  const tq_pad_s16_params *p = params;
  const int16_t value = (int16_t)p->pad_value;
  const int32_t row = p->pad_before[3] + p->input_dims[3] + p->pad_after[3];
  const int32_t plane = (p->pad_before[2] + p->input_dims[2] + p->pad_after[2]) * row;
  const int32_t cube = (p->pad_before[1] + p->input_dims[1] + p->pad_after[1]) * plane;
  const int16_t *input = p->input;
  int16_t *output = fill_s16(p->output, p->pad_before[0] * cube, value);
  for (int32_t i0 = 0; i0 < p->input_dims[0]; ++i0) {
    output = fill_s16(output, p->pad_before[1] * plane, value);
    for (int32_t i1 = 0; i1 < p->input_dims[1]; ++i1) {
      output = fill_s16(output, p->pad_before[2] * row, value);
      for (int32_t i2 = 0; i2 < p->input_dims[2]; ++i2) {
        output = fill_s16(output, p->pad_before[3], value);
        for (int32_t i3 = 0; i3 < p->input_dims[3]; ++i3) {
          *output++ = *input++;
        }
        output = fill_s16(output, p->pad_after[3], value);
      }
      output = fill_s16(output, p->pad_after[2] * row, value);
    }
    output = fill_s16(output, p->pad_after[1] * plane, value);
  }
  fill_s16(output, p->pad_after[0] * cube, value);
}
