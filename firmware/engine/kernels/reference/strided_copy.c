/* TRANSPOSE and STRIDED_SLICE */
#include "tq_reference.h"

void tq_strided_copy_f32(const void *params) {
  const tq_strided_copy_params *p = params;
  const uint32_t *input = p->input;
  uint32_t *output = p->output;
  for (int32_t i0 = 0; i0 < p->dims[0]; ++i0) {
    for (int32_t i1 = 0; i1 < p->dims[1]; ++i1) {
      for (int32_t i2 = 0; i2 < p->dims[2]; ++i2) {
        for (int32_t i3 = 0; i3 < p->dims[3]; ++i3) {
          int32_t from = p->offset + i0 * p->stride[0] + i1 * p->stride[1] + i2 * p->stride[2] +
                         i3 * p->stride[3];
          for (int32_t i4 = 0; i4 < p->dims[4]; ++i4) {
            *output++ = input[from];
            from += p->stride[4];
          }
        }
      }
    }
  }
}

void tq_strided_copy_s8(const void *params) {
  const tq_strided_copy_params *p = params;
  const uint8_t *input = p->input;
  uint8_t *output = p->output;
  for (int32_t i0 = 0; i0 < p->dims[0]; ++i0) {
    for (int32_t i1 = 0; i1 < p->dims[1]; ++i1) {
      for (int32_t i2 = 0; i2 < p->dims[2]; ++i2) {
        for (int32_t i3 = 0; i3 < p->dims[3]; ++i3) {
          int32_t from = p->offset + i0 * p->stride[0] + i1 * p->stride[1] + i2 * p->stride[2] +
                         i3 * p->stride[3];
          for (int32_t i4 = 0; i4 < p->dims[4]; ++i4) {
            *output++ = input[from];
            from += p->stride[4];
          }
        }
      }
    }
  }
}

void tq_strided_copy_s16(const void *params) {
  const tq_strided_copy_params *p = params;
  const uint16_t *input = p->input;
  uint16_t *output = p->output;
  for (int32_t i0 = 0; i0 < p->dims[0]; ++i0) {
    for (int32_t i1 = 0; i1 < p->dims[1]; ++i1) {
      for (int32_t i2 = 0; i2 < p->dims[2]; ++i2) {
        for (int32_t i3 = 0; i3 < p->dims[3]; ++i3) {
          int32_t from = p->offset + i0 * p->stride[0] + i1 * p->stride[1] + i2 * p->stride[2] +
                         i3 * p->stride[3];
          for (int32_t i4 = 0; i4 < p->dims[4]; ++i4) {
            *output++ = input[from];
            from += p->stride[4];
          }
        }
      }
    }
  }
}
