/*
 * A model of three operators with one input of 16 bytes and one output of 100 bytes. The second
 * operator does what the first byte of the input says; see SCENARIOS in conftest.py.
 */
#include <stdint.h>

#include "tq_engine.h"

#define REGISTER_8(address) (*(volatile uint8_t *)(address))
#define REGISTER_16(address) (*(volatile uint16_t *)(address))

enum { INPUT_BYTES = 16, OUTPUT_BYTES = 100 };

uint8_t tq_arena[INPUT_BYTES + OUTPUT_BYTES] __attribute__((section(".bss.tq_arena"), aligned(16)));

void tq_board_put(char character);
_Noreturn void tq_finished(void);
_Noreturn void tq_reset(void);

static volatile uint32_t zero;

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
  switch (tq_arena[0]) {
    case 1:
      ((void (*)(void))zero)();
      break;
    case 2:
      __asm volatile(".byte 0x7F, 0xFF, 0xFF");
      break;
    case 3: /* on in user mode, which only a return from an exception can enter */
      __asm volatile(
          "mvfc psw, r1\n"
          "or #0x100000, r1\n"
          "push.l r1\n"
          "mov.l #1f, r2\n"
          "push.l r2\n"
          "rte\n"
          "1: wait" ::
              : "r1", "r2");
      break;
    case 4:
      __asm volatile("int #77");
      break;
    case 5:
      __asm volatile("brk");
      break;
    case 6:
      zero = scenario_recurse(zero);
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
      REGISTER_16(0x88000u) = 0; /* CMSTR0 */
      break;
    case 15:
      tq_reset();
    case 16:
      REGISTER_8(0x88242u) = 0; /* SCI0.SCR */
      __asm volatile(".byte 0x7F, 0xFF, 0xFF");
      break;
    case 17:
      put("kernel says hello\n");
      break;
    default:
      break;
  }
}

static const tq_op ops[] = {
    {scenario_prepare, 0},
    {scenario_act, 0},
    {scenario_prepare, 0},
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
