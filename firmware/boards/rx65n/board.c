/* RX65N: start-up. */
#include "tq_board.h"

#include <stddef.h>

#include "tq_clock.h"
#include "tq_console.h"
#include "tq_counter.h"
#include "tq_protocol.h"
#include "tq_rx65n.h"

void tq_board_init(void) {
  const char *wrong = tq_clock_to_120_mhz();
  if (wrong != NULL) {
    tq_finished(); /* at the 240 kHz after reset no bit rate can be made to say so */
  }
  tq_console_init(TQ_PCLKB_HZ);
  tq_counter_init();
}
