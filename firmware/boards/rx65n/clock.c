/*
 * 120 MHz is the chip's maximum: PLL at 240 MHz (120 to 240 allowed), by 2 for the core (ICLK) and
 * the timer unit (PCLKA), by 4 for everything else. Chapter numbers would differ between editions
 * of the manual; the names of the chapters are given.
 */
#include "tq_clock.h"

#include <stddef.h>

#include "tq_board_config.h"
#include "tq_register.h"
#include "tq_rx65n.h"

/* Clock Generation Circuit. */
#define SYSTEM_SCKCR 0x00080020u
#define SYSTEM_SCKCR3 0x00080026u
#define SYSTEM_PLLCR 0x00080028u
#define SYSTEM_PLLCR2 0x0008002Au
#define SYSTEM_MOSCCR 0x00080032u
#define SYSTEM_HOCOCR 0x00080036u
#define SYSTEM_HOCOCR2 0x00080037u
#define SYSTEM_OSCOVFSR 0x0008003Cu
#define SYSTEM_MOSCWTCR 0x000800A2u
#define SYSTEM_MOFCR 0x0008C293u

/* Flash Memory: wait cycles (ROMWT) and ROM cache. */
#define SYSTEM_ROMWT 0x0008101Cu
#define FLASH_ROMCE 0x00081000u
#define FLASH_ROMCIV 0x00081004u

enum {
  OSCILLATOR_ON = 0,
  OSCILLATOR_OFF = 1,
  HOCOCR2_20_MHZ = 2,
  OSCOVFSR_MOOVF = 1 << 0,
  OSCOVFSR_PLOVF = 1 << 2,
  OSCOVFSR_HCOVF = 1 << 3,
  PLLCR_HOCO = 1 << 4,
  PLLCR_STC_SHIFT = 8,
  SCKCR3_PLL = 4 << 8,
  ROMWT_ABOVE_100_MHZ = 2,
  MOSCWTCR_LONG = 0x53, /* 11 ms of LOCO, which suits any crystal */
  MOFCR_20_TO_24_MHZ = 0 << 4,
  MOFCR_8_TO_16_MHZ = 2 << 4,
};

/* FCLK, BCLK, PCLKB, PCLKC and PCLKD by 4, ICLK and PCLKA by 2; BCLK and SDCLK pins off. */
#define SCKCR_VALUE 0x21C21222u

#if TQ_CRYSTAL_HZ == 0
#define PLL_INPUT_HZ TQ_HOCO_HZ
#define PLLCR_SOURCE PLLCR_HOCO
#elif TQ_CRYSTAL_HZ == 12000000 || TQ_CRYSTAL_HZ == 24000000
#define PLL_INPUT_HZ TQ_CRYSTAL_HZ
#define PLLCR_SOURCE 0
#else
#error "TQ_CRYSTAL_HZ is 0, 12000000 or 24000000"
#endif

/* STC: twice the multiplier, less 1. */
#define PLLCR_VALUE (((2u * TQ_PLL_HZ / PLL_INPUT_HZ - 1u) << PLLCR_STC_SHIFT) | PLLCR_SOURCE)

/*
 * HOCO is the PLL's source or, beside a crystal, what the clock is compared with. Its frequency is
 * chosen while it is off.
 */
static bool start_hoco(void) {
  tq_write_8(SYSTEM_HOCOCR, OSCILLATOR_OFF);
  if (!tq_wait_for_bits_8(SYSTEM_OSCOVFSR, OSCOVFSR_HCOVF, 0)) {
    return false;
  }
  tq_write_8(SYSTEM_HOCOCR2, HOCOCR2_20_MHZ);
  tq_write_8(SYSTEM_HOCOCR, OSCILLATOR_ON);
  return tq_wait_for_bits_8(SYSTEM_OSCOVFSR, OSCOVFSR_HCOVF, OSCOVFSR_HCOVF);
}

static bool start_crystal(void) {
#if TQ_CRYSTAL_HZ != 0
  tq_write_8(SYSTEM_MOFCR, TQ_CRYSTAL_HZ > 20000000 ? MOFCR_20_TO_24_MHZ : MOFCR_8_TO_16_MHZ);
  tq_write_8(SYSTEM_MOSCWTCR, MOSCWTCR_LONG);
  tq_write_8(SYSTEM_MOSCCR, OSCILLATOR_ON);
  return tq_wait_for_bits_8(SYSTEM_OSCOVFSR, OSCOVFSR_MOOVF, OSCOVFSR_MOOVF);
#else
  return true;
#endif
}

static bool start_pll(void) {
  tq_write_16(SYSTEM_PLLCR, PLLCR_VALUE);
  tq_write_8(SYSTEM_PLLCR2, OSCILLATOR_ON);
  return tq_wait_for_bits_8(SYSTEM_OSCOVFSR, OSCOVFSR_PLOVF, OSCOVFSR_PLOVF);
}

/* I/O Registers, Notes on writing: the next access waits until the value reads back. */
static bool slow_down_rom(void) {
  tq_write_8(SYSTEM_ROMWT, ROMWT_ABOVE_100_MHZ);
  return tq_wait_for_bits_8(SYSTEM_ROMWT, 0xFF, ROMWT_ABOVE_100_MHZ);
}

static void start_rom_cache(void) {
  tq_write_16(FLASH_ROMCE, 0);
  tq_write_16(FLASH_ROMCIV, 1);
  while (tq_read_16(FLASH_ROMCIV) != 0) {
  }
  tq_write_16(FLASH_ROMCE, 1);
}

static const char *switch_to_pll(void) {
  if (!start_hoco()) {
    return "tq: self-test: HOCO does not start";
  }
  if (!start_crystal()) {
    return "tq: self-test: the crystal does not start";
  }
  if (!start_pll()) {
    return "tq: self-test: the PLL does not lock";
  }
  if (!slow_down_rom()) {
    return "tq: self-test: the ROM does not take 2 wait cycles";
  }
  tq_write_32(SYSTEM_SCKCR, SCKCR_VALUE);
  (void)tq_read_32(SYSTEM_SCKCR);
  tq_write_16(SYSTEM_SCKCR3, SCKCR3_PLL);
  (void)tq_read_16(SYSTEM_SCKCR3);
  return NULL;
}

const char *tq_clock_to_120_mhz(void) {
  tq_write_16(SYSTEM_PRCR, PRCR_UNLOCK_CLOCK);
  const char *wrong = switch_to_pll();
  tq_write_16(SYSTEM_PRCR, PRCR_LOCK);
  start_rom_cache();
  return wrong;
}

void tq_clock_start_module(uint32_t module_stop_register, uint32_t bit) {
  tq_write_16(SYSTEM_PRCR, PRCR_UNLOCK_MODULES);
  tq_replace_bits_32(module_stop_register, 1u << bit, 0);
  (void)tq_read_32(module_stop_register);
  tq_write_16(SYSTEM_PRCR, PRCR_LOCK);
}
