/* Register accesses of a chip's firmware, handed to the test that runs it on the host. */
#include <stdint.h>

#include "tq_register.h"

uint32_t (*tq_on_read)(uint32_t address, uint32_t bytes);
void (*tq_on_write)(uint32_t address, uint32_t value, uint32_t bytes);

uint32_t tq_read_32(uint32_t address) { return tq_on_read(address, 4); }
uint16_t tq_read_16(uint32_t address) { return (uint16_t)tq_on_read(address, 2); }
uint8_t tq_read_8(uint32_t address) { return (uint8_t)tq_on_read(address, 1); }
void tq_write_32(uint32_t address, uint32_t value) { tq_on_write(address, value, 4); }
void tq_write_16(uint32_t address, uint16_t value) { tq_on_write(address, value, 2); }
void tq_write_8(uint32_t address, uint8_t value) { tq_on_write(address, value, 1); }
