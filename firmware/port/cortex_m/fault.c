/* Completes the fault record, prints it as a FAULT line, and stays in tq_fault_park. */
#include <stddef.h>
#include <stdint.h>

#include "tq_app.h"
#include "tq_board.h"
#include "tq_cortex_m.h"
#include "tq_protocol.h"

enum {
  FRAME_LR = 5,
  FRAME_PC = 6,
  FRAME_XPSR = 7,
  FRAME_BYTES = 32,
  FP_FRAME_BYTES = 104,
  EXC_RETURN_NO_FP = 1 << 4,
  XPSR_STACK_ALIGNED = 1 << 9,
};

tq_fault tq_fault_record __attribute__((section(".noinit.tq_fault_record"), used));

_Static_assert(offsetof(tq_fault, frame) == 8, "fault_entry.S");
_Static_assert(offsetof(tq_fault, frame_address) == 40, "fault_entry.S");
_Static_assert(offsetof(tq_fault, exc_return) == 44, "fault_entry.S");

_Noreturn __attribute__((used)) void tq_fault_report(void);

static uint32_t sp_before(const tq_fault *fault) {
  uint32_t sp = fault->frame_address;
  if (fault->frame[FRAME_XPSR] == 0) {
    return sp; /* the frame was lost, xPSR always has its Thumb bit set */
  }
  sp += fault->exc_return & EXC_RETURN_NO_FP ? FRAME_BYTES : FP_FRAME_BYTES;
  return fault->frame[FRAME_XPSR] & XPSR_STACK_ALIGNED ? sp + 4u : sp;
}

static void print_register(const char *name, uint32_t value) {
  tq_protocol_text(name);
  tq_protocol_hex32(value);
}

_Noreturn void tq_fault_report(void) {
  tq_fault *fault = &tq_fault_record;
  uint32_t ipsr;
  __asm volatile("mrs %0, ipsr" : "=r"(ipsr));
  fault->exception = ipsr & 0x1FFu;
  fault->sp = sp_before(fault);
  fault->cfsr = TQ_SCB_CFSR;
  fault->hfsr = TQ_SCB_HFSR;
  fault->mmfar = TQ_SCB_MMFAR;
  fault->bfar = TQ_SCB_BFAR;
  fault->op = tq_app_last_op_index();
#if TQ_IS_V8M
  fault->sfsr = TQ_SAU_SFSR;
  fault->sfar = TQ_SAU_SFAR;
#endif
  fault->magic = TQ_FAULT_MAGIC;

  tq_protocol_begin("FAULT exc=");
  tq_protocol_decimal(fault->exception);
  print_register(" pc=", fault->frame[FRAME_PC]);
  print_register(" lr=", fault->frame[FRAME_LR]);
  print_register(" sp=", fault->sp);
  print_register(" xpsr=", fault->frame[FRAME_XPSR]);
  print_register(" cfsr=", fault->cfsr);
  print_register(" hfsr=", fault->hfsr);
  print_register(" mmfar=", fault->mmfar);
  print_register(" bfar=", fault->bfar);
#if TQ_IS_V8M
  print_register(" sfsr=", fault->sfsr);
  print_register(" sfar=", fault->sfar);
#endif
  if (fault->op < 0) {
    tq_protocol_text(" op=-1");
  } else {
    tq_protocol_text(" op=");
    tq_protocol_decimal((uint64_t)fault->op);
  }
  tq_protocol_end();
  tq_fault_park();
}

_Noreturn __attribute__((noinline)) void tq_fault_park(void) {
  for (;;) {
    __asm volatile("wfi");
  }
}
