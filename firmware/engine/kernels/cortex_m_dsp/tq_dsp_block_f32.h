/* Sums of products for four output pixels and four channels of a float convolution. */
#ifndef TQ_DSP_BLOCK_F32_H
#define TQ_DSP_BLOCK_F32_H

#include <stddef.h>
#include <stdint.h>

#define TQ_BLOCK_F32_PIXELS 4
#define TQ_BLOCK_F32_CHANNELS 4

/* What block_f32.S loads into registers. */
typedef struct tq_block_f32 {
  const float *const *rows; /* where the inputs of pixel 0 begin, for each filter row */
  int32_t count;            /* of rows, at least 1 */
  int32_t length;           /* inputs per row, at least 1 */
  int32_t pixels[TQ_BLOCK_F32_PIXELS - 1]; /* bytes from the inputs of pixel 0 to the others' */
} tq_block_f32;

_Static_assert(offsetof(tq_block_f32, rows) == 0, "block_f32.S");
_Static_assert(offsetof(tq_block_f32, count) == 4, "block_f32.S");
_Static_assert(offsetof(tq_block_f32, length) == 8, "block_f32.S");
_Static_assert(offsetof(tq_block_f32, pixels) == 12, "block_f32.S");
_Static_assert(sizeof(tq_block_f32) == 24, "block_f32.S");

/* Four channels' weights, interleaved; a sum for each channel of pixel 0, of pixel 1... */
void tq_sum_block_f32(const tq_block_f32 *block, const float *weights,
                      float sums[TQ_BLOCK_F32_PIXELS * TQ_BLOCK_F32_CHANNELS]);

#endif /* TQ_DSP_BLOCK_F32_H */
