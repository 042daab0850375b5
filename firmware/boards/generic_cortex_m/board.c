/*
 * Any Cortex-M as it is after reset, started by a debugger that sets SP and PC: no boot header, no
 * clock, no pin. The console is port/mailbox.
 */
#include "tq_board.h"

#include <stdbool.h>
#include <stddef.h>

#include "tq_cortex_m.h"
#include "tq_counter.h"
#include "tq_protocol.h"
#include "tq_setup.h"

extern const uint32_t tq_vectors[];

#ifndef TQ_HAS_SETUP /* nothing to set up; not weak: a library's member is not looked for again */
void tq_setup(void) {}
#endif

enum { PERIPHERALS = 0x40000000, PERIPHERALS_BYTES = 0x20000000 };

/* The addresses of these symbols are sizes in bytes (board.ld). */
extern uint8_t tq_flash_start[], tq_flash_bytes[];
extern uint8_t tq_ram_start[], tq_ram_bytes[];

/*
 * Opens a memory. Where it begins at no multiple of its size, as Armv7-M wants it, the smallest
 * power of two around it.
 */
static void open(uint32_t region, uint32_t base, uint32_t bytes, tq_mpu_access access) {
  uint32_t size = 256;
  while (size < bytes || (base & ~(size - 1u)) + (size - 1u) < base + (bytes - 1u)) {
    size <<= 1;
  }
  bool exact = TQ_IS_V8M || (base & (size - 1u)) == 0;
  tq_mpu_open(region, exact ? base : base & ~(size - 1u), exact ? bytes : size, access);
}

/* Exceptions are taken from the image's own table, wherever the core started from. */
void tq_board_protect_memory(void) {
  tq_setup();
  TQ_SCB_VTOR = (uint32_t)tq_vectors;
  open(0, (uint32_t)tq_flash_start, (uint32_t)tq_flash_bytes, TQ_MPU_CODE);
  open(1, (uint32_t)tq_ram_start, (uint32_t)tq_ram_bytes, TQ_MPU_MEMORY);
  open(2, PERIPHERALS, PERIPHERALS_BYTES, TQ_MPU_PERIPHERAL);
}

void tq_board_init(void) {
  const char *wrong = tq_counter_init();
  if (wrong != NULL) {
    tq_protocol_log(wrong);
    tq_finished();
  }
}
