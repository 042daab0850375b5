/*
 * memcpy() without unaligned accesses, which newlib's has. It takes the place of newlib's in every
 * image, so that UNALIGN_TRP can be set (startup.c).
 *
 *   void *memcpy(void *to, const void *from, size_t count);
 *
 * Where both addresses are as far from a word's, it copies bytes up to a word, then four words per
 * pass, then single words and bytes; where both are as far from a halfword's, halfwords; else bytes.
 *
 *   r0      to, which is returned
 *   r1      from, through the copy
 *   r2      bytes left, less those of a pass
 *   r3-r6   what is copied
 *   ip      to, through the copy
 */
  .syntax unified
  .thumb

#if __ARM_ARCH_ISA_THUMB == 2 /* newlib's for Armv6-M makes no unaligned access */
  .section .text.memcpy, "ax", %progbits
  .global memcpy
  .type memcpy, %function
  .thumb_func
memcpy:
  mov ip, r0
  eor r3, r0, r1
  tst r3, #1
  bne .Lbytes
  tst r3, #2
  bne .Lhalfwords

  /* Both addresses are as far from a word's. */
.Lto_word:
  tst ip, #3
  beq .Lwords
  subs r2, #1
  it lo
  bxlo lr
  ldrb r3, [r1], #1
  strb r3, [ip], #1
  b .Lto_word
.Lwords:
  subs r2, #16
  blo .Lless_than_four
  push {r4-r6}
.Lfour_words:
  ldmia r1!, {r3-r6}
  stmia ip!, {r3-r6}
  subs r2, #16
  bhs .Lfour_words
  pop {r4-r6}
.Lless_than_four:
  adds r2, #12
  bmi .Lno_word
.Lword:
  ldr r3, [r1], #4
  str r3, [ip], #4
  subs r2, #4
  bpl .Lword
.Lno_word:
  adds r2, #4
  b .Lbytes

.Lhalfwords:
  tst ip, #1
  beq .Leven
  subs r2, #1
  it lo
  bxlo lr
  ldrb r3, [r1], #1
  strb r3, [ip], #1
.Leven:
  subs r2, #2
  bmi .Lno_halfword
.Lhalfword:
  ldrh r3, [r1], #2
  strh r3, [ip], #2
  subs r2, #2
  bpl .Lhalfword
.Lno_halfword:
  adds r2, #2

.Lbytes:
  subs r2, #1
  it lo
  bxlo lr
.Lbyte:
  ldrb r3, [r1], #1
  strb r3, [ip], #1
  subs r2, #1
  bhs .Lbyte
  bx lr
  .size memcpy, . - memcpy
#endif
