/*
 * Copies and fills that may go up to three bytes too far.
 *
 *   int8_t *tq_rx_copy_rows(int8_t *to, const int8_t *from, int32_t bytes, int32_t rows,
 *                           int32_t down);
 *   int8_t *tq_rx_fill(int8_t *to, uint32_t word, int32_t bytes);
 *                                                                      (both: tq_rx.h)
 *
 * A pass takes four words, then one. Assembler, since C knows no word at an address that is no
 * multiple of four; an RX does.
 *
 *   r1            where the next word goes
 *   r2            where it comes from; the word
 *   r3            bytes of a row; bytes left to fill, less 16 while four words are taken at once
 *   r4            rows left; what to return
 *   r5            bytes left of a row, less 16 while four words are taken at once
 *   r6, r7        where the next row comes from, and goes
 *   r8            bytes from one row to the next
 *   r9, r14, r15  words
 */
.equ DOWN, 20 /* of the stack, with four registers on it */

  .section .text.tq_rx_copy_rows, "ax", @progbits
  .global _tq_rx_copy_rows
  .type _tq_rx_copy_rows, @function
_tq_rx_copy_rows:
  pushm r6-r9
  mov.l DOWN[r0], r8
.Lrow:
  add r2, r8, r6
  add r1, r3, r7
  add #-16, r3, r5
  blt .Lcopy_rest
.Lcopy_four:
  mov.l [r2+], r9
  mov.l [r2+], r14
  mov.l [r2+], r15
  mov.l r9, [r1+]
  mov.l [r2+], r9
  mov.l r14, [r1+]
  mov.l r15, [r1+]
  mov.l r9, [r1+]
  sub #16, r5
  bge .Lcopy_four
.Lcopy_rest:
  add #16, r5
  ble .Lcopied
.Lcopy_one:
  mov.l [r2+], r9
  mov.l r9, [r1+]
  sub #4, r5
  bgt .Lcopy_one
.Lcopied:
  mov.l r6, r2
  mov.l r7, r1
  sub #1, r4
  bne .Lrow
  rtsd #16, r6-r9
  .size _tq_rx_copy_rows, . - _tq_rx_copy_rows

  .section .text.tq_rx_fill, "ax", @progbits
  .global _tq_rx_fill
  .type _tq_rx_fill, @function
_tq_rx_fill:
  add r1, r3, r4
  sub #16, r3
  blt .Lfill_rest
.Lfill_four:
  mov.l r2, [r1+]
  mov.l r2, [r1+]
  mov.l r2, [r1+]
  mov.l r2, [r1+]
  sub #16, r3
  bge .Lfill_four
.Lfill_rest:
  add #16, r3
  ble .Lfilled
.Lfill_one:
  mov.l r2, [r1+]
  sub #4, r3
  bgt .Lfill_one
.Lfilled:
  mov.l r4, r1
  rts
  .size _tq_rx_fill, . - _tq_rx_fill
