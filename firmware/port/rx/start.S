/*
 * Reset and exceptions (RX Family User's Manual: Software, chapters 1 and 6). The core stays in
 * supervisor mode; the model runs on the user stack, exceptions run on the interrupt stack, which
 * is intact whatever the model did to its own.
 *
 * From reset to main(): stack pointers, the initialised data (r2 source, r1 target, r3 its end), the
 * zeroed data (r1 to r3, zeros from r4), the second copy of the fixed vectors. An exception saves all
 * registers as the frame that fault.c reads, and passes its number (r1) and that frame (r2).
 */
#define FPSW_FLUSH_DENORMALS 0x100 /* DN: without it a denormal operand is an exception */
#define FIXED_FIRST 20             /* fixed vectors below are reserved */
#define FIXED_COUNT 12
#define EXCEPTION_BRK 0x100        /* tq_rx.h */
#define EXCEPTION_INTERRUPT 0x101
#define EXCEPTION_STACK_OVERFLOW 0x200

  .section .text.tq_reset, "ax", @progbits
  .global _tq_reset
  .type _tq_reset, @function
_tq_reset:
  mvtc #_tq_interrupt_stack_top, isp
  mvtc #_tq_stack_top, usp
  mvtc #_tq_vectors, intb
  mvtc #FPSW_FLUSH_DENORMALS, fpsw
  mov.l #_tq_data_load, r2
  mov.l #_tq_data_start, r1
  mov.l #_tq_data_end, r3
  bsr.w copy_words
  mov.l #_tq_zero_start, r1
  mov.l #_tq_zero_end, r3
  mov.l #0, r4
.Lzero:
  cmp r3, r1
  bgeu .Lzeroed
  mov.l r4, [r1+]
  bra .Lzero
.Lzeroed:
  /* QEMU 7.2 looks for the fixed vectors 0x40 bytes too high, which wraps around to RAM. */
  mov.l #_tq_fixed_vectors, r2
  mov.l #0x10, r1
  mov.l #0x40, r3
  bsr.w copy_words
  mov.l #_tq_fault_record, r1
  mov.l #0, [r1] /* magic */
  setpsw u
  setpsw i
  bsr.a _main
  bra.a _tq_finished
  .size _tq_reset, . - _tq_reset

/* Copies words from r2 to r1 until r1 reaches r3. */
copy_words:
  cmp r3, r1
  bgeu .Lcopied
  mov.l [r2+], r4
  mov.l r4, [r1+]
  bra copy_words
.Lcopied:
  rts

/* Entry of an exception: the frame that fault.c reads is r1 to r15, PC, PSW. */
.macro ENTRY exception
  pushm r1-r15
  mov.l #(\exception), r1
  bra.a exception_entry
.endm

  .section .text.tq_exceptions, "ax", @progbits
exception_entry:
  mov.l r0, r2
  bsr.a _tq_fault_report
  popm r1-r15
  rte

  .balign 16
fixed_entries:
  .set number, FIXED_FIRST
  .rept FIXED_COUNT - 1
  ENTRY number
  .balign 16
  .set number, number + 1
  .endr
brk_entry:
  ENTRY EXCEPTION_BRK
  .global _tq_unexpected_interrupt
_tq_unexpected_interrupt:
interrupt_entry:
  ENTRY EXCEPTION_INTERRUPT

  .global _tq_stack_overflow
_tq_stack_overflow:
  ENTRY EXCEPTION_STACK_OVERFLOW

/* The table of interrupts: the counter's timer, BRK, and all others. */
  .section .rodata.tq_vectors, "a", @progbits
  .balign 4
  .global _tq_vectors
_tq_vectors:
  .long brk_entry
  .rept 27
  .long interrupt_entry
  .endr
  .long _tq_counter_interrupt /* 28: CMT0 */
  .rept 256 - 29
  .long interrupt_entry
  .endr

/* The last 128 bytes of the flash; the option-setting words below vector 20 stay erased. */
  .section .tq_fixed_vectors, "a", @progbits
  .fill FIXED_FIRST, 4, 0xFFFFFFFF
_tq_fixed_vectors:
  .set number, 0
  .rept FIXED_COUNT - 1
  .long fixed_entries + 16 * number
  .set number, number + 1
  .endr
  .long _tq_reset
