/* SPLIT, SPLIT_V and UNPACK */
#include "tq_reference.h"

#include <string.h>

void tq_split(const void *params) {
  const tq_split_params *p = params;
  const uint8_t *input = p->input;
  for (int32_t row = 0; row < p->rows; ++row) {
    for (int32_t i = 0; i < p->part_count; ++i) {
      const tq_split_part *part = &p->parts[i];
      memcpy((uint8_t *)part->output + row * part->bytes, input, (size_t)part->bytes);
      input += part->bytes;
    }
  }
}
