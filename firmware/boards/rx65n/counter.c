/*
 * MTU8 counts PCLKA, which has the core's frequency, in 32 bits: one tick is one core cycle, and it
 * wraps after 36 s. A reading takes several cycles on the peripheral bus; they are found out with a
 * stretch of nothing and subtracted, and scatter with the phase of the bus. CMTW0 at PCLKB / 512,
 * one tick for 1,024 cycles, tells how often MTU8 wrapped.
 */
#include "tq_counter.h"

#include <stdbool.h>

#include "tq_board_config.h"
#include "tq_clock.h"
#include "tq_register.h"
#include "tq_rx65n.h"
#include "tq_wide_count.h"

/* Multi-Function Timer Pulse Unit 3. */
#define MTU_TSTRA 0x000C1280u
#define MTU8_TCR 0x000C1600u
#define MTU8_TMDR1 0x000C1601u
#define MTU8_TCR2 0x000C1606u
#define MTU8_TCNT 0x000C1608u

/* Compare Match Timer W. */
#define CMTW0_CMWSTR 0x00094200u
#define CMTW0_CMWCR 0x00094204u
#define CMTW0_CMWIOR 0x00094208u
#define CMTW0_CMWCNT 0x00094210u
#define CMTW0_CMWCOR 0x00094214u

/* Clock Frequency Accuracy Measurement Circuit. */
#define CAC_CACR0 0x0008B000u
#define CAC_CACR1 0x0008B001u
#define CAC_CACR2 0x0008B002u
#define CAC_CAICR 0x0008B003u
#define CAC_CASTR 0x0008B004u
#define CAC_CACNTBR 0x0008B00Au

enum {
  MSTPA_CMTW0 = 1,
  MSTPA_MTU3 = 9,
  MSTPC_CAC = 19,
  TSTRA_CST8 = 1 << 3,
  CMWCR_PCLKB_512 = 3,
  CMWCR_FREE_RUNNING = 1 << 13,
  SLOW_TICK_LOG2 = 10,
  CACR1_PCLKB = 5 << 1,
  CACR2_INTERNAL = 1 << 0,
  CACR2_HOCO = 2 << 1,
  CACR2_BY_8192 = 3 << 4,
  CAICR_CLEAR = 0x70,
  CASTR_MENDF = 1 << 1,
  HOCO_TICKS = 8192,
  CYCLES_PER_PCLKB = 2,
};

/* 36 cycles each. */
enum { LOOP_PASSES = 30000 };

const char tq_board_unit[] = "cycles";

static uint32_t read_cost;

static uint32_t elapsed(uint64_t reading) { return (uint32_t)(reading >> 32) - (uint32_t)reading; }

void tq_counter_init(void) {
  tq_clock_start_module(SYSTEM_MSTPCRA, MSTPA_MTU3);
  tq_clock_start_module(SYSTEM_MSTPCRA, MSTPA_CMTW0);
  tq_write_8(MTU8_TCR, 0);  /* PCLKA, never cleared */
  tq_write_8(MTU8_TCR2, 0); /* not one of the slower clocks */
  tq_write_8(MTU8_TMDR1, 0);
  tq_write_32(MTU8_TCNT, 0);
  tq_write_8(MTU_TSTRA, (uint8_t)(tq_read_8(MTU_TSTRA) | TSTRA_CST8));

  tq_write_16(CMTW0_CMWSTR, 0);
  tq_write_16(CMTW0_CMWCR, CMWCR_FREE_RUNNING | CMWCR_PCLKB_512);
  tq_write_16(CMTW0_CMWIOR, 0);
  tq_write_32(CMTW0_CMWCOR, UINT32_MAX);
  tq_write_32(CMTW0_CMWCNT, 0);
  tq_write_16(CMTW0_CMWSTR, 1);
}

bool tq_board_counter_is_exact(void) {
  const uint32_t passes = LOOP_PASSES;
  read_cost = elapsed(tq_timed_nothing(MTU8_TCNT));
  return elapsed(tq_timed_call(tq_known_loop, &passes, MTU8_TCNT)) > LOOP_PASSES;
}

uint64_t tq_board_measure(tq_board_function function, const void *argument) {
  uint32_t slow_before = tq_read_32(CMTW0_CMWCNT);
  uint32_t cycles = elapsed(tq_timed_call(function, argument, MTU8_TCNT));
  uint32_t slow = tq_read_32(CMTW0_CMWCNT) - slow_before;
  return tq_wide_count(cycles, (uint64_t)slow << SLOW_TICK_LOG2) - read_cost;
}

/* Returns PCLKB's cycles in HOCO_TICKS of HOCO; 0 if the measurement does not end. */
static uint32_t pclkb_cycles(void) {
  tq_clock_start_module(SYSTEM_MSTPCRC, MSTPC_CAC);
  tq_write_8(CAC_CACR0, 0);
  tq_write_8(CAC_CACR1, CACR1_PCLKB);
  tq_write_8(CAC_CACR2, CACR2_BY_8192 | CACR2_HOCO | CACR2_INTERNAL);
  tq_write_8(CAC_CAICR, CAICR_CLEAR);
  tq_write_8(CAC_CACR0, 1);
  bool ended = tq_wait_for_bits_8(CAC_CASTR, CASTR_MENDF, CASTR_MENDF);
  uint32_t cycles = tq_read_16(CAC_CACNTBR);
  tq_write_8(CAC_CACR0, 0);
  return ended ? cycles : 0;
}

/*
 * RX Family RXv2 Instruction Set Architecture, cycles: 1 for an addition or subtraction, 3 for a
 * taken branch; with a quarter on top for what the ROM cache misses. An addition may be executed
 * together with another instruction, so that half the additions are the lower bound.
 */
void tq_board_check_clock(tq_clock *clock) {
  enum { LOW = TQ_KNOWN_LOOP_ADDS / 2 + 1 + 2, HIGH = (TQ_KNOWN_LOOP_ADDS + 1 + 3) * 5 / 4 };
  const uint32_t passes = LOOP_PASSES;
  uint32_t pclkb = pclkb_cycles();
  *clock = (tq_clock){
      .hz = TQ_CORE_HZ,
      .cycles = pclkb * CYCLES_PER_PCLKB,
      .reference_ticks = pclkb == 0 ? 0 : HOCO_TICKS,
      .reference_hz = TQ_HOCO_HZ,
      .loop_cycles = (uint32_t)tq_board_measure(tq_known_loop, &passes),
      .loop_low = LOW * LOOP_PASSES,
      .loop_high = HIGH * LOOP_PASSES,
  };
}
