#include "tq_self_test.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tq_rx.h"

enum { PAIRS = 1000, UNDEFINED_BYTES = 3 };

static uint32_t next(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 16;
}

/*
 * Compares small integers as floats, where every result is known. QEMU 7.2 without -singlestep
 * keeps the flags of an earlier instruction.
 */
static bool float_compares_are_right(void) {
  uint32_t state = 1;
  uint32_t wrong = 0;
  for (int i = 0; i < PAIRS; i++) {
    int32_t a = (int32_t)(next(&state) & 15u) - 8;
    int32_t b = (int32_t)(next(&state) & 15u) - 8;
    volatile float x = (float)a;
    volatile float y = (float)b;
    float larger = x > y ? x : y;
    wrong += (x < y) != (a < b);
    wrong += (x <= y) != (a <= b);
    wrong += (x == y) != (a == b);
    wrong += (int32_t)larger != (a > b ? a : b);
  }
  return wrong == 0;
}

/* A denormal operand is flushed to zero; otherwise it would be an exception. */
static bool denormals_are_flushed(void) {
  volatile float denormal = 1e-40f;
  volatile float product = denormal * 2.0f;
  return product == 0.0f;
}

static bool exceptions_reach_their_vectors(void) {
  tq_expected_bytes = UNDEFINED_BYTES;
  tq_expected_exception = TQ_EXCEPTION_UNDEFINED;
  __asm volatile(".byte 0x7F, 0xFF, 0xFF");
  return tq_expected_exception == 0;
}

static bool passes(bool (*is_right)(void), const char *failure) {
  tq_trial = failure;
  if (!is_right()) {
    return false;
  }
  tq_trial = NULL;
  return true;
}

const char *tq_self_test(void) {
  (void)(passes(exceptions_reach_their_vectors,
                "tq: self-test: an exception does not reach its vector") &&
         passes(denormals_are_flushed, "tq: self-test: denormal numbers are not flushed to zero") &&
         passes(float_compares_are_right,
                "tq: self-test: comparing floats gives wrong results (QEMU needs -singlestep)"));
  return tq_trial;
}
