/* QEMU's RX62N microcontroller with the memory of an RX65N: console on SCI0. */
#include "tq_board.h"

#include <stddef.h>

#include "tq_counter.h"
#include "tq_protocol.h"
#include "tq_self_test.h"

#define SCI0_SMR TQ_REGISTER_8(0x88240u)
#define SCI0_BRR TQ_REGISTER_8(0x88241u)
#define SCI0_SCR TQ_REGISTER_8(0x88242u)
#define SCI0_TDR TQ_REGISTER_8(0x88243u)
#define SCI0_SSR TQ_REGISTER_8(0x88244u)

/* A bit rate of 0: sending takes no virtual time. */
enum { SCR_OFF = 0, SCR_TX_RX_ENABLE = 0x30, SSR_TX_EMPTY = 0x80 };

void tq_board_init(void) {
  SCI0_SCR = SCR_OFF;
  SCI0_SMR = 0;
  SCI0_BRR = 0;
  SCI0_SCR = SCR_TX_RX_ENABLE;
  tq_counter_init();
  const char *wrong = tq_self_test();
  if (wrong != NULL) {
    tq_protocol_log(wrong);
    tq_finished();
  }
}

void tq_board_put(char character) {
  while (!(SCI0_SSR & SSR_TX_EMPTY)) {
  }
  SCI0_TDR = (uint8_t)character;
}
