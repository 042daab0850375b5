/* TRANSPOSE and STRIDED_SLICE */
#include "tq_reference.h"

#define KERNEL tq_strided_copy_f32
#define ELEMENT uint32_t
#include "tq_strided_copy_template.h"

#define KERNEL tq_strided_copy_s8
#define ELEMENT uint8_t
#include "tq_strided_copy_template.h"

#define KERNEL tq_strided_copy_s16
#define ELEMENT uint16_t
#include "tq_strided_copy_template.h"
