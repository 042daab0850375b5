/* SPACE_TO_BATCH_ND */
#include "tq_reference.h"

#include <string.h>

void tq_space_to_batch(const void *params) {
  const tq_space_to_batch_params *p = params;
  uint8_t *output = p->output;
  for (int32_t block = 0; block < p->block_height * p->block_width; ++block) {
    const int32_t top = block / p->block_width - p->pad_top;
    const int32_t left = block % p->block_width - p->pad_left;
    for (int32_t batch = 0; batch < p->batches; ++batch) {
      for (int32_t i = 0; i < p->output_height; ++i) {
        const int32_t y = i * p->block_height + top;
        for (int32_t j = 0; j < p->output_width; ++j) {
          const int32_t x = j * p->block_width + left;
          if (y >= 0 && y < p->height && x >= 0 && x < p->width) {
            const int32_t run = (batch * p->height + y) * p->width + x;
            memcpy(output, (const uint8_t *)p->input + run * p->bytes, (size_t)p->bytes);
          } else {
            memset(output, p->fill, (size_t)p->bytes);
          }
          output += p->bytes;
        }
      }
    }
  }
}
