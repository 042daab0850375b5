/* Sums of products over several runs of contiguous inputs, added one after the other. */
#ifndef TQ_DSP_RUNS_F32_H
#define TQ_DSP_RUNS_F32_H

#include <stddef.h>
#include <stdint.h>

/* What runs_f32.S loads into registers. */
typedef struct tq_runs_f32 {
  int32_t runs;           /* at least 1 */
  int32_t length;         /* inputs per run, at least 1 */
  int32_t input_stride;   /* bytes from the end of a run of inputs to the next one */
  int32_t weights_stride; /* bytes from the end of a run of weights to the next one */
} tq_runs_f32;

_Static_assert(offsetof(tq_runs_f32, runs) == 0, "runs_f32.S");
_Static_assert(offsetof(tq_runs_f32, length) == 4, "runs_f32.S");
_Static_assert(offsetof(tq_runs_f32, input_stride) == 8, "runs_f32.S");
_Static_assert(offsetof(tq_runs_f32, weights_stride) == 12, "runs_f32.S");
_Static_assert(sizeof(tq_runs_f32) == 16, "runs_f32.S");

/* Four rows of weights, interleaved. */
void tq_sum_runs_of_group_f32(const tq_runs_f32 *runs, const float *input, const float *weights,
                              float sums[4]);

/* One row of weights. */
float tq_sum_runs_of_row_f32(const tq_runs_f32 *runs, const float *input, const float *weights);

#endif /* TQ_DSP_RUNS_F32_H */
