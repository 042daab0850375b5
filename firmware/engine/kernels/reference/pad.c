/* PAD and PADV2 */
#include "tq_reference.h"

#define KERNEL tq_pad_f32
#define FILL fill_f32
#define PARAMS tq_pad_f32_params
#define ELEMENT float
#include "tq_pad_template.h"

#define KERNEL tq_pad_s8
#define FILL fill_s8
#define PARAMS tq_pad_s8_params
#define ELEMENT int8_t
#include "tq_pad_template.h"

#define KERNEL tq_pad_s16
#define FILL fill_s16
#define PARAMS tq_pad_s16_params
#define ELEMENT int16_t
#include "tq_pad_template.h"

#define KERNEL tq_pad_s32
#define FILL fill_s32
#define PARAMS tq_pad_s32_params
#define ELEMENT int32_t
#include "tq_pad_template.h"
