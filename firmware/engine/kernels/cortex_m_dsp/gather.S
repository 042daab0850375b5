/*
 * The window of one pixel as pairs of int16, every third word: what convolve.S reads.
 *
 * void tq_gather_rows_*(int16_t *to, const void *line, int32_t y, const tq_gather_rows *rows);
 *     Filter rows whose input lies at a word and is a number of words long.
 * void tq_gather_positions_*(int16_t *to, const void *origin, const int32_t *offsets,
 *                            int32_t steps);
 *     Four positions per step, each at its own offset from the window's origin.
 */
    .syntax unified
    .thumb

    .equ NEXT, 12 /* bytes from one pair of a pixel to the next */

    .equ HEIGHT, 0
    .equ COUNT, 4
    .equ ZERO, 8
    .equ BEFORE, 12
    .equ INSIDE, 16
    .equ AFTER, 20
    .equ SKIP, 24
    .equ DOWN, 28

/* One word of input, in \value, to \pairs pairs; r8 is free. */
    .macro put_s8 value, place
    sxtb16 r8, \value
    sxtb16 \value, \value, ror #8
    str r8, [r0, #2 * NEXT * \place]
    str \value, [r0, #2 * NEXT * \place + NEXT]
    .endm

    .macro put_s16 value, place
    str \value, [r0, #NEXT * \place]
    .endm

/*
 *   r0 to   r1 input   r2 its row   r3 rows   r4-r8 data   r9 words left   r10 filter rows left
 *   r11 zero
 */
    .macro gather_rows name, put, pairs
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .type \name, %function
    .thumb_func
\name:
    push {r4-r11}
    ldrd r10, r11, [r3, #COUNT]
1:
    ldr r4, [r3, #HEIGHT]
    cmp r2, r4
    bhs 7f
    ldr r4, [r3, #BEFORE]
    cbz r4, 2f
    fill r4, \pairs
2:
    ldr r9, [r3, #INSIDE]
    subs r9, #4
    blt 4f
3:
    ldmia r1!, {r4, r5, r6, r7}
    \put r4, 0
    \put r5, 1
    \put r6, 2
    \put r7, 3
    adds r0, #4 * \pairs * NEXT
    subs r9, #4
    bge 3b
4:
    adds r9, #4
    beq 6f
5:
    ldmia r1!, {r4}
    \put r4, 0
    adds r0, #\pairs * NEXT
    subs r9, #1
    bne 5b
6:
    ldr r4, [r3, #AFTER]
    cbz r4, 9f
    b 8f
7:
    ldrd r4, r5, [r3, #BEFORE]
    ldr r6, [r3, #AFTER]
    add r1, r1, r5, lsl #2
    add r4, r5
    add r4, r6
8:
    fill r4, \pairs
9:
    ldrd r4, r5, [r3, #SKIP]
    add r1, r4
    add r2, r5
    subs r10, #1
    bne 1b
    pop {r4-r11}
    bx lr
    .size \name, . - \name
    .endm

/* \words words of input that is not there. */
    .macro fill words, pairs
11:
    .rept \pairs
    str r11, [r0], #NEXT
    .endr
    subs \words, #1
    bne 11b
    .endm

    .macro gather_positions name, load
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .type \name, %function
    .thumb_func
\name:
    push {r4-r7}
1:
    ldmia r2!, {r4, r5, r6, r7}
    \load r4, [r1, r4]
    \load r5, [r1, r5]
    \load r6, [r1, r6]
    \load r7, [r1, r7]
    pkhbt r4, r4, r5, lsl #16
    pkhbt r6, r6, r7, lsl #16
    str r4, [r0], #NEXT
    str r6, [r0], #NEXT
    subs r3, #1
    bne 1b
    pop {r4-r7}
    bx lr
    .size \name, . - \name
    .endm

    gather_rows tq_gather_rows_s8, put_s8, 2
    gather_rows tq_gather_rows_s16, put_s16, 1
    gather_positions tq_gather_positions_s8, ldrsb
    gather_positions tq_gather_positions_s16, ldrsh
