/* SELECT_V2 */
#include "tq_reference.h"

#include "tq_iteration.h"

#define KERNEL tq_select_f32
#define ELEMENT uint32_t
#include "tq_select_template.h"

#define KERNEL tq_select_s8
#define ELEMENT uint8_t
#include "tq_select_template.h"

#define KERNEL tq_select_s16
#define ELEMENT uint16_t
#include "tq_select_template.h"
