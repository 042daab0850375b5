/* Serial Communications Interface: 115,200 bits per second, 8 data bits, no parity, 1 stop bit. */
#include "tq_console.h"

#include "tq_board.h"
#include "tq_board_config.h"
#include "tq_clock.h"
#include "tq_register.h"
#include "tq_rx65n.h"

/* Interface, its bit in a module stop register, and its TXD pin: port and bit. */
#if TQ_CONSOLE_SCI == 1
#define SCI_MODULE_STOP SYSTEM_MSTPCRB, 30
enum { TXD_PORT = 0x2, TXD_BIT = 6 };
#elif TQ_CONSOLE_SCI == 5
#define SCI_MODULE_STOP SYSTEM_MSTPCRB, 26
enum { TXD_PORT = 0xC, TXD_BIT = 3 };
#elif TQ_CONSOLE_SCI == 8
#define SCI_MODULE_STOP SYSTEM_MSTPCRC, 27
enum { TXD_PORT = 0xC, TXD_BIT = 7 };
#else
#error "TQ_CONSOLE_SCI is 1, 5 or 8"
#endif

#define SCI_BASE (0x0008A000u + 0x20u * TQ_CONSOLE_SCI)
#define SCI_SMR (SCI_BASE + 0u)
#define SCI_BRR (SCI_BASE + 1u)
#define SCI_SCR (SCI_BASE + 2u)
#define SCI_TDR (SCI_BASE + 3u)
#define SCI_SSR (SCI_BASE + 4u)
#define SCI_SCMR (SCI_BASE + 6u)
#define SCI_SEMR (SCI_BASE + 7u)

/* I/O Ports: mode register. Multi-Function Pin Controller: write protection, function of the pin.
 */
#define PORT_PMR (0x0008C060u + TXD_PORT)
#define MPC_PWPR 0x0008C11Fu
#define MPC_PFS (0x0008C140u + 8u * TXD_PORT + TXD_BIT)

enum {
  SCR_OFF = 0,
  SCR_TE = 1 << 5,
  SSR_TDRE = 1 << 7,
  SCMR_RESET = 0xF2,
  SEMR_8_CLOCKS_PER_BIT = 1 << 6 | 1 << 4, /* BGDM, ABCS */
  CLOCKS_PER_BIT = 8,
  BAUD_RATE = 115200,
  PWPR_B0WI_CLEAR = 0,
  PWPR_PFSWE = 1 << 6,
  PWPR_LOCK = 1 << 7,
  PFS_TXD = 0x0A,
};

static void connect_pin(void) {
  uint8_t mode = tq_read_8(PORT_PMR);
  tq_write_8(PORT_PMR, (uint8_t)(mode & ~(1u << TXD_BIT)));
  tq_write_8(MPC_PWPR, PWPR_B0WI_CLEAR);
  tq_write_8(MPC_PWPR, PWPR_PFSWE);
  tq_write_8(MPC_PFS, PFS_TXD);
  tq_write_8(MPC_PWPR, PWPR_B0WI_CLEAR);
  tq_write_8(MPC_PWPR, PWPR_LOCK);
  tq_write_8(PORT_PMR, (uint8_t)(mode | 1u << TXD_BIT));
}

void tq_console_init(uint32_t pclkb_hz) {
  tq_clock_start_module(SCI_MODULE_STOP);
  tq_write_8(SCI_SCR, SCR_OFF);
  connect_pin();
  tq_write_8(SCI_SMR, 0);
  tq_write_8(SCI_SCMR, SCMR_RESET);
  tq_write_8(SCI_SEMR, SEMR_8_CLOCKS_PER_BIT);
  tq_write_8(
      SCI_BRR,
      (uint8_t)((pclkb_hz + CLOCKS_PER_BIT * BAUD_RATE / 2) / (CLOCKS_PER_BIT * BAUD_RATE) - 1u));
  tq_write_8(SCI_SCR, SCR_TE);
}

void tq_board_put(char character) {
  while (!(tq_read_8(SCI_SSR) & SSR_TDRE)) {
  }
  tq_write_8(SCI_TDR, (uint8_t)character);
}
