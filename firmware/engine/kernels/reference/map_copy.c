/* MIRROR_PAD and RESIZE_NEAREST_NEIGHBOR */
#include "tq_reference.h"

#include <string.h>

void tq_map_copy(const void *params) {
  const tq_map_copy_params *p = params;
  const int32_t *map0 = p->maps;
  const int32_t *map1 = map0 + p->dims[0];
  const int32_t *map2 = map1 + p->dims[1];
  const int32_t *map3 = map2 + p->dims[2];
  uint8_t *output = p->output;
  for (int32_t i0 = 0; i0 < p->dims[0]; ++i0) {
    for (int32_t i1 = 0; i1 < p->dims[1]; ++i1) {
      for (int32_t i2 = 0; i2 < p->dims[2]; ++i2) {
        const uint8_t *row = (const uint8_t *)p->input + map0[i0] + map1[i1] + map2[i2];
        for (int32_t i3 = 0; i3 < p->dims[3]; ++i3) {
          memcpy(output, row + map3[i3], (size_t)p->bytes);
          output += p->bytes;
        }
      }
    }
  }
}
