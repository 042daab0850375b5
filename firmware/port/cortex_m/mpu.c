/* Memory protection unit (Armv7-M Architecture Reference Manual, B3.5; Armv8-M's, B10). */
#include "tq_cortex_m.h"

#define MPU_CTRL TQ_REGISTER(0xE000ED94u)
#define MPU_RNR TQ_REGISTER(0xE000ED98u)
#define MPU_RBAR TQ_REGISTER(0xE000ED9Cu)

#if TQ_IS_V8M

#define MPU_RLAR TQ_REGISTER(0xE000EDA0u)
#define MPU_MAIR0 TQ_REGISTER(0xE000EDC0u)

enum { RLAR_ENABLE = 1, RLAR_ATTRIBUTE = 1, REGION_BYTES = 32, ACCESS = 0x1F, ATTRIBUTE = 8 };

/* Attribute 0: normal memory, written back; attribute 1: device memory, nGnRE. */
enum { ATTRIBUTES = 0x04 << 8 | 0xFF };

void tq_mpu_open(uint32_t region, uint32_t base, uint32_t bytes, tq_mpu_access access) {
  uint32_t last = (base + bytes - 1u) & ~(REGION_BYTES - 1u);
  MPU_MAIR0 = ATTRIBUTES;
  MPU_RNR = region;
  MPU_RBAR = base | ((uint32_t)access & ACCESS);
  MPU_RLAR = last | (uint32_t)access >> ATTRIBUTE << RLAR_ATTRIBUTE | RLAR_ENABLE;
}

#else

#define MPU_RASR TQ_REGISTER(0xE000EDA0u)

enum { SUBREGIONS_LOG2 = 3, RASR_SRD = 8, RASR_SIZE = 1, RASR_ENABLE = 1 };

void tq_mpu_open(uint32_t region, uint32_t base, uint32_t bytes, tq_mpu_access access) {
  uint32_t log2 = 32u - (uint32_t)__builtin_clz(bytes - 1u);
  uint32_t subregion_log2 = log2 - SUBREGIONS_LOG2;
  uint32_t used = ((bytes - 1u) >> subregion_log2) + 1u;
  uint32_t disabled = (0xFFu << used) & 0xFFu;
  MPU_RNR = region;
  MPU_RBAR = base;
  MPU_RASR = (uint32_t)access | disabled << RASR_SRD | (log2 - 1u) << RASR_SIZE | RASR_ENABLE;
}

#endif

void tq_mpu_enable(void) {
  MPU_CTRL = 1;
  __asm volatile("dsb\n\tisb" ::: "memory");
}
