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
    {.handler = tq_fault_entry},
};

/* Round to nearest, subnormals kept: TensorFlow Lite's results depend on both. */
static void enable_fpu(void) {
#ifdef __ARM_FP
  TQ_SCB_CPACR |= CPACR_FULL_ACCESS_CP10_CP11;
  __asm volatile("dsb\n\tisb" ::: "memory");
  TQ_FPU_FPDSCR = 0;
  __asm volatile("vmsr fpscr, %0" ::"r"(0));
#endif
}

/*
 * Unaligned accesses fault: other cores forgive none, and no count shows what they cost. Kernels
 * that rely on them, such as CMSIS-NN's, need TQ_ALLOW_UNALIGNED.
 */
static void trap_mistakes(void) {
  TQ_SCB_CCR |= CCR_DIV_0_TRP;
#ifndef TQ_ALLOW_UNALIGNED
  TQ_SCB_CCR |= CCR_UNALIGN_TRP;
#endif
  TQ_SCB_SHCSR |= SHCSR_MEM_BUS_USAGE_FAULTS;
  tq_board_protect_memory();
  tq_mpu_enable();
}

_Noreturn void tq_reset(void) {
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
