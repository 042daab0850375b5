/*
 * All channels of one column of int8 inputs.
 *
 *   int8_t *tq_rx_channels_s8(const tq_channels_rx *layer, const int8_t *column, int8_t *output);
 *   int8_t *tq_rx_channels_deep_s8(const tq_channels_rx *layer, const int8_t *column,
 *                                  int8_t *output);
 *       Return where the next outputs go.                                       (both: tq_rx.h)
 *
 * A block of inputs, up to 20 of them as ten pairs of int16, stays in registers while the weights of
 * all pairs of channels pass by. MULLO, MACLO and MACHI add products of halfwords to the only
 * accumulator, MVFACMI takes the sum out. The weights of a pair of channels are used twice: their
 * low bytes make the low channel's sum, halfwords as they are make 256 times the high channel's sum
 * plus that. A pass takes a pair of channels: 78 instructions for 40 products with a block of 20
 * positions, 36 for 16 with one of 8, 22 for 8 with one of 4. The last loop makes the outputs of a
 * pair in 40.
 *
 * 256 times a sum needs 32 bits. For sums that leave them, the second function takes the high
 * channel's sum out of every block, in 3 instructions more.
 *
 * Halfwords of single bytes are never negative: inputs are taken with 128 more (XOR), low weights
 * are stored so. The former is in the bias. The latter makes the low channel's sum larger by 128
 * times the sum of all inputs, which is taken along.
 *
 * Assembler for the accumulator, which GCC does not use, and for ten inputs in registers.
 */
.equ BYTES, 0x00ff00ff
.equ MORE, 0x80808080 /* 128 to each of four bytes */

/* tq_channels_rx */
.equ WEIGHTS, 0
.equ CHANNELS, 4
.equ SUMS, 8
.equ PAIRS, 12
.equ COUNT, 16
.equ FIVES, 20
.equ TWOS, 24
.equ ONES, 28
.equ LOW, 32
.equ HIGH, 36

/* On the stack: the next inputs, their sum so far, the arguments, blocks left of a size, a sum. */
.equ COLUMN, 0
.equ TOTAL, 4
.equ LAYER, 8
.equ OUTPUT, 12
.equ LEFT, 16
.equ LOW_SUM, 20
.equ FRAME, 24

/* A word of inputs at r3 becomes two pairs; r4 is BYTES, r5 MORE. */
.macro unpack even, odd
  mov.l [r3+], \even
  xor r5, \even
  shlr #8, \even, \odd
  and r4, \even
  and r4, \odd
.endm

/* The first product of a sum replaces what is in the accumulator. */
.macro multiply first, even, odd
.if \first
  mullo \even, r4
.else
  maclo \even, r4
.endif
  machi \even, r4
  maclo \odd, r5
  machi \odd, r5
.endm

/* Low bytes of two words of weights, `at` bytes from r1 on. */
.macro low at, even, odd
  mov.l \at[r1], r4
  mov.l (\at + 4)[r1], r5
  and #BYTES, r4
  and #BYTES, r5
  multiply (\at == 0), \even, \odd
.endm

/* The next two words of weights as they are. */
.macro both first, even, odd
  mov.l [r1+], r4
  mov.l [r1+], r5
  multiply \first, \even, \odd
.endm

/* The low channel's sum of a block, and the high one's behind it. */
.macro add_low_sum deep
  mvfacmi r4
.if \deep
  mov.l r4, LOW_SUM[r0]
.endif
  add [r2].l, r4
  mov.l r4, [r2+]
.endm

.macro add_high_sum deep
  mvfacmi r4
.if \deep
  sub LOW_SUM[r0].l, r4
  shar #8, r4
.endif
  add [r2].l, r4
  mov.l r4, [r2+]
.endm

/* The inputs of a block from r3 on are in registers, r2 is the sum of their pairs. */
.macro begin_block
  shlr #16, r2, r4
  movu.w r2, r2
  add r4, r2
  add TOTAL[r0].l, r2
  mov.l r2, TOTAL[r0]
  mov.l r3, COLUMN[r0]
  mov.l LAYER[r0], r3
  mov.l SUMS[r3], r2
  mov.l PAIRS[r3], r3
.endm

/* Where blocks of a size begin: how many there are, and for each of them what unpack wants. */
.macro block_of name, size, count
  mov.l LAYER[r0], r4
  mov.l \count[r4], r4
  cmp #0, r4
  beq .L\size\()_done_\name
.L\size\()_block_\name:
  mov.l r4, LEFT[r0]
  mov.l COLUMN[r0], r3
  mov.l #BYTES, r4
  mov.l #MORE, r5
