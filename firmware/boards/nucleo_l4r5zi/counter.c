/*
 * CYCCNT counts core cycles and wraps after 36 s at 120 MHz; TIM2, 256 times slower on the same
 * clock, tells how often it did, up to 2.5 hours.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tq_board.h"
#include "tq_cortex_m.h"
#include "tq_counter.h"
#include "tq_register.h"
#include "tq_stm32l4r5.h"
#include "tq_timed_call.h"
#include "tq_wide_count.h"

/* Armv7-M Architecture Reference Manual, C1.6.5 and C1.8. */
#define DEMCR 0xE000EDFCu
#define DWT_CTRL 0xE0001000u
#define DWT_CYCCNT TQ_REGISTER(0xE0001004u)

/* RM0432, General-purpose timers (TIM2 has 32 bits) and LPTIM registers. */
#define TIM2_CR1 0x40000000u
#define TIM2_EGR 0x40000014u
#define TIM2_CNT 0x40000024u
#define TIM2_PSC 0x40000028u
#define TIM2_ARR 0x4000002Cu
#define LPTIM1_ISR 0x40007C00u
#define LPTIM1_CFGR 0x40007C0Cu
#define LPTIM1_CR 0x40007C10u
#define LPTIM1_ARR 0x40007C18u
#define LPTIM1_CNT 0x40007C1Cu

enum {
  DEMCR_TRCENA = 1 << 24,
  CTRL_CYCCNTENA = 1 << 0,
  CTRL_NOCYCCNT = 1 << 25,
  APB1ENR1_TIM2EN = 1 << 0,
  CCIPR_LPTIM1SEL = 3 << 18,
  CCIPR_LPTIM1SEL_HSI16 = 2 << 18,
  TIM_CEN = 1,
  TIM_UG = 1,
  PRESCALE_LOG2 = 8,
  LPTIM_ENABLE = 1,
  LPTIM_CNTSTRT = 1 << 2,
  LPTIM_ARROK = 1 << 4,
  LPTIM_PRESC_16 = 4 << 9,
  LPTIM_DIVIDER = 16,
  LPTIM_MAXIMUM = 0xFFFF,
};

#define APB1ENR1_LPTIM1EN (1u << 31)

/* 36 cycles each: 9 ms, 9,000 ticks of the reference. */
enum { LOOP_PASSES = 30000 };

const char tq_board_unit[] = "cycles";

static uint32_t read_cost;

static uint32_t elapsed(uint64_t reading) { return (uint32_t)(reading >> 32) - (uint32_t)reading; }

const char *tq_counter_init(void) {
  tq_set_bits_32(DEMCR, DEMCR_TRCENA);
  if (tq_read_32(DWT_CTRL) & CTRL_NOCYCCNT) {
    return "tq: self-test: the DWT has no cycle counter";
  }
  DWT_CYCCNT = 0;
  tq_set_bits_32(DWT_CTRL, CTRL_CYCCNTENA);

  tq_set_bits_32(RCC_APB1ENR1, APB1ENR1_TIM2EN);
  (void)tq_read_32(RCC_APB1ENR1);
  tq_write_32(TIM2_PSC, (1u << PRESCALE_LOG2) - 1u);
  tq_write_32(TIM2_ARR, UINT32_MAX);
  tq_write_32(TIM2_EGR, TIM_UG); /* takes over the prescaler */
  tq_write_32(TIM2_CR1, TIM_CEN);
  return NULL;
}

bool tq_board_counter_is_exact(void) {
  read_cost = elapsed(tq_timed_loop(0, &DWT_CYCCNT));
  return elapsed(tq_timed_loop(LOOP_PASSES, &DWT_CYCCNT)) > LOOP_PASSES;
}

uint64_t tq_board_now(void) { return DWT_CYCCNT; }

uint64_t tq_board_since(uint64_t reading) { return (uint32_t)DWT_CYCCNT - (uint32_t)reading; }

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
  uint32_t slow_before = tq_read_32(TIM2_CNT);
  uint32_t cycles = elapsed(tq_timed_call(function, argument, &DWT_CYCCNT));
  uint64_t slow_cycles = (uint64_t)(tq_read_32(TIM2_CNT) - slow_before) << PRESCALE_LOG2;
  return tq_wide_count(cycles, slow_cycles) - read_cost;
}

/* RM0432, LPTIM counter register: a value counts once it was read twice in a row. */
static uint32_t reference_ticks(void) {
  uint32_t last = tq_read_32(LPTIM1_CNT);
  for (;;) {
    uint32_t ticks = tq_read_32(LPTIM1_CNT);
    if (ticks == last) {
      return ticks;
    }
    last = ticks;
  }
}

static void start_reference(void) {
  tq_replace_bits_32(RCC_CCIPR, CCIPR_LPTIM1SEL, CCIPR_LPTIM1SEL_HSI16);
  tq_set_bits_32(RCC_APB1ENR1, APB1ENR1_LPTIM1EN);
  (void)tq_read_32(RCC_APB1ENR1);
  tq_write_32(LPTIM1_CFGR, LPTIM_PRESC_16); /* while ENABLE is 0 */
  tq_write_32(LPTIM1_CR, LPTIM_ENABLE);
  tq_write_32(LPTIM1_ARR, LPTIM_MAXIMUM); /* while ENABLE is 1 */
  (void)tq_wait_for_bits_32(LPTIM1_ISR, LPTIM_ARROK, LPTIM_ARROK);
  tq_write_32(LPTIM1_CR, LPTIM_ENABLE | LPTIM_CNTSTRT);
}

/*
 * LPTIM1 counts HSI16 / 16 without the PLL. Cortex-M4 Technical Reference Manual, 3.3.1: 1 cycle
 * for an addition or subtraction, 1 + P for a taken branch, P from 1 to 3; with a quarter on top
 * for what the caches miss.
 */
void tq_board_check_clock(tq_clock *clock) {
  enum { LOW = TQ_KNOWN_LOOP_ADDS + 1 + 2, HIGH = (TQ_KNOWN_LOOP_ADDS + 1 + 4) * 5 / 4 };
  const uint32_t passes = LOOP_PASSES;
  start_reference();
  uint32_t before = reference_ticks();
  uint32_t cycles = (uint32_t)tq_board_measure(tq_known_loop, &passes);
  uint32_t ticks = (reference_ticks() - before) & LPTIM_MAXIMUM;
  *clock = (tq_clock){
      .hz = TQ_CORE_HZ,
      .cycles = cycles,
      .reference_ticks = ticks,
      .reference_hz = TQ_HSI16_HZ / LPTIM_DIVIDER,
      .loop_cycles = cycles,
      .loop_low = LOW * LOOP_PASSES,
      .loop_high = HIGH * LOOP_PASSES,
  };
}
