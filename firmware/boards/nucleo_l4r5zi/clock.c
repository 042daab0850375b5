/*
 * 120 MHz, the chip's maximum, need voltage range 1 in boost mode and 5 flash wait states. They
 * come from HSI16, so that nothing depends on what crystal the board carries: 16 MHz / 2 = 8 MHz
 * into the PLL (2.66 to 16 allowed), * 30 = 240 MHz (64 to 344), / 2 = 120 MHz.
 */
#include "tq_clock.h"

#include <stddef.h>
#include <stdint.h>

#include "tq_register.h"
#include "tq_stm32l4r5.h"

enum {
  CR_HSION = 1 << 8,
  CR_HSIRDY = 1 << 10,
  CR_PLLON = 1 << 24,
  CR_PLLRDY = 1 << 25,
  CFGR_SW = 3,
  CFGR_SW_PLL = 3,
  CFGR_SWS = 3 << 2,
  CFGR_SWS_PLL = 3 << 2,
  CFGR_HPRE = 0xF << 4,
  CFGR_HPRE_2 = 8 << 4,
  PLLCFGR_HSI16 = 2,
  PLLCFGR_M_2 = 1 << 4,
  PLLCFGR_N_30 = 30 << 8,
  PLLCFGR_R_ENABLE = 1 << 24,
  PLLCFGR_R_2 = 0 << 25,
  APB1ENR1_PWREN = 1 << 28,
  CR5_R1MODE = 1 << 8, /* 0: boost */
  SR2_VOSF = 1 << 10,
  ACR_LATENCY = 0xF,
  ACR_LATENCY_5 = 5,
  ACR_PRFTEN = 1 << 8,
  ACR_ICEN = 1 << 9,
  ACR_DCEN = 1 << 10,
};

/* Reads of a register that take more than 1 us at 60 MHz, at one cycle each. */
enum { READS_PER_MICROSECOND = 64 };

bool tq_clock_start_hsi16(void) {
  tq_set_bits_32(RCC_CR, CR_HSION);
  return tq_wait_for_bits_32(RCC_CR, CR_HSIRDY, CR_HSIRDY);
}

/* RM0432, PLL: configured while it is off. After reset it is; after a warm restart perhaps not. */
static bool start_pll(void) {
  tq_replace_bits_32(RCC_CR, CR_PLLON, 0);
  if (!tq_wait_for_bits_32(RCC_CR, CR_PLLRDY, 0)) {
    return false;
  }
  tq_write_32(RCC_PLLCFGR,
              PLLCFGR_HSI16 | PLLCFGR_M_2 | PLLCFGR_N_30 | PLLCFGR_R_ENABLE | PLLCFGR_R_2);
  tq_set_bits_32(RCC_CR, CR_PLLON);
  return tq_wait_for_bits_32(RCC_CR, CR_PLLRDY, CR_PLLRDY);
}

/*
 * RM0432, Read access latency: in range 1 boost mode up to 20 MHz per wait state. The number
 * counts once it reads back. Adaptive real-time memory accelerator (ART): prefetch and both caches.
 */
static bool slow_down_flash(void) {
  tq_replace_bits_32(FLASH_ACR, ACR_LATENCY, ACR_LATENCY_5);
  if (!tq_wait_for_bits_32(FLASH_ACR, ACR_LATENCY, ACR_LATENCY_5)) {
    return false;
  }
  tq_set_bits_32(FLASH_ACR, ACR_PRFTEN | ACR_ICEN | ACR_DCEN);
  return true;
}

/*
 * RM0432, Dynamic voltage scaling management, from range 1 normal mode to range 1 boost mode: AHB
 * divided by 2, R1MODE cleared, wait states, new frequency, 1 us, AHB undivided.
 */
const char *tq_clock_to_120_mhz(void) {
  tq_set_bits_32(RCC_APB1ENR1, APB1ENR1_PWREN);
  (void)tq_read_32(RCC_APB1ENR1); /* two cycles until the clock of PWR runs */
  if (!start_pll()) {
    return "tq: self-test: the PLL does not lock";
  }
  tq_replace_bits_32(RCC_CFGR, CFGR_HPRE, CFGR_HPRE_2);
  tq_replace_bits_32(PWR_CR5, CR5_R1MODE, 0);
  if (!tq_wait_for_bits_32(PWR_SR2, SR2_VOSF, 0)) {
    return "tq: self-test: the voltage regulator does not reach range 1";
  }
  if (!slow_down_flash()) {
    return "tq: self-test: the flash does not take 5 wait states";
  }
  tq_replace_bits_32(RCC_CFGR, CFGR_SW, CFGR_SW_PLL);
  if (!tq_wait_for_bits_32(RCC_CFGR, CFGR_SWS, CFGR_SWS_PLL)) {
    return "tq: self-test: the core does not switch to the PLL";
  }
  for (int i = 0; i < READS_PER_MICROSECOND; i++) {
    (void)tq_read_32(RCC_CFGR);
  }
  tq_replace_bits_32(RCC_CFGR, CFGR_HPRE, 0);
  return NULL;
}
