#include "tq_crc32.h"

/* Bit by bit: a table would cost more flash than the whole protocol. */
uint32_t tq_crc32_update(uint32_t crc, uint8_t byte) {
  crc ^= byte;
  for (int bit = 0; bit < 8; bit++) {
    crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1u));
  }
  return crc;
}
