/* GATHER, GATHER_ND and EMBEDDING_LOOKUP */
#include "tq_reference.h"

#include <string.h>

#include "tq_fixed_point.h"

void tq_gather(const void *params) {
  const tq_gather_params *p = params;
  const uint8_t *input = p->input;
  uint8_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const int32_t *indices = p->indices + batch * p->count;
    for (int32_t outer = 0; outer < p->outer; ++outer) {
      for (int32_t i = 0; i < p->count; ++i) {
        const int32_t index = tq_clamp(indices[i], 0, p->size - 1);
        memcpy(output, input + index * p->bytes, (size_t)p->bytes);
        output += p->bytes;
      }
      input += p->size * p->bytes;
    }
  }
}

void tq_gather_nd(const void *params) {
  const tq_gather_nd_params *p = params;
  const int32_t *indices = p->indices;
  uint8_t *output = p->output;
  for (int32_t i = 0; i < p->count; ++i) {
    const uint8_t *slice = p->input;
    for (int32_t d = 0; d < p->depth; ++d) {
      slice += tq_clamp(*indices++, 0, p->sizes[d] - 1) * p->stride[d];
    }
    memcpy(output, slice, (size_t)p->bytes);
    output += p->bytes;
  }
}

void tq_embedding_lookup_s8_f32(const void *params) {
  const tq_embedding_lookup_s8_f32_params *p = params;
  float *output = p->output;
  for (int32_t i = 0; i < p->count; ++i) {
    const int8_t *row = p->input + tq_clamp(p->indices[i], 0, p->size - 1) * p->depth;
    for (int32_t column = 0; column < p->depth; ++column) {
      *output++ = p->scale * (float)row[column];
    }
  }
}
