/*
 * One pixel by all channels, four at a time: the inner loops of the depthwise convolutions.
 *
 * void tq_depthwise_*(const tq_depthwise_block *block);   (depthwise_conv_2d.c)
 *
 * Two positions of the window per pair: their inputs, four channels each, become one word of two
 * halfwords per channel, as the weights are laid out already.
 *
 *   r0 weights   r1 where the positions are   r2 channel offset, in bytes
 *   r8-r11 sums of four channels   r3-r7, r12, lr inputs and weights
 */
    .syntax unified
    .thumb

    .equ TAPS, 0
    .equ ENTRY, 4
    .equ LOOPS, 8
    .equ LEFT, 12
    .equ CHANNELS, 16
    .equ OUTPUT, 20
    .equ END, 24
    .equ OPTION, 28
    .equ FRAME, 36

    .equ UNROLLED, 5

    .equ PAIR_S8, 66
    .macro pair_s8
    ldrd r3, r4, [r1], #8
    ldr r3, [r3, r2]
    ldr r4, [r4, r2]
    pkhbt lr, r3, r4, lsl #16
    pkhtb r4, r4, r3, asr #16
    ldmia r0!, {r5, r6}
    sxtb16 r3, lr
    sxtb16 r7, r5
    smlad r8, r3, r7, r8
    sxtb16 r3, lr, ror #8
    sxtb16 r7, r5, ror #8
    smlad r9, r3, r7, r9
    sxtb16 r3, r4
    sxtb16 r7, r6
    smlad r10, r3, r7, r10
    sxtb16 r3, r4, ror #8
    sxtb16 r7, r6, ror #8
    smlad r11, r3, r7, r11
    .endm

    .equ PAIR_S16, 66
    .macro pair_s16
    ldrd r3, r4, [r1], #8
    add r3, r2
    add r4, r2
    ldrd r5, r7, [r3]
    ldrd r6, r12, [r4]
    pkhbt r3, r5, r6, lsl #16
    pkhtb r6, r6, r5, asr #16
    pkhbt r4, r7, r12, lsl #16
    pkhtb r12, r12, r7, asr #16
    ldmia r0!, {r5, r7}
    sxtb16 lr, r5
    smlad r8, r3, lr, r8
    sxtb16 lr, r5, ror #8
    smlad r9, r6, lr, r9
    sxtb16 lr, r7
    smlad r10, r4, lr, r10
    sxtb16 lr, r7, ror #8
    smlad r11, r12, lr, r11
    .endm

/* The sums of four channels; enters where a number that is not a multiple of five begins. */
    .macro sums pair, size
    ldrd r1, r3, [sp, #TAPS]
    ldr r4, [sp, #LOOPS]
    str r4, [sp, #LEFT]
    mov r8, #0
    mov r9, #0
    mov r10, #0
    mov r11, #0
    bx r3
    .balign 4
3:
    .rept UNROLLED
    \pair
    .endr
    .if (. - 3b) != UNROLLED * \size
    .error "the size of a pair is wrong"
    .endif
    ldr r3, [sp, #LEFT]
    subs r3, #1
    str r3, [sp, #LEFT]
    bne 3b
    .endm

/* r0: block of { taps, skipped, loops, channels, output, end, option, weights } */
    .macro enter size
    push {r4-r11, lr}
    sub sp, #FRAME
    ldmia r0, {r1-r8}
    mov r0, r8
    adr r9, 3f
    mov r10, #\size
    mla r2, r2, r10, r9
    orr r2, #1
    str r3, [sp, #LOOPS]
    strd r1, r2, [sp, #TAPS]
    add r1, sp, #CHANNELS
    stmia r1, {r4-r7}
    movs r2, #0
    .endm

    .macro leave
    add sp, #FRAME
    pop {r4-r11, pc}
    .endm

    .macro output_s8 value
    ldmia r1!, {r3, r4, r5, r6}
    add \value, r3, \value, lsl #1
    add r6, r6, \value, asr #31
    smmlar \value, \value, r4, r6
    asr \value, r5
    ssat \value, #8, \value
    strb \value, [r7], #1
    .endm

    .macro output_s16 value
    ldmia r1!, {r3, r4, r5, r6}
    add \value, r3
    smmla \value, \value, r4, r6
    asr \value, r5
    .endm

    .section .text.tq_depthwise_s8, "ax", %progbits
    .balign 4
    .global tq_depthwise_s8
    .type tq_depthwise_s8, %function
    .thumb_func
tq_depthwise_s8:
    enter PAIR_S8
2:
    sums pair_s8, PAIR_S8
    ldrd r1, r7, [sp, #CHANNELS]
    output_s8 r8
    output_s8 r9
    output_s8 r10
    output_s8 r11
    strd r1, r7, [sp, #CHANNELS]
    adds r2, #4
    ldr r3, [sp, #END]
    cmp r2, r3
    bne 2b
    leave
    .size tq_depthwise_s8, . - tq_depthwise_s8

    .section .text.tq_depthwise_s16, "ax", %progbits
    .balign 4
    .global tq_depthwise_s16
    .type tq_depthwise_s16, %function
    .thumb_func
tq_depthwise_s16:
    enter PAIR_S16
2:
    sums pair_s16, PAIR_S16
    ldrd r1, r7, [sp, #CHANNELS]
    output_s16 r8
    output_s16 r9
    output_s16 r10
    output_s16 r11
    ldr r3, [sp, #OPTION]
    cbnz r3, 4f
    .irp value, r8, r9, r10, r11
    ssat \value, #16, \value
    .endr
    b 5f
4:
    .irp value, r8, r9, r10, r11
    usat \value, #15, \value
    .endr
5:
    .irp value, r8, r9, r10, r11
    strh \value, [r7], #2
    .endr
    strd r1, r7, [sp, #CHANNELS]
    adds r2, #8
    ldr r3, [sp, #END]
    cmp r2, r3
    bne 2b
    leave
    .size tq_depthwise_s16, . - tq_depthwise_s16
