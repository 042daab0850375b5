/* What the kernels of this set share: sums of products, their scaling, copies. */
#ifndef TQ_MVE_H
#define TQ_MVE_H

#include <arm_mve.h>

#include "tq_kernels_mve.h"

/* The sums of four rows of weights with one column of inputs. */
typedef struct tq_mve_sums {
  int32_t row0;
  int32_t row1;
  int32_t row2;
  int32_t row3;
} tq_mve_sums;

/*
 * Four rows, `to_row1` etc. elements behind the first. A pass takes 16 inputs of int8, or 8 of
 * int16, and as many weights of each row; the last one takes what is left, and neither reads nor
 * adds more.
 *
 * Assembler, since GCC neither makes such loops nor steps a pointer within a load of a vector.
 * Every product follows its load, so that a core with two units overlaps them.
 */
#define TQ_MVE_DOT(name, element, size, load, load_weights, input_step, weights_step, multiply) \
  static inline tq_mve_sums name(const element *input, const int8_t *weights, int32_t depth,    \
                                 const int32_t to_rows[3]) {                                    \
    const int8_t *row1 = weights + to_rows[0];                                                  \
    const int8_t *row2 = weights + to_rows[1];                                                  \
    const int8_t *row3 = weights + to_rows[2];                                                  \
    tq_mve_sums sums = {0, 0, 0, 0};                                                            \
    __asm volatile(                                                                             \
        "wlstp." size                                                                           \
        " lr, %[depth], 2f\n"                                                                   \
        "1:\n\t" load " q0, [%[input]], #" input_step "\n\t" load_weights                       \
        " q1, [%[row0]], #" weights_step "\n\t" multiply " %[sum0], q0, q1\n\t" load_weights    \
        " q2, [%[row1]], #" weights_step "\n\t" multiply " %[sum1], q0, q2\n\t" load_weights    \
        " q3, [%[row2]], #" weights_step "\n\t" multiply " %[sum2], q0, q3\n\t" load_weights    \
        " q1, [%[row3]], #" weights_step "\n\t" multiply                                        \
        " %[sum3], q0, q1\n\t"                                                                  \
        "letp lr, 1b\n"                                                                         \
        "2:"                                                                                    \
        : [input] "+r"(input), [row0] "+l"(weights), [row1] "+l"(row1), [row2] "+r"(row2),      \
          [row3] "+r"(row3), [sum0] "+Te"(sums.row0), [sum1] "+Te"(sums.row1),                  \
          [sum2] "+Te"(sums.row2), [sum3] "+Te"(sums.row3)                                      \
        : [depth] "r"(depth)                                                                    \
        : "lr", "q0", "q1", "q2", "q3", "memory");                                              \
    return sums;                                                                                \
  }

TQ_MVE_DOT(tq_mve_dot_s8, int8_t, "8", "vldrb.8", "vldrb.8", "16", "16", "vmladava.s8")
TQ_MVE_DOT(tq_mve_dot_s16, int16_t, "16", "vldrh.16", "vldrb.s16", "16", "8", "vmladava.s16")

static inline int32x4_t tq_mve_vector(const tq_mve_sums *sums) {
  int32x4_t vector = vdupq_n_s32(sums->row0);
  vector = vsetq_lane_s32(sums->row1, vector, 1);
  vector = vsetq_lane_s32(sums->row2, vector, 2);
  return vsetq_lane_s32(sums->row3, vector, 3);
}

/* tq_scale() of four values. Ties of the shift go away from zero: negative values get 1 less. */
static inline int32x4_t tq_mve_scale(int32x4_t value, int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t zero = vdupq_n_s32(0);
  const int32x4_t right = vminq_s32(shift, zero);
  const int32x4_t shifted = vshlq_s32(value, vmaxq_s32(shift, zero));
  const int32x4_t product = vqrdmulhq_s32(shifted, multiplier);
  const int32x4_t below_zero = vshrq_n_s32(vandq_s32(product, right), 31);
  return vrshlq_s32(vqaddq_s32(product, below_zero), right);
}

static inline int32x4_t tq_mve_clamp(int32x4_t value, int32_t low, int32_t high) {
  return vminq_s32(vmaxq_s32(value, vdupq_n_s32(low)), vdupq_n_s32(high));
}

/* 16 bytes per pass. */
static inline int8_t *tq_mve_copy(int8_t *to, const int8_t *from, int32_t bytes) {
  int8_t *next = to;
  __asm volatile(
      "wlstp.8 lr, %[bytes], 2f\n"
      "1:\n\t"
      "vldrb.8 q0, [%[from]], #16\n\t"
      "vstrb.8 q0, [%[to]], #16\n\t"
      "letp lr, 1b\n"
      "2:"
      : [to] "+r"(next), [from] "+r"(from)
      : [bytes] "r"(bytes)
      : "lr", "q0", "memory");
  return to + bytes;
}

static inline int8_t *tq_mve_fill(int8_t *to, uint8_t value, int32_t bytes) {
  int8_t *next = to;
  __asm volatile(
      "vdup.8 q0, %[value]\n\t"
      "wlstp.8 lr, %[bytes], 2f\n"
      "1:\n\t"
      "vstrb.8 q0, [%[to]], #16\n\t"
      "letp lr, 1b\n"
      "2:"
      : [to] "+r"(next)
      : [bytes] "r"(bytes), [value] "r"(value)
      : "lr", "q0", "memory");
  return to + bytes;
}

/* The outputs of all channels for one column of inputs; where the next ones go. */
int8_t *tq_mve_channels_s8(const tq_channels_s8_mve *layer, const int8_t *column, int8_t *output);
int16_t *tq_mve_channels_s16(const tq_channels_s16_mve *layer, const int16_t *column,
                             int16_t *output);

/*
 * A window's inputs, row after row; positions outside of the input have the byte `zero`. Windows up
 * to (last_y, last_x) lie in the input; none does if one of them is negative.
 */
typedef struct tq_mve_gather {
  const tq_window *window;
  int32_t pixel; /* bytes */
  int32_t line;  /* bytes of a row of the input */
  int32_t row;   /* bytes of a row of the filter */
  int32_t down;  /* bytes from one row of the filter to the next */
  int32_t last_y;
  int32_t last_x;
  uint8_t zero;
} tq_mve_gather;

/* A dilated row is not one piece of the input: such windows are never taken as a whole. */
static inline tq_mve_gather tq_mve_gather_of(const tq_window *w, int32_t element, uint8_t zero) {
  const int32_t pixel = w->input_channels * element;
  const int32_t line = w->input_width * pixel;
  return (tq_mve_gather){
      .window = w,
      .pixel = pixel,
      .line = line,
      .row = w->filter_width * pixel,
      .down = w->dilation_height * line,
      .last_y = w->input_height - 1 - (w->filter_height - 1) * w->dilation_height,
      .last_x = w->dilation_width == 1 ? w->input_width - w->filter_width : -1,
      .zero = zero,
  };
}

void tq_mve_gather_window(const tq_mve_gather *gather, const int8_t *image, int32_t y0, int32_t x0,
                          int8_t *to);

#endif /* TQ_MVE_H */
