/* What the scenarios need from the core and the board, and what differs between them. */
#ifndef SCENARIO_CORE_H
#define SCENARIO_CORE_H

#include <stdint.h>

#define REGISTER_8(address) (*(volatile uint8_t *)(address))
#define REGISTER_16(address) (*(volatile uint16_t *)(address))
#define REGISTER_32(address) (*(volatile uint32_t *)(address))

#ifdef __RX__

_Noreturn void tq_reset(void);

static inline void core_undefined_instruction(void) { __asm volatile(".byte 0x7F, 0xFF, 0xFF"); }

static inline void core_breakpoint_instruction(void) { __asm volatile("brk"); }

/* On in user mode, which only a return from an exception can enter. */
static inline void core_privileged_instruction(void) {
  __asm volatile(
      "mvfc psw, r1\n"
      "or #0x100000, r1\n"
      "push.l r1\n"
      "mov.l #1f, r2\n"
      "push.l r2\n"
      "rte\n"
      "1: wait" ::
          : "r1", "r2", "memory");
}

static inline void core_unexpected_interrupt(void) { __asm volatile("int #77"); }

static inline void core_console_off(void) { REGISTER_8(0x88242u) = 0; /* SCI0.SCR */ }

static inline void core_counter_off(void) { REGISTER_16(0x88000u) = 0; /* CMSTR0 */ }

static inline void core_reset(void) { tq_reset(); }

#else /* Cortex-M */

#if defined(__ARM_FEATURE_MVE) /* mps3-an547 */
enum { UART_CTRL = 0x59303008, COUNTER_CTRL = 0x58100000, SOME_RAM = 0x31002000 };
#elif __ARM_ARCH >= 8          /* mps2-an505 */
enum { UART_CTRL = 0x50200008, COUNTER_CTRL = 0x50000000, SOME_RAM = 0x38002000 };
#else                          /* mps2-an386 and its sisters */
enum { UART_CTRL = 0x40004008, COUNTER_CTRL = 0x40000000, SOME_RAM = 0x20002000 };
#endif

static inline void core_undefined_instruction(void) { __asm volatile("udf #0"); }

static inline void core_breakpoint_instruction(void) { __asm volatile("bkpt #0"); }

/* No instruction is privileged by itself: what is refused is access to the system registers. */
static inline void core_privileged_instruction(void) {
  __asm volatile("msr control, %0\n\tisb" ::"r"(1) : "memory");
  (void)REGISTER_32(0xE000ED00u); /* SCB.CPUID */
}

static inline void core_division_by_zero(volatile uint32_t *zero) { *zero = 5 / *zero; }

static inline void core_unaligned_access(const uint8_t *odd) {
#if __ARM_ARCH_ISA_THUMB == 2
  __asm volatile("ldrd r2, r3, [%0]" ::"r"(odd) : "r2", "r3");
#else
  __asm volatile("ldr r2, [%0]" ::"r"(odd) : "r2");
#endif
}

static inline void core_jump_to_data(void) { ((void (*)(void))(SOME_RAM + 1))(); }

static inline void core_memory_protection_off(void) { REGISTER_32(0xE000ED94u) = 0; /* MPU_CTRL */ }

#if __ARM_ARCH_ISA_THUMB == 2
static inline void core_lockup(void) { __asm volatile("cpsid f\n\tudf #0"); }
#else
static inline void core_lockup(void) {}
#endif

/* Address 0 is non-secure memory from here on; a Secure core may read it, not execute it. */
static inline void core_non_secure_call(volatile uint32_t *zero) {
  core_memory_protection_off();
  REGISTER_32(0xE000EDD8u) = 0;               /* SAU_RNR */
  REGISTER_32(0xE000EDDCu) = 0;               /* SAU_RBAR */
  REGISTER_32(0xE000EDE0u) = 0x0FFFFFE0u | 1; /* SAU_RLAR */
  REGISTER_32(0xE000EDD0u) = 1;               /* SAU_CTRL */
  __asm volatile("dsb\n\tisb" ::: "memory");
  ((void (*)(void))(uintptr_t)(*zero + 1u))();
}

static inline void core_console_off(void) { REGISTER_32(UART_CTRL) = 0; }

static inline void core_counter_off(void) { REGISTER_32(COUNTER_CTRL) = 0; }

static inline void core_reset(void) { REGISTER_32(0xE000ED0Cu) = 0x05FA0004u; /* AIRCR */ }

#endif

#endif /* SCENARIO_CORE_H */
