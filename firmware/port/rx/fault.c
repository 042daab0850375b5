/* Completes the fault record, prints it as a FAULT line, and stays in tq_fault_park. */
#include <stddef.h>
#include <stdint.h>

#include "tq_app.h"
#include "tq_board.h"
#include "tq_protocol.h"
#include "tq_rx.h"

enum { PSW_USER_STACK = 1 << 17, STACKED_REGISTERS = 15 };

/* What an exception's entry pushes, on top of PC and PSW which the core pushes (start.S). */
typedef struct tq_frame {
  uint32_t registers[STACKED_REGISTERS]; /* r1 to r15 */
  uint32_t pc;
  uint32_t psw;
} tq_frame;

_Static_assert(offsetof(tq_frame, registers) == 0, "start.S");
_Static_assert(offsetof(tq_frame, pc) == 60, "start.S");
_Static_assert(offsetof(tq_frame, psw) == 64, "start.S");
_Static_assert(offsetof(tq_fault, magic) == 0, "start.S");

tq_fault tq_fault_record __attribute__((section(".noinit.tq_fault_record"), used));
volatile uint32_t tq_expected_exception;
volatile uint32_t tq_expected_bytes;
const char *volatile tq_trial;

__attribute__((used)) void tq_fault_report(uint32_t exception, tq_frame *frame);

static void print_register(const char *name, uint32_t value) {
  tq_protocol_text(name);
  tq_protocol_hex32(value);
}

static void fill_record(uint32_t exception, const tq_frame *frame) {
  tq_fault *fault = &tq_fault_record;
  uint32_t usp;
  __asm volatile("mvfc usp, %0" : "=r"(usp));
  __asm volatile("mvfc fpsw, %0" : "=r"(fault->fpsw));
  fault->exception = exception;
  fault->registers[0] = frame->psw & PSW_USER_STACK ? usp : (uint32_t)(frame + 1);
  for (int i = 0; i < STACKED_REGISTERS; i++) {
    fault->registers[1 + i] = frame->registers[i];
  }
  fault->pc = frame->pc;
  fault->psw = frame->psw;
  fault->op = tq_app_last_op_index();
  fault->magic = TQ_FAULT_MAGIC;
}

static void print_record(void) {
  const tq_fault *fault = &tq_fault_record;
  tq_protocol_begin("FAULT exc=");
  tq_protocol_decimal(fault->exception);
  print_register(" pc=", fault->pc);
  print_register(" sp=", fault->registers[0]);
  print_register(" psw=", fault->psw);
  print_register(" fpsw=", fault->fpsw);
  for (uint32_t i = 1; i <= STACKED_REGISTERS; i++) {
    tq_protocol_text(" r");
    tq_protocol_decimal(i);
    print_register("=", fault->registers[i]);
  }
  if (fault->op < 0) {
    tq_protocol_text(" op=-1");
  } else {
    tq_protocol_text(" op=");
    tq_protocol_decimal((uint64_t)fault->op);
  }
  tq_protocol_end();
}

/* Returns only from an expected exception. */
void tq_fault_report(uint32_t exception, tq_frame *frame) {
  if (exception == tq_expected_exception) {
    tq_expected_exception = 0;
    frame->pc += tq_expected_bytes;
    return;
  }
  if (tq_trial != NULL) {
    tq_protocol_log(tq_trial);
    tq_finished();
  }
  /* A fault in this handler keeps the record of the first one. */
  if (tq_fault_record.magic != TQ_FAULT_MAGIC) {
    fill_record(exception, frame);
    print_record();
  }
  tq_fault_park();
}

_Noreturn __attribute__((noinline)) void tq_fault_park(void) {
  for (;;) {
    __asm volatile("wait");
  }
}

_Noreturn __attribute__((noinline)) void tq_finished(void) {
  for (;;) {
    __asm volatile("wait");
  }
}
