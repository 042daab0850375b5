/* CAST */
#include "tq_reference.h"

#define FROM float
#define FROM_SUFFIX f32
#include "tq_cast_template.h"

#define FROM int8_t
#define FROM_SUFFIX s8
#include "tq_cast_template.h"

#define FROM int16_t
#define FROM_SUFFIX s16
#include "tq_cast_template.h"

#define FROM int32_t
#define FROM_SUFFIX s32
#include "tq_cast_template.h"

#define FROM _Bool
#define FROM_SUFFIX b8
#include "tq_cast_template.h"
