/*
 * Sleep between the windows of a power meter. WFI ends when an interrupt is pending, also one that
 * PRIMASK holds back: so the SysTick wakes the core and needs no handler. Where it is the board's
 * counter already, its own interrupt wakes the core.
 */
#ifdef TQ_POWER_COUNTS

#include "tq_board.h"
#include "tq_cortex_m.h"

/* Armv7-M Architecture Reference Manual, B3.3 and B3.2.4. */
#define SYST_CSR TQ_REGISTER(0xE000E010u)
#define SYST_RVR TQ_REGISTER(0xE000E014u)
#define SYST_CVR TQ_REGISTER(0xE000E018u)
#define SCB_ICSR TQ_REGISTER(0xE000ED04u)

#define CSR_ENABLE 1u
#define CSR_TICKINT 2u
#define CSR_CORE_CLOCK 4u
#define CSR_COUNTFLAG (1u << 16) /* cleared by reading */
#define ICSR_PENDSTCLR (1u << 25)
#define TICK_MASK 0xFFFFFFu

static void wait_for_interrupt(void) { __asm__ volatile("dsb\n\twfi" ::: "memory"); }

static void sleep_by_own_ticks(uint32_t counts) {
  __asm__ volatile("cpsid i" ::: "memory");
  SYST_RVR = counts < TICK_MASK ? counts : TICK_MASK;
  SYST_CVR = 0;
  SYST_CSR = CSR_CORE_CLOCK | CSR_TICKINT | CSR_ENABLE;
  for (uint32_t left = counts / TICK_MASK + 1u; left > 0;) {
    wait_for_interrupt();
    SCB_ICSR = ICSR_PENDSTCLR;
    left -= (SYST_CSR & CSR_COUNTFLAG) != 0u;
  }
  SYST_CSR = 0;
  SCB_ICSR = ICSR_PENDSTCLR;
  __asm__ volatile("cpsie i" ::: "memory");
}

__attribute__((weak)) void tq_board_idle(uint32_t counts) {
  if ((SYST_CSR & CSR_ENABLE) == 0u) {
    sleep_by_own_ticks(counts);
    return;
  }
  for (uint32_t left = counts / TICK_MASK + 1u; left > 0; left--) {
    wait_for_interrupt();
  }
}

#else

/* ISO C wants a declaration. */
typedef int tq_no_sleep;

#endif
