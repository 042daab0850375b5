/*
 * A model of three operators with one input of 16 bytes and one output of 100 bytes. The second
 * operator does what the first byte of the input says; see SCENARIOS in conftest.py.
 */
#include <stdint.h>

#include "scenario_core.h"
#include "tq_engine.h"

enum { INPUT_BYTES = 16, OUTPUT_BYTES = 100, NO_MEMORY = 0x60000000 };

uint8_t tq_arena[INPUT_BYTES + OUTPUT_BYTES] __attribute__((section(".bss.tq_arena"), aligned(16)));

void tq_board_put(char character);
_Noreturn void tq_finished(void);

static volatile uint32_t zero;
static uint8_t filler;

static void put(const char *text) {
  while (*text != '\0') {
    tq_board_put(*text++);
  }
}

__attribute__((noinline)) void scenario_spin(void) {
  for (;;) {
    __asm volatile("nop");
  }
}

__attribute__((noinline)) uint32_t scenario_recurse(volatile uint32_t depth) {
  volatile uint32_t frame[64];
  frame[0] = depth;
  return depth == UINT32_MAX ? 0 : scenario_recurse(depth + 1) + frame[0];
}

void scenario_prepare(const void *params) {
  (void)params;
  for (int i = 0; i < OUTPUT_BYTES; i++) {
    tq_arena[INPUT_BYTES + i] = (uint8_t)(tq_arena[i % INPUT_BYTES] + i);
  }
}

void scenario_act(const void *params) {
  (void)params;
  filler = 0;
  if (tq_arena[0] != 0) {
    put("kernel says hello\n");
  }
  switch (tq_arena[0]) {
    case 1:
      REGISTER_32(zero) = 1;
      break;
    case 2:
      core_undefined_instruction();
      break;
    case 3:
      core_privileged_instruction();
      break;
    case 4:
      ((void (*)(void))(uintptr_t)zero)();
      break;
    case 5:
      REGISTER_32(NO_MEMORY + zero) = 1;
      break;
    case 6:
      zero = scenario_recurse(zero);
      break;
    case 7:
      core_breakpoint_instruction();
      break;
    case 8:
      filler = 0xFF; /* a float of four such bytes is not a number */
      break;
    case 9:
      scenario_spin();
      break;
    case 10:
      tq_finished();
    case 12:
      tq_arena[sizeof tq_arena + zero] = 1;
      break;
    case 13:
      put("#0005 RUN 1 5 00000000\n");
      break;
    case 14:
      core_counter_off();
      break;
    case 15:
      core_reset();
      break;
    case 16:
      core_console_off();
      core_undefined_instruction();
      break;
#ifdef __RX__
    case 30:
      core_unexpected_interrupt();
      break;
#else
    case 20:
      core_division_by_zero(&zero);
      break;
    case 21:
      core_unaligned_access(tq_arena + 1);
      break;
    case 22:
      core_jump_to_data();
      break;
    case 23:
      core_memory_protection_off();
      REGISTER_32(NO_MEMORY + zero) = 1;
      break;
    case 24:
      core_lockup();
      break;
    case 25:
      core_non_secure_call(&zero);
      break;
#endif
    default:
      break;
  }
}

void scenario_finish(const void *params) {
  scenario_prepare(params);
  for (int i = 0; filler != 0 && i < OUTPUT_BYTES; i++) {
    tq_arena[INPUT_BYTES + i] = filler;
  }
}

static const tq_op ops[] = {
    {scenario_prepare, 0},
    {scenario_act, 0},
    {scenario_finish, 0},
};
static const tq_buffer inputs[] = {{tq_arena, INPUT_BYTES}};
static const tq_buffer outputs[] = {{tq_arena + INPUT_BYTES, OUTPUT_BYTES}};

const tq_model tq_model_instance = {
    .ops = ops,
    .inputs = inputs,
    .outputs = outputs,
    .op_count = 3,
    .input_count = 1,
    .output_count = 1,
};
