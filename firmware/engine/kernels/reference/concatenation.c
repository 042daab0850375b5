/* CONCATENATION and PACK */
#include "tq_reference.h"

#include <string.h>

void tq_concatenation(const void *params) {
  const tq_concatenation_params *p = params;
  uint8_t *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    for (int32_t i = 0; i < p->part_count; ++i) {
      const tq_concatenation_part *part = &p->parts[i];
      memcpy(output, (const uint8_t *)part->input + row * part->bytes, (size_t)part->bytes);
      output += part->bytes;
    }
  }
}
