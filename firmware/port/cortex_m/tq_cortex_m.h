/* Registers and start-up parts that all Cortex-M boards share. */
#ifndef TQ_CORTEX_M_H
#define TQ_CORTEX_M_H

#include <stdint.h>

#define TQ_REGISTER(address) (*(volatile uint32_t *)(address))

/* System control block (Armv7-M Architecture Reference Manual, B3.2). */
#define TQ_SCB_VTOR TQ_REGISTER(0xE000ED08u)
#define TQ_SCB_CCR TQ_REGISTER(0xE000ED14u)
#define TQ_SCB_SHCSR TQ_REGISTER(0xE000ED24u)
#define TQ_SCB_CFSR TQ_REGISTER(0xE000ED28u)
#define TQ_SCB_HFSR TQ_REGISTER(0xE000ED2Cu)
#define TQ_SCB_MMFAR TQ_REGISTER(0xE000ED34u)
#define TQ_SCB_BFAR TQ_REGISTER(0xE000ED38u)
#define TQ_SCB_CPACR TQ_REGISTER(0xE000ED88u)
#define TQ_SAU_SFSR TQ_REGISTER(0xE000EDE4u) /* Armv8-M: SecureFault */
#define TQ_SAU_SFAR TQ_REGISTER(0xE000EDE8u)
#define TQ_FPU_FPDSCR TQ_REGISTER(0xE000EF3Cu)

/* Armv8-M: security states, stack limits, another MPU. */
#define TQ_IS_V8M (__ARM_ARCH >= 8)

#if TQ_IS_V8M

/* RBAR's AP and XN, and RLAR's AttrIndx (Armv8-M Architecture Reference Manual, B10). */
typedef enum tq_mpu_access {
  TQ_MPU_CODE = 3u << 1,                     /* read-only, executable */
  TQ_MPU_CONSTANTS = 3u << 1 | 1u,           /* read-only */
  TQ_MPU_MEMORY = 1u << 1 | 1u,              /* read and write */
  TQ_MPU_PERIPHERAL = 1u << 8 | 1u << 1 | 1u /* device memory */
} tq_mpu_access;

#else

/* Access permissions and memory type of an MPU region (B3.5.9). */
typedef enum tq_mpu_access {
  TQ_MPU_CODE = 6u << 24 | 1u << 17,                            /* read-only, executable */
  TQ_MPU_CONSTANTS = 1u << 28 | 6u << 24 | 1u << 17,            /* read-only */
  TQ_MPU_MEMORY = 1u << 28 | 3u << 24 | 1u << 18 | 1u << 17,    /* read and write */
  TQ_MPU_PERIPHERAL = 1u << 28 | 3u << 24 | 1u << 18 | 1u << 16 /* device memory */
} tq_mpu_access;

#endif

/*
 * Opens `bytes` bytes at `base`, rounded up: on Armv8-M to 32 bytes, before that to an eighth of
 * the next power of two, of which `base` is a multiple.
 */
void tq_mpu_open(uint32_t region, uint32_t base, uint32_t bytes, tq_mpu_access access);

/* From now on every access outside the opened regions is a MemManage fault. */
void tq_mpu_enable(void);

/* The board's part of start-up, before .data and .bss exist: open MPU regions. */
void tq_board_protect_memory(void);

/* What the fault handler leaves for a debugger; the layout is read from outside. */
typedef struct tq_fault {
  uint32_t magic; /* TQ_FAULT_MAGIC once the record is complete */
  uint32_t exception;
  uint32_t frame[8]; /* r0-r3, r12, lr, pc, xpsr; zero when the stack was not readable */
  uint32_t frame_address;
  uint32_t exc_return;
  uint32_t sp; /* before the exception */
  uint32_t cfsr;
  uint32_t hfsr;
  uint32_t mmfar;
  uint32_t bfar;
  int32_t op; /* index of the operator that ran last, -1 before the first */
#if TQ_IS_V8M
  uint32_t sfsr;
  uint32_t sfar;
#endif
} tq_fault;

#define TQ_FAULT_MAGIC 0xFA017ED0u

extern tq_fault tq_fault_record;

void tq_fault_entry(void);
void tq_tick_entry(void); /* the SysTick's handler; a fault where a board has none */
_Noreturn void tq_fault_park(void);

#endif /* TQ_CORTEX_M_H */
