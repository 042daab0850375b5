/* A row of output of a 3 x 3 depthwise convolution on int8. */
#ifndef TQ_DSP_DEPTHWISE_ROWS_H
#define TQ_DSP_DEPTHWISE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define TQ_DEPTHWISE_ROWS 3
#define TQ_DEPTHWISE_COLUMNS 3

/* Of one channel; the halfwords w0 w1 and w1 w2 of every row of the filter. */
typedef struct tq_depthwise_table {
  int16_t weights[TQ_DEPTHWISE_ROWS][4];
  int32_t bias; /* doubled */
  int32_t multiplier;
  int32_t rounding;
  int32_t right_shift;
} tq_depthwise_table;

_Static_assert(offsetof(tq_depthwise_table, weights) == 0, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_table, bias) == 24, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_table, multiplier) == 28, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_table, rounding) == 32, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_table, right_shift) == 36, "depthwise_rows.S");
_Static_assert(sizeof(tq_depthwise_table) == 40, "depthwise_rows.S");

/* What depthwise_rows.S copies to its stack. */
typedef struct tq_depthwise_row {
  const int16_t *rows[TQ_DEPTHWISE_ROWS]; /* words; the first channel's inputs, with padding */
  const tq_depthwise_table *table;        /* [channels] */
  int8_t *output;
  int32_t channels; /* at least 1 */
  int32_t plane;    /* bytes from a channel's inputs to the next one's */
  int32_t count;    /* outputs, at least 1 */
  int32_t pixel;    /* bytes from an output to the next one of the channel */
} tq_depthwise_row;

_Static_assert(offsetof(tq_depthwise_row, rows) == 0, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_row, table) == 12, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_row, output) == 16, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_row, channels) == 20, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_row, plane) == 24, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_row, count) == 28, "depthwise_rows.S");
_Static_assert(offsetof(tq_depthwise_row, pixel) == 32, "depthwise_rows.S");
_Static_assert(sizeof(tq_depthwise_row) == 36, "depthwise_rows.S");

/*
 * Of stride 1, up to 3 inputs behind the last window are read, of stride 2 up to 2: whatever they
 * are, they make no output.
 */
void tq_depthwise_row_1_s8(const tq_depthwise_row *row);
void tq_depthwise_row_2_s8(const tq_depthwise_row *row);

#endif /* TQ_DSP_DEPTHWISE_ROWS_H */
