/* Groups of four rows of a fully connected layer; weights as in tq_kernels_dsp_dense.h. */
#ifndef TQ_DSP_DENSE_H
#define TQ_DSP_DENSE_H

#include <stddef.h>
#include <stdint.h>

/* What dense_groups_s8.S copies to its stack. */
typedef struct tq_dense_s8 {
  const int8_t *input;
  int32_t chunk;
  const int8_t *end_16; /* the end, if the inputs were cut off to a multiple of 16 */
  const int8_t *end;
  const int32_t *bias;
  int8_t *output;
  int8_t *output_end; /* behind the last group, of which there is at least one */
  union {
    int32_t multiplier;
    const int32_t *multipliers;
  };
  union {
    int32_t right_shift;
    const uint8_t *right_shifts;
  };
  int32_t rounding;
} tq_dense_s8;

_Static_assert(offsetof(tq_dense_s8, input) == 0, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, chunk) == 4, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, end_16) == 8, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, end) == 12, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, bias) == 16, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, output) == 20, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, output_end) == 24, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, multiplier) == 28, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, multipliers) == 28, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, right_shift) == 32, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, right_shifts) == 32, "dense_groups_s8.S");
_Static_assert(offsetof(tq_dense_s8, rounding) == 36, "dense_groups_s8.S");
_Static_assert(sizeof(tq_dense_s8) == 40, "dense_groups_s8.S");

/* Return where the weights of the rows left over begin. */
const uint32_t *tq_dense_groups_s8(const tq_dense_s8 *layer, const uint32_t *weights);
const uint32_t *tq_dense_groups_per_channel_s8(const tq_dense_s8 *layer, const uint32_t *weights);

/*
 * What dense_groups_s16.S copies to its stack; the first three members are all that
 * tq_dense_add_group_s16() looks at.
 */
typedef struct tq_dense_s16 {
  const int16_t *input;
  const int16_t *end_16;
  const int16_t *end;
  const int32_t *bias;
  int16_t *output;
  int16_t *output_end;
  union {
    int32_t multiplier;
    const int32_t *multipliers;
  };
  int32_t negative; /* -1 if negative outputs become 0, else 0 */
} tq_dense_s16;

_Static_assert(offsetof(tq_dense_s16, input) == 0, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, end_16) == 4, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, end) == 8, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, bias) == 12, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, output) == 16, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, output_end) == 20, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, multiplier) == 24, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, multipliers) == 24, "dense_groups_s16.S");
_Static_assert(offsetof(tq_dense_s16, negative) == 28, "dense_groups_s16.S");
_Static_assert(sizeof(tq_dense_s16) == 32, "dense_groups_s16.S");

const uint32_t *tq_dense_groups_s16(const tq_dense_s16 *layer, const uint32_t *weights);
const uint32_t *tq_dense_groups_per_channel_s16(const tq_dense_s16 *layer, const uint32_t *weights);

/* Adds one group's sums, without the biases. */
const uint32_t *tq_dense_add_group_s16(const tq_dense_s16 *layer, const uint32_t *weights,
                                       int64_t sums[4]);

#endif /* TQ_DSP_DENSE_H */
