/*
 * Three pixels by all channel pairs: the inner loops of the convolutions.
 *
 * void tq_convolve_*(const tq_convolve_block *block);   (tq_dsp_conv.h)
 *
 * Assembler, because these loops live on every register they can get: six sums, three words of
 * input, two of weights, two pointers and a counter.
 *
 *   r0 weights   r1 input words   r2 loops left   r3-r5 input   r6, r7 weights
 *   r8-r10 sums of the high (or both) channels   r11, r12, lr sums of the low channel
 */
    .syntax unified
    .thumb

    .equ COLUMNS, 0
    .equ LOOPS, 4
    .equ CHANNELS, 8
    .equ OUTPUT, 12
    .equ PAIRS, 16
    .equ STRIDE_1, 20
    .equ STRIDE_2, 24
    .equ OPTION, 28
    .equ ENTRY, 32
    .equ FRAME, 36

/* Four positions at a time; four times that per loop. */
    .macro sums_of_word sum0, sum1, sum2, weights
    smlad \sum0, r3, \weights, \sum0
    smlad \sum1, r4, \weights, \sum1
    smlad \sum2, r5, \weights, \sum2
    .endm

    .equ SUMMED_STEP, 62
    .macro summed_step
    ldmia r0!, {r6, r7}
    ldmia r1!, {r3, r4, r5}
    sums_of_word r8, r9, r10, r6
    sxtb16 r6, r6
    sums_of_word r11, r12, lr, r6
    ldmia r1!, {r3, r4, r5}
    sums_of_word r8, r9, r10, r7
    sxtb16 r7, r7
    sums_of_word r11, r12, lr, r7
    .endm

    .equ PLAIN_STEP, 72
    .macro plain_step
    .rept 2
    ldmia r0!, {r6}
    ldmia r1!, {r3, r4, r5}
    sxtb16 r7, r6, ror #8
    sums_of_word r8, r9, r10, r7
    sxtb16 r6, r6
    sums_of_word r11, r12, lr, r6
    .endr
    .endm

/* Loops over the steps, entered where a number of steps that is not a multiple of four begins. */
    .macro loop step, size
0:
    .rept 4
    \step
    .endr
    .if (. - 0b) != 4 * \size
    .error "the size of a step is wrong"
    .endif
    subs r2, #1
    bne 0b
    .endm

    .macro enter first_step, size
    push {r4-r11, lr}
    sub sp, #FRAME
    ldmia r0, {r1-r9}
    mov r0, r9
    rsb r9, r2, #0
    and r9, #3
    mov r10, #\size
    adr r11, \first_step
    mla r9, r9, r10, r11
    orr r9, #1
    adds r2, #3
    lsrs r2, #2
    stmia sp, {r1-r9}
    .endm

    .macro leave
    add sp, #FRAME
    pop {r4-r11, pc}
    .endm

/* int8: bias, scale, add the zero point. r2 bias, r3 multiplier, r4 shift, r5 what to round with */
    .macro channel_s8
    ldmia r1!, {r2, r3, r4}
    ldr r5, [sp, #OPTION]
    lsls r5, r4
    asrs r5, #1
    .endm

    .macro output_s8 value
    add r6, r5, \value, asr #31
    smmlar \value, \value, r3, r6
    asr \value, r4
    ssat \value, #8, \value
    .endm

    .macro convolve_s8 name, step, size, summed
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .type \name, %function
    .thumb_func
\name:
    enter 3f, \size
2:
    ldrd r1, r2, [sp, #COLUMNS]
    ldr r3, [sp, #ENTRY]
    mov r8, #0
    mov r9, #0
    mov r10, #0
    mov r11, #0
    mov r12, #0
    mov lr, #0
    bx r3
    .balign 4
3:
    loop \step, \size
    ldr r1, [sp, #CHANNELS]
    .if \summed
    sub r8, r11
    sub r9, r12
    sub r10, lr
    .endif
    channel_s8
    add r11, r2, r11, lsl #1
    add r12, r2, r12, lsl #1
    add lr, r2, lr, lsl #1
    output_s8 r11
    output_s8 r12
    output_s8 lr
    channel_s8
    str r1, [sp, #CHANNELS]
    .if \summed
    add r8, r2, r8, asr #7
    add r9, r2, r9, asr #7
    add r10, r2, r10, asr #7
    .else
    add r8, r2, r8, lsl #1
    add r9, r2, r9, lsl #1
    add r10, r2, r10, lsl #1
    .endif
    output_s8 r8
    output_s8 r9
    output_s8 r10
    ldrd r2, r3, [sp, #OUTPUT]
    ldrd r4, r5, [sp, #STRIDE_1]
    strb lr, [r2, r5]
    strb r12, [r2, r4]
    strb r11, [r2], #1
    strb r10, [r2, r5]
    strb r9, [r2, r4]
    strb r8, [r2], #1
    subs r3, #1
    strd r2, r3, [sp, #OUTPUT]
    bne 2b
    leave
    .size \name, . - \name
    .endm

    convolve_s8 tq_convolve_summed_s8, summed_step, SUMMED_STEP, 1
    convolve_s8 tq_convolve_plain_s8, plain_step, PLAIN_STEP, 0

/* int16: scale and round. */
    .macro output_s16 value, multiplier, shift
    smmla \value, \value, \multiplier, r6
    asr \value, \shift
    .endm

    .section .text.tq_convolve_s16, "ax", %progbits
    .balign 4
    .global tq_convolve_s16
    .type tq_convolve_s16, %function
    .thumb_func
tq_convolve_s16:
    enter 3f, PLAIN_STEP
2:
    ldr r1, [sp, #CHANNELS]
    ldmia r1!, {r8, r11}
    str r1, [sp, #CHANNELS]
    mov r9, r8
    mov r10, r8
    mov r12, r11
    mov lr, r11
    ldrd r1, r2, [sp, #COLUMNS]
    ldr r3, [sp, #ENTRY]
    bx r3
    .balign 4
3:
    loop plain_step, PLAIN_STEP
    ldr r1, [sp, #CHANNELS]
    ldmia r1!, {r2, r3, r4, r5}
    str r1, [sp, #CHANNELS]
    movs r7, #1
    lsl r6, r7, r3
    lsrs r6, #1
    output_s16 r11, r2, r3
    output_s16 r12, r2, r3
    output_s16 lr, r2, r3
    lsl r6, r7, r5
    lsrs r6, #1
    output_s16 r8, r4, r5
    output_s16 r9, r4, r5
    output_s16 r10, r4, r5
    ldr r6, [sp, #OPTION]
    cbnz r6, 4f
    .irp value, r8, r9, r10, r11, r12, lr
    ssat \value, #16, \value
    .endr
    b 5f
4:
    .irp value, r8, r9, r10, r11, r12, lr
    usat \value, #15, \value
    .endr
5:
    ldrd r2, r3, [sp, #OUTPUT]
    ldrd r4, r5, [sp, #STRIDE_1]
    strh lr, [r2, r5]
    strh r12, [r2, r4]
    strh r11, [r2], #2
    strh r10, [r2, r5]
    strh r9, [r2, r4]
    strh r8, [r2], #2
    subs r3, #1
    strd r2, r3, [sp, #OUTPUT]
    bne 2b
    leave
    .size tq_convolve_s16, . - tq_convolve_s16
