/* Sums of products over the taps of a depthwise filter. */
#ifndef TQ_DSP_TAPS_F32_H
#define TQ_DSP_TAPS_F32_H

#include <stddef.h>
#include <stdint.h>

/* What taps_f32.S loads into registers. */
typedef struct tq_taps_f32 {
  int32_t rows;        /* at least 1 */
  int32_t columns;     /* at least 1 */
  int32_t input_tap;   /* bytes from one tap's inputs to those of the next in its row */
  int32_t input_row;   /* bytes from behind a row's last tap to the next row */
  int32_t weights_tap; /* the same for the weights */
  int32_t weights_row;
} tq_taps_f32;

_Static_assert(offsetof(tq_taps_f32, rows) == 0, "taps_f32.S");
_Static_assert(offsetof(tq_taps_f32, columns) == 4, "taps_f32.S");
_Static_assert(offsetof(tq_taps_f32, input_tap) == 8, "taps_f32.S");
_Static_assert(offsetof(tq_taps_f32, input_row) == 12, "taps_f32.S");
_Static_assert(offsetof(tq_taps_f32, weights_tap) == 16, "taps_f32.S");
_Static_assert(offsetof(tq_taps_f32, weights_row) == 20, "taps_f32.S");
_Static_assert(sizeof(tq_taps_f32) == 24, "taps_f32.S");

/* Eight consecutive channels. */
void tq_sum_taps_f32(const tq_taps_f32 *taps, const float *input, const float *weights,
                     float sums[8]);

#endif /* TQ_DSP_TAPS_F32_H */
