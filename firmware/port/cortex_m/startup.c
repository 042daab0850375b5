/* Vector table and reset handler. */
#include <stdint.h>
#include <string.h>

#include "tq_board.h"
#include "tq_cortex_m.h"

enum {
  CPACR_FULL_ACCESS_CP10_CP11 = 0xF << 20,
  CCR_UNALIGN_TRP = 1 << 3,
  CCR_DIV_0_TRP = 1 << 4,
  SHCSR_MEM_BUS_USAGE_FAULTS = 7 << 16,
  SHCSR_SECURE_FAULT = 1 << 19,
  FPSCR_LTPSIZE_NONE = 4 << 16,
};

extern uint8_t tq_data_start[], tq_data_end[], tq_data_load[];
extern uint8_t tq_zero_start[], tq_zero_end[];

int main(void);
_Noreturn void tq_reset(void);

typedef union tq_vector {
  uint32_t *stack;
  void (*handler)(void);
} tq_vector;

const tq_vector tq_vectors[16] __attribute__((section(".tq_vectors"), used)) = {
    {.stack = tq_stack_top},     {.handler = tq_reset},       {.handler = tq_fault_entry},
    {.handler = tq_fault_entry}, {.handler = tq_fault_entry}, {.handler = tq_fault_entry},
    {.handler = tq_fault_entry}, {.handler = tq_fault_entry}, {.handler = tq_fault_entry},
    {.handler = tq_fault_entry}, {.handler = tq_fault_entry}, {.handler = tq_fault_entry},
    {.handler = tq_fault_entry}, {.handler = tq_fault_entry}, {.handler = tq_fault_entry},
    {.handler = tq_tick_entry},
};

/*
 * Round to nearest, subnormals kept: TensorFlow Lite's results depend on both. With Helium, no loop
 * has a tail: by 0 in LTPSIZE every vector instruction would leave out what LR says.
 */
#ifdef __ARM_FEATURE_MVE
#define FPSCR_VALUE FPSCR_LTPSIZE_NONE
#else
#define FPSCR_VALUE 0
#endif

static void enable_fpu(void) {
#ifdef __ARM_FP
  TQ_SCB_CPACR |= CPACR_FULL_ACCESS_CP10_CP11;
  __asm volatile("dsb\n\tisb" ::: "memory");
  TQ_FPU_FPDSCR = FPSCR_VALUE;
  __asm volatile("vmsr fpscr, %0" ::"r"(FPSCR_VALUE));
#endif
}

/*
 * Unaligned accesses fault: other cores fault, and no count shows the cost. Kernels
 * that rely on them, such as CMSIS-NN's, need TQ_ALLOW_UNALIGNED.
 */
static void trap_mistakes(void) {
  TQ_SCB_CCR |= CCR_DIV_0_TRP;
#ifndef TQ_ALLOW_UNALIGNED
  TQ_SCB_CCR |= CCR_UNALIGN_TRP;
#endif
#if __ARM_ARCH_ISA_THUMB == 2 /* Armv6-M has the HardFault alone */
  TQ_SCB_SHCSR |= SHCSR_MEM_BUS_USAGE_FAULTS;
#endif
#if TQ_IS_V8M
  TQ_SCB_SHCSR |= SHCSR_SECURE_FAULT;
#endif
  tq_board_protect_memory();
  tq_mpu_enable();
}

/* From now on a stack that overflows is a UsageFault, before it writes below its limit. */
static inline void limit_stack(void) {
#if TQ_IS_V8M
  __asm volatile("msr msplim, %0" ::"r"(tq_stack_limit));
#endif
}

/* Faults are taken from the image's own table, wherever the core started from. */
static inline void use_own_vectors(void) {
#if TQ_IS_V8M
  TQ_SCB_VTOR = (uint32_t)tq_vectors;
#endif
}

_Noreturn void tq_reset(void) {
  limit_stack();
  use_own_vectors();
  enable_fpu();
  trap_mistakes();
  memcpy(tq_data_start, tq_data_load, (size_t)(tq_data_end - tq_data_start));
  memset(tq_zero_start, 0, (size_t)(tq_zero_end - tq_zero_start));
  memset(&tq_fault_record, 0, sizeof tq_fault_record);
  main();
  tq_finished();
}

_Noreturn __attribute__((noinline)) void tq_finished(void) {
  for (;;) {
    __asm volatile("wfi");
  }
}
