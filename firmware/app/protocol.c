#include "tq_protocol.h"

#include <stdbool.h>

#include "tq_board.h"
#include "tq_crc32.h"

static uint32_t tq_lines_sent; /* the host reads it when lines are missing */
static uint32_t crc;
static bool line_is_open;

static void put(char character) {
  crc = tq_crc32_update(crc, (uint8_t)character);
  tq_board_put(character);
}

static void put_hex(uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    put("0123456789abcdef"[value >> shift & 15u]);
  }
}

void tq_protocol_begin(const char *text) {
  if (line_is_open) {
    tq_board_put('\n'); /* a fault struck while a line was being written */
  }
  line_is_open = true;
  tq_board_put('#');
  crc = TQ_CRC32_INITIAL;
  put_hex(tq_lines_sent & 0xFFFFu, 4);
  put(' ');
  tq_protocol_text(text);
}

void tq_protocol_text(const char *text) {
  while (*text != '\0') {
    put(*text++);
  }
}

/* In 16-bit digits, so that no 64-bit division is linked in. */
void tq_protocol_decimal(uint64_t value) {
  char text[21];
  char *first = &text[20];
  *first = '\0';
  do {
    uint32_t remainder = 0;
    uint64_t quotient = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
      uint32_t part = remainder << 16 | (uint32_t)(value >> shift & 0xFFFFu);
      quotient = quotient << 16 | part / 10u;
      remainder = part % 10u;
    }
    value = quotient;
    *--first = (char)('0' + remainder);
  } while (value != 0);
  tq_protocol_text(first);
}

void tq_protocol_hex32(uint32_t value) { put_hex(value, 8); }

void tq_protocol_bytes(const uint8_t *bytes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    put_hex(bytes[i], 2);
  }
}

void tq_protocol_end(void) {
  uint32_t line_crc = tq_crc32_final(crc);
  put(' ');
  put_hex(line_crc, 8);
  tq_board_put('\n');
  line_is_open = false;
  tq_lines_sent++;
}

uint32_t tq_protocol_lines(void) { return tq_lines_sent; }

void tq_protocol_log(const char *text) {
  while (*text != '\0') {
    tq_board_put(*text++);
  }
  tq_board_put('\n');
}
