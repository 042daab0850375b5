/*
 * The kernels: one function per operator and element type, one parameter struct per kernel.
 *
 * The Python side emits each parameter struct as a `const` object with designated initialisers.
 * Every pointer is an address the linker resolves; every number is final: zero points are already
 * negated into offsets, activations are already limits, multipliers are already fixed point.
 * A board that wants faster code links another kernel set with the same symbols; the results are
 * the same bytes.
 *
 * Suffixes: f32 = float32; s8 = int8; s16 = int16 activations with int8 weights; s4 = int8
 * activations with int4 weights.
 * Activations are NHWC. Convolution weights are OHWI, depthwise weights HWO (1HWO in the file),
 * fully connected weights OI, as in the .tflite file.
 *
 * Fixed-point multipliers, for a real factor f (QuantizeMultiplier in TensorFlow Lite):
 *   - `multiplier`, `shift`: f = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31) or 0,
 *     shift in [-31, 30]; positive shifts left.
 *   - `multiplier`, `right_shift` (int16_t, int8_t; the kernels with a 64-bit accumulator):
 *       multiplier  = full < 0x7fff0000 ? (full + 0x8000) >> 16 : 0x7fff
 *       right_shift = 15 - shift            (in [8, 46])
 *     where (full, shift) is the 32-bit form above.
 *
 * "May run in place" means that `output` may be the same address as `input` (for two inputs: as
 * either input that is not broadcast). Where nothing is said, the buffers must not overlap.
 */
#ifndef TQ_KERNELS_H
#define TQ_KERNELS_H

#include "tq_kernels_activation.h"
#include "tq_kernels_arithmetic.h"
#include "tq_kernels_comparison.h"
#include "tq_kernels_control.h"
#include "tq_kernels_conversion.h"
#include "tq_kernels_convolution.h"
#include "tq_kernels_detection.h"
#include "tq_kernels_elementwise.h"
#include "tq_kernels_fully_connected.h"
#include "tq_kernels_gather.h"
#include "tq_kernels_int4.h"
#include "tq_kernels_matmul.h"
#include "tq_kernels_movement.h"
#include "tq_kernels_pooling.h"
#include "tq_kernels_recurrent.h"
#include "tq_kernels_reduction.h"
#include "tq_kernels_signal.h"

#endif /* TQ_KERNELS_H */
