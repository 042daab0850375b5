/*
 * Access to the registers of a chip's peripherals. With TQ_SIMULATED_REGISTERS a program on the
 * host defines the accesses itself: that is how the order of register accesses is tested.
 */
#ifndef TQ_REGISTER_H
#define TQ_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef TQ_SIMULATED_REGISTERS

uint32_t tq_read_32(uint32_t address);
uint16_t tq_read_16(uint32_t address);
uint8_t tq_read_8(uint32_t address);
void tq_write_32(uint32_t address, uint32_t value);
void tq_write_16(uint32_t address, uint16_t value);
void tq_write_8(uint32_t address, uint8_t value);

#else

static inline uint32_t tq_read_32(uint32_t address) { return *(volatile uint32_t *)address; }
static inline uint16_t tq_read_16(uint32_t address) { return *(volatile uint16_t *)address; }
static inline uint8_t tq_read_8(uint32_t address) { return *(volatile uint8_t *)address; }

static inline void tq_write_32(uint32_t address, uint32_t value) {
  *(volatile uint32_t *)address = value;
}

static inline void tq_write_16(uint32_t address, uint16_t value) {
  *(volatile uint16_t *)address = value;
}

static inline void tq_write_8(uint32_t address, uint8_t value) {
  *(volatile uint8_t *)address = value;
}

#endif

/* Polls of a flag before it counts as never coming: far longer than any oscillator takes. */
#ifndef TQ_REGISTER_POLLS
#define TQ_REGISTER_POLLS 1000000u
#endif

static inline void tq_set_bits_32(uint32_t address, uint32_t bits) {
  tq_write_32(address, tq_read_32(address) | bits);
}

/* Replaces the bits of `mask` by `value`, which lies in it. */
static inline void tq_replace_bits_32(uint32_t address, uint32_t mask, uint32_t value) {
  tq_write_32(address, (tq_read_32(address) & ~mask) | value);
}

/* Waits until the bits of `mask` are `value`; returns whether they ever were. */
static inline bool tq_wait_for_bits_32(uint32_t address, uint32_t mask, uint32_t value) {
  for (uint32_t poll = 0; poll < TQ_REGISTER_POLLS; poll++) {
    if ((tq_read_32(address) & mask) == value) {
      return true;
    }
  }
  return false;
}

static inline bool tq_wait_for_bits_8(uint32_t address, uint8_t mask, uint8_t value) {
  for (uint32_t poll = 0; poll < TQ_REGISTER_POLLS; poll++) {
    if ((tq_read_8(address) & mask) == value) {
      return true;
    }
  }
  return false;
}

#endif /* TQ_REGISTER_H */
