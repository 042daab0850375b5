/*
 * A meter's host sees the marks some milliseconds late, so it looks at the inside of a window only:
 * nothing is printed there, and the same is done all the time. How long one call takes is told by
 * the board's counter, not by the marks.
 */
#ifdef TQ_POWER_COUNTS

#include "tq_power.h"

#include "tq_protocol.h"

typedef struct work {
  void (*run)(void);
  uint32_t times;
} work;

static void run_often(const void *argument) {
  const work *todo = argument;
  for (uint32_t left = todo->times; left > 0; left--) {
    todo->run();
  }
}

static void mark(uint32_t window, const char *what) {
  tq_protocol_begin("POWER ");
  tq_protocol_decimal(window);
  tq_protocol_text(what);
}

static void one_window(uint32_t window, const work *todo, uint32_t counts) {
  mark(window, " idle");
  tq_protocol_end();
  tq_board_idle(counts);
  mark(window, " busy");
  tq_protocol_end();
  uint64_t taken = tq_board_measure(run_often, todo);
  mark(window, " end ");
  tq_protocol_decimal(todo->times);
  tq_protocol_text(" ");
  tq_protocol_decimal(taken);
  tq_protocol_end();
}

void tq_power_windows(void (*run)(void), uint32_t counts) {
  work todo = {run, 1};
  uint64_t once = tq_board_measure(run_often, &todo);
  if (once > 0 && once < counts) {
    todo.times = counts / (uint32_t)once + 1u;
  }
  for (uint32_t window = 0; window < TQ_POWER_WINDOWS; window++) {
    one_window(window, &todo, counts);
  }
}

#else

/* ISO C wants a declaration. */
typedef int tq_no_power;

#endif
