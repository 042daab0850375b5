/*
 * A model of three operators with one input of 16 bytes and one output of 100 bytes. The second
 * operator does what the first byte of the input says; see SCENARIOS in conftest.py.
 */
#include <stdint.h>

#include "tq_engine.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

enum { INPUT_BYTES = 16, OUTPUT_BYTES = 100 };

uint8_t tq_arena[INPUT_BYTES + OUTPUT_BYTES] __attribute__((section(".bss.tq_arena"), aligned(16)));

void tq_board_put(char character);
_Noreturn void tq_finished(void);

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
      *(volatile uint32_t *)zero = 1;
      break;
    case 2:
      __asm volatile("udf #0");
      break;
    case 3: {
      volatile uint32_t quotient = 5 / zero;
      (void)quotient;
      break;
    }
    case 4:
      ((void (*)(void))0x20002001u)();
      break;
    case 5:
      __asm volatile("ldrd r2, r3, [%0]" ::"r"(tq_arena + 1) : "r2", "r3");
      break;
    case 6:
      zero = scenario_recurse(zero);
      break;
    case 7:
      REGISTER(0xE000ED94u) = 0; /* MPU_CTRL */
      REGISTER(0x60000000u) = 1;
      break;
    case 8:
      __asm volatile("bkpt #0");
      break;
    case 9:
      scenario_spin();
      break;
    case 10:
      tq_finished();
    case 11:
      __asm volatile("cpsid f\n\tudf #0");
      break;
    case 12:
      tq_arena[sizeof tq_arena + zero] = 1;
      break;
    case 13:
      put("#0005 RUN 1 5 00000000\n");
      break;
    case 14:
      REGISTER(0x40000000u) = 0; /* timer 0 */
      break;
    case 15:
      REGISTER(0xE000ED0Cu) = 0x05FA0004; /* system reset */
      break;
    case 16:
      REGISTER(0x40004008u) = 0; /* UART 0 */
      __asm volatile("udf #0");
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
