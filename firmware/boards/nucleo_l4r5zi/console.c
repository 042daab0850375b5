/*
 * LPUART1 on PG7 (TX) and PG8 (RX), which UM2179 connects to the ST-LINK's virtual COM port:
 * 115,200 bits per second, 8 data bits, no parity, 1 stop bit.
 */
#include "tq_console.h"

#include <stdint.h>

#include "tq_board.h"
#include "tq_register.h"
#include "tq_stm32l4r5.h"

#define GPIOG_MODER 0x48001800u
#define GPIOG_AFRL 0x48001820u
#define GPIOG_AFRH 0x48001824u
#define LPUART1_CR1 0x40008000u
#define LPUART1_BRR 0x4000800Cu
#define LPUART1_ISR 0x4000801Cu
#define LPUART1_TDR 0x40008028u

enum {
  APB1ENR1_PWREN = 1 << 28,
  APB1ENR2_LPUART1EN = 1 << 0,
  AHB2ENR_GPIOGEN = 1 << 6,
  CCIPR_LPUART1SEL = 3 << 10,
  CCIPR_LPUART1SEL_HSI16 = 2 << 10,
  CR2_IOSV = 1 << 9,
  MODER_7 = 3 << 14,
  MODER_7_ALTERNATE = 2 << 14,
  MODER_8 = 3 << 16,
  MODER_8_ALTERNATE = 2 << 16,
  AFRH_8 = 0xF,
  AFRH_8_LPUART1 = 8,
  CR1_UE = 1 << 0,
  CR1_TE = 1 << 3,
  ISR_TXFNF = 1 << 7,
  ISR_TEACK = 1 << 21,
};

#define AFRL_7 (0xFu << 28)
#define AFRL_7_LPUART1 (8u << 28)

/* RM0432, LPUART baud rate generation: 256 times the kernel clock, rounded to nearest. */
enum { BAUD_RATE = 115200 };
#define BRR_VALUE ((uint32_t)((256ull * TQ_HSI16_HZ + BAUD_RATE / 2) / BAUD_RATE))

void tq_console_init(void) {
  tq_set_bits_32(RCC_APB1ENR1, APB1ENR1_PWREN);
  tq_set_bits_32(RCC_AHB2ENR, AHB2ENR_GPIOGEN);
  tq_replace_bits_32(RCC_CCIPR, CCIPR_LPUART1SEL, CCIPR_LPUART1SEL_HSI16);
  tq_set_bits_32(RCC_APB1ENR2, APB1ENR2_LPUART1EN);
  (void)tq_read_32(RCC_APB1ENR2);
  /* RM0432, Independent I/O supply rail: PG2 to PG15 are isolated until VDDIO2 is declared valid.
   */
  tq_set_bits_32(PWR_CR2, CR2_IOSV);
  tq_replace_bits_32(GPIOG_AFRL, AFRL_7, AFRL_7_LPUART1);
  tq_replace_bits_32(GPIOG_AFRH, AFRH_8, AFRH_8_LPUART1);
  tq_replace_bits_32(GPIOG_MODER, MODER_7 | MODER_8, MODER_7_ALTERNATE | MODER_8_ALTERNATE);
  /* BRR is writable while UE is 0; the transmitter says with TEACK that it is on. */
  tq_write_32(LPUART1_CR1, 0);
  tq_write_32(LPUART1_BRR, BRR_VALUE);
  tq_write_32(LPUART1_CR1, CR1_UE | CR1_TE);
  (void)tq_wait_for_bits_32(LPUART1_ISR, ISR_TEACK, ISR_TEACK);
}

void tq_board_put(char character) {
  while (!(tq_read_32(LPUART1_ISR) & ISR_TXFNF)) {
  }
  tq_write_32(LPUART1_TDR, (uint8_t)character);
}
