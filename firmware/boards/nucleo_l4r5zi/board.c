/* NUCLEO-L4R5ZI: start-up, and the memory that a model may touch. */
#include "tq_board.h"

#include <stddef.h>

#include "tq_clock.h"
#include "tq_console.h"
#include "tq_cortex_m.h"
#include "tq_counter.h"
#include "tq_protocol.h"
#include "tq_register.h"
#include "tq_stm32l4r5.h"

enum { PERIPHERALS = 0x40000000, PERIPHERALS_BYTES = 0x20000000, OPTR_DBANK = 1 << 22 };

/* The addresses of these symbols are sizes in bytes (board.ld). */
extern uint8_t tq_flash_start[], tq_flash_bytes[];
extern uint8_t tq_ram_start[], tq_ram_bytes[];

/*
 * The flash's alias at address 0 stays closed, so that a null pointer is a fault. Exceptions are
 * taken from the table at its own address, whatever was booted before.
 */
void tq_board_protect_memory(void) {
  TQ_SCB_VTOR = (uint32_t)tq_flash_start;
  tq_mpu_open(0, (uint32_t)tq_flash_start, (uint32_t)tq_flash_bytes, TQ_MPU_CODE);
  tq_mpu_open(1, (uint32_t)tq_ram_start, (uint32_t)tq_ram_bytes, TQ_MPU_MEMORY);
  tq_mpu_open(2, PERIPHERALS, PERIPHERALS_BYTES, TQ_MPU_PERIPHERAL);
}

static void stop_if(const char *wrong) {
  if (wrong != NULL) {
    tq_protocol_log(wrong);
    tq_finished();
  }
}

void tq_board_init(void) {
  if (!tq_clock_start_hsi16()) {
    tq_finished(); /* without it there is no console to say so */
  }
  tq_console_init();
  stop_if(tq_clock_to_120_mhz());
  stop_if(tq_counter_init());
  /* The width of a read of the flash, and with it cycles, depends on it. */
  bool dual = tq_read_32(FLASH_OPTR) & OPTR_DBANK;
  tq_protocol_log(dual ? "tq: flash in dual-bank mode" : "tq: flash in single-bank mode");
}