.endm

.macro end_block name, size
  mov.l LEFT[r0], r4
  sub #1, r4
  bne .L\size\()_block_\name
.L\size\()_done_\name:
.endm

/* The doubled sum `value` of the next channel becomes an output; ties go away from zero. */
.macro output value
  mov.l [r3+], r8
  mov.l [r3+], r10
  add r8, \value
  emul \value, r10
  mov.l [r3+], r8
  shll #1, r10
  adc #0, r11
  shar #31, r11, r10
  add r10, r11
  mov.l [r3+], r10
  add r8, r11
  shar r10, r11
  max r6, r11
  min r7, r11
  mov.b r11, [r4+]
.endm

/*
 * While sums are made:
 *   r0      the stack, as above
 *   r1      the next weights
 *   r2      the sums of the next pair of channels; the sum of a block's inputs
 *   r3      pairs of channels left; the next inputs
 *   r4, r5  words of weights; constants of unpack
 *   r6-r15  pairs of inputs
 *
 * While outputs are made:
 *   r1        where the next one goes, in the end
 *   r2        the sums of the next pair of channels
 *   r3        its tq_channel_rx
 *   r4        where the next output goes
 *   r5        channels left
 *   r6, r7    limits of the activation
 *   r8        numbers of the channel
 *   r9        256 times the sum of all inputs
 *   r10, r11  the product, lower and upper word
 *   r12       0
 *   r13, r14  the sums of a pair, low and high
 */
.macro channels name, deep
  .section .text.\name, "ax", @progbits
  .global _\name
  .type _\name, @function
_\name:
  pushm r6-r13
  sub #FRAME, r0
  mov.l r2, COLUMN[r0]
  mov.l #0, r4
  mov.l r4, TOTAL[r0]
  mov.l r1, LAYER[r0]
  mov.l r3, OUTPUT[r0]
  mov.l WEIGHTS[r1], r1

  block_of \name, five, FIVES
  unpack r6, r7
  unpack r8, r9
  add r6, r7, r2
  add r8, r2
  unpack r10, r11
  add r9, r2
  add r10, r2
  unpack r12, r13
  add r11, r2
  add r12, r2
  unpack r14, r15
  add r13, r2
  add r14, r2
  add r15, r2
  begin_block
.Lfive_pair_\name:
  low 0, r6, r7
  low 8, r8, r9
  low 16, r10, r11
  low 24, r12, r13
  low 32, r14, r15
  add_low_sum \deep
  both 1, r6, r7
  both 0, r8, r9
  both 0, r10, r11
  both 0, r12, r13
  both 0, r14, r15
  add_high_sum \deep
  sub #1, r3
  bne .Lfive_pair_\name
  end_block \name, five

  block_of \name, two, TWOS
  unpack r6, r7
  unpack r8, r9
  add r6, r7, r2
  add r8, r2
  add r9, r2
  begin_block
.Ltwo_pair_\name:
  low 0, r6, r7
  low 8, r8, r9
  add_low_sum \deep
  both 1, r6, r7
  both 0, r8, r9
  add_high_sum \deep
  sub #1, r3
  bne .Ltwo_pair_\name
  end_block \name, two

  block_of \name, one, ONES
  unpack r6, r7
  add r6, r7, r2
  begin_block
.Lone_pair_\name:
  low 0, r6, r7
  add_low_sum \deep
  both 1, r6, r7
  add_high_sum \deep
  sub #1, r3
  bne .Lone_pair_\name
  end_block \name, one

  mov.l LAYER[r0], r1
  mov.l SUMS[r1], r2
  mov.l CHANNELS[r1], r3
  mov.l OUTPUT[r0], r4
  mov.l COUNT[r1], r5
  mov.l LOW[r1], r6
  mov.l HIGH[r1], r7
  mov.l TOTAL[r0], r9
  shll #8, r9
  mov.l #0, r12
.Loutputs_\name:
  mov.l [r2], r13
  mov.l r12, [r2+]
  mov.l [r2], r14
  mov.l r12, [r2+]
.if \deep
  shll #1, r14
.else
  sub r13, r14
  shar #7, r14
.endif
  shll #1, r13
  sub r9, r13
  output r13
  sub #1, r5
  beq .Lfinished_\name
  output r14
  sub #1, r5
  bne .Loutputs_\name
.Lfinished_\name:
  mov.l r4, r1
  add #FRAME, r0
  rtsd #32, r6-r13
  .size _\name, . - _\name
.endm

  channels tq_rx_channels_s8, 0
  channels tq_rx_channels_deep_s8, 1
