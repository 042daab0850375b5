/*
 * Every exception ends here. The stacked frame is saved before anything is pushed, then the
 * stack pointer starts afresh: after a stack overflow there is no stack left to stand on.
 *
 * Assembler, because a compiler pushes when it likes, and because MSP, PSP and LR are looked at.
 *
 *   r0      the stacked frame; it is copied only if it lies in the stack as a whole
 *   r1      tq_fault_record; fault.c asserts its offsets
 *   r2      limits of the stack, then where the frame goes
 *   r4-r11  the frame's eight words: nothing needs the registers of the code that faulted
 */
#define FRAME 8          /* offsetof(tq_fault, frame) */
#define FRAME_ADDRESS 40 /* offsetof(tq_fault, frame_address) */
#define EXC_RETURN 44    /* offsetof(tq_fault, exc_return) */

  .syntax unified
  .thumb
  .section .text.tq_fault_entry, "ax", %progbits
  .global tq_fault_entry
  .type tq_fault_entry, %function
  .thumb_func
tq_fault_entry:
#if __ARM_ARCH_ISA_THUMB == 2
  tst lr, #4
  ite eq
  mrseq r0, msp
  mrsne r0, psp
  ldr r1, =tq_fault_record
  str r0, [r1, #FRAME_ADDRESS]
  str lr, [r1, #EXC_RETURN]
  ldr r2, =tq_stack_limit
  cmp r0, r2
#if __ARM_ARCH >= 8 /* the limit itself is where SP ends when a frame would pass it: nothing is there */
  bls .Lno_frame
#else
  blo .Lno_frame
#endif
  ldr r2, =tq_stack_top - 32
  cmp r0, r2
  bhi .Lno_frame
  adds r2, r1, #FRAME
  ldm r0, {r4-r11}
  stm r2, {r4-r11}
.Lno_frame:
  ldr r2, =tq_stack_top
  msr msp, r2
  b tq_fault_report
#else /* Armv6-M: no IT blocks, and LDM of low registers only */
  mov r1, lr
  movs r0, #4
  tst r1, r0
  beq .Lmain_stack
  mrs r0, psp
  b .Lframe
.Lmain_stack:
  mrs r0, msp
.Lframe:
  ldr r1, =tq_fault_record
  str r0, [r1, #FRAME_ADDRESS]
  mov r2, lr
  str r2, [r1, #EXC_RETURN]
  ldr r2, =tq_stack_limit
  cmp r0, r2
  blo .Lno_frame
  ldr r2, =tq_stack_top - 32
  cmp r0, r2
  bhi .Lno_frame
  adds r1, #FRAME
  ldm r0!, {r4-r7}
  stm r1!, {r4-r7}
  ldm r0!, {r4-r7}
  stm r1!, {r4-r7}
.Lno_frame:
  ldr r2, =tq_stack_top
  msr msp, r2
  ldr r2, =tq_fault_report
  bx r2
#endif
  .ltorg
  .size tq_fault_entry, . - tq_fault_entry

  /* The SysTick's, for boards that use it. */
  .weak tq_tick_entry
  .thumb_set tq_tick_entry, tq_fault_entry
