/* DYNAMIC_UPDATE_SLICE */
#include "tq_reference.h"

#include <string.h>

#include "tq_fixed_point.h"

void tq_update_slice(const void *params) {
  const tq_update_slice_params *p = params;
  const int32_t *dims = p->dims;
  const int32_t *sizes = p->update_dims;
  int32_t first[5] = {0, 0, 0, 0, 0};
  for (int32_t i = 0; i < p->rank; ++i) {
    const int32_t axis = 5 - p->rank + i;
    first[axis] = tq_clamp(p->indices[i], 0, dims[axis] - sizes[axis]);
  }
  if (p->output != p->input) {
    const int32_t elements = dims[0] * dims[1] * dims[2] * dims[3] * dims[4];
    memcpy(p->output, p->input, (size_t)(elements * p->bytes));
  }
  const size_t run = (size_t)(sizes[4] * p->bytes);
  const uint8_t *update = p->update;
  for (int32_t i0 = 0; i0 < sizes[0]; ++i0) {
    for (int32_t i1 = 0; i1 < sizes[1]; ++i1) {
      for (int32_t i2 = 0; i2 < sizes[2]; ++i2) {
        for (int32_t i3 = 0; i3 < sizes[3]; ++i3) {
          int32_t at = (first[0] + i0) * dims[1] + first[1] + i1;
          at = (at * dims[2] + first[2] + i2) * dims[3] + first[3] + i3;
          memcpy((uint8_t *)p->output + (at * dims[4] + first[4]) * p->bytes, update, run);
          update += run;
        }
      }
    }
  }
}
