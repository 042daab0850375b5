/* QEMU's MPS2 and MPS3 boards: console on CMSDK UART0; memory limits as on the board they stand in
 * for. */
#include "tq_board.h"

#include "tq_board_config.h"
#include "tq_cortex_m.h"
#include "tq_counter.h"

#define UART0_DATA TQ_REGISTER(TQ_CMSDK_UART)
#define UART0_STATE TQ_REGISTER(TQ_CMSDK_UART + 0x4u)
#define UART0_CTRL TQ_REGISTER(TQ_CMSDK_UART + 0x8u)
#define UART0_BAUDDIV TQ_REGISTER(TQ_CMSDK_UART + 0x10u)

enum { STATE_TX_FULL = 1, CTRL_TX_ENABLE = 1, BAUDDIV_MINIMUM = 16 };
enum { PERIPHERALS = 0x40000000, PERIPHERALS_BYTES = 0x20000000 };

/* The addresses of these symbols are sizes in bytes (board.ld). */
extern uint8_t tq_flash_start[], tq_flash_bytes[];
extern uint8_t tq_ram_start[], tq_ram_bytes[];
extern uint8_t tq_samples_start[], tq_samples_bytes[];

void tq_board_protect_memory(void) {
  tq_mpu_open(0, (uint32_t)tq_flash_start, (uint32_t)tq_flash_bytes, TQ_MPU_CODE);
  tq_mpu_open(1, (uint32_t)tq_ram_start, (uint32_t)tq_ram_bytes, TQ_MPU_MEMORY);
  tq_mpu_open(2, (uint32_t)tq_samples_start, (uint32_t)tq_samples_bytes, TQ_MPU_CONSTANTS);
  tq_mpu_open(3, PERIPHERALS, PERIPHERALS_BYTES, TQ_MPU_PERIPHERAL);
}

#ifdef TQ_CONSOLE_DEBUGGER /* port/mailbox has tq_board_put() */

void tq_board_init(void) { tq_counter_init(); }

#else

void tq_board_init(void) {
  UART0_BAUDDIV = BAUDDIV_MINIMUM;
  UART0_CTRL = CTRL_TX_ENABLE;
  tq_counter_init();
}

void tq_board_put(char character) {
  while (UART0_STATE & STATE_TX_FULL) {
  }
  UART0_DATA = (uint8_t)character;
}

#endif

#ifdef TQ_POWER_COUNTS

/* Sleep takes none of the emulator's time (sleep=off), and a meter's windows must take some. */
void tq_board_idle(uint32_t counts) {
  for (volatile uint32_t left = counts / 4u; left > 0; left--) {
  }
}

#endif
