/*
 * Option-Setting Memory: what the chip reads before the first instruction. All ones, which is
 * little endian, no watchdog, HOCO off; written with every image, so that what another program left
 * does not change a measurement. ID codes and protection, which lie above, are not touched.
 */
#include <stdint.h>

typedef struct tq_options {
  uint32_t mde;  /* 0xFE7F5D00: endian, bank mode */
  uint32_t ofs0; /* 0xFE7F5D04: watchdogs */
  uint32_t ofs1; /* 0xFE7F5D08: voltage detection, HOCO */
} tq_options;

const tq_options tq_option_memory __attribute__((section(".tq_options"), used)) = {
    .mde = UINT32_MAX, .ofs0 = UINT32_MAX, .ofs1 = UINT32_MAX};
