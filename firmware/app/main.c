/*
 * Runs the model on every check sample and reports outputs and counts; where counts scatter,
 * several times in a row on sample 0; then once more on sample 0 with each operator measured on its
 * own. To a model with state, every sample is a sequence of its own. It prints
 * without being asked and takes no input.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tq_app.h"
#include "tq_board.h"
#include "tq_board_config.h"
#include "tq_engine.h"
#ifdef TQ_POWER_COUNTS
#include "tq_power.h"
#endif
#include "tq_protocol.h"
#include "tq_runtime.h"

enum { BYTES_PER_OUT_LINE = 64 };

extern const tq_model tq_model_instance;

static const tq_model *const model = &tq_model_instance;
static const tq_image *const image = &tq_image_instance;

int32_t tq_app_last_op_index(void) {
  const tq_op *op = tq_last_op;
  if (op < model->ops || op >= model->ops + model->op_count) {
    return -1;
  }
  return (int32_t)(op - model->ops);
}

static void put_field(const char *name, uint64_t value) {
  tq_protocol_text(name);
  tq_protocol_decimal(value);
}

static uint32_t total_bytes(const tq_buffer *buffers, uint32_t count) {
  uint32_t bytes = 0;
  for (uint32_t i = 0; i < count; i++) {
    bytes += buffers[i].bytes;
  }
  return bytes;
}

static void put_hello(void) {
  tq_protocol_begin("HELLO tq=1 image=");
  tq_protocol_text(image->id);
  tq_protocol_text(" board=");
  tq_protocol_text(image->board);
  tq_protocol_text(" unit=");
  tq_protocol_text(tq_board_unit);
  put_field(" ops=", model->op_count);
  put_field(" samples=", image->sample_count);
  put_field(" outputs=", total_bytes(model->outputs, model->output_count));
#if TQ_BOARD_REPEATS > 0
  put_field(" repeats=", TQ_BOARD_REPEATS);
#ifdef TQ_BOARD_UNKNOWN_CLOCK
  tq_protocol_text(" clock=none");
#endif
#endif
#ifdef TQ_POWER_COUNTS
  put_field(" windows=", TQ_POWER_WINDOWS);
#endif
  tq_protocol_end();
}

#ifdef TQ_POWER_COUNTS
/* How long a window is: a second where the clock is known, else what the build says. */
static uint32_t window_counts = TQ_POWER_COUNTS;
#endif

/* The code of other boards stays what it is without all this. */
#if TQ_BOARD_REPEATS > 0 && !defined(TQ_BOARD_UNKNOWN_CLOCK)

/* What the compiler was told to prefer: two images are comparable only if that was the same. */
static const char *preference(void) {
#if !defined(__OPTIMIZE__)
  return "none";
#elif defined(__OPTIMIZE_SIZE__)
  return "size";
#else
  return "speed";
#endif
}

static void put_clock(void) {
  tq_clock clock;
  tq_board_check_clock(&clock);
#ifdef TQ_POWER_COUNTS
  window_counts = clock.hz;
#endif
  tq_protocol_begin("CLOCK hz=");
  tq_protocol_decimal(clock.hz);
  put_field(" cycles=", clock.cycles);
  put_field(" ticks=", clock.reference_ticks);
  put_field(" reference=", clock.reference_hz);
  put_field(" loop=", clock.loop_cycles);
  put_field(" low=", clock.loop_low);
  put_field(" high=", clock.loop_high);
  tq_protocol_text(" optimized=");
  tq_protocol_text(preference());
  tq_protocol_end();
}

#endif

static void fill_inputs(uint32_t sample) {
  const uint8_t *bytes = image->samples + sample * total_bytes(model->inputs, model->input_count);
  for (uint32_t i = 0; i < model->input_count; i++) {
    memcpy(model->inputs[i].data, bytes, model->inputs[i].bytes);
    bytes += model->inputs[i].bytes;
  }
}

static void put_outputs(uint32_t sample) {
  uint32_t line_offset = 0;
  for (uint32_t i = 0; i < model->output_count; i++) {
    const uint8_t *bytes = model->outputs[i].data;
    uint32_t left = model->outputs[i].bytes;
    while (left > 0) {
      uint32_t count = left < BYTES_PER_OUT_LINE ? left : BYTES_PER_OUT_LINE;
      tq_protocol_begin("OUT ");
      tq_protocol_decimal(sample);
      put_field(" ", line_offset);
      tq_protocol_text(" ");
      tq_protocol_bytes(bytes, count);
      tq_protocol_end();
      bytes += count;
      left -= count;
      line_offset += count;
    }
  }
}

/*
 * Without a wrapper around it, whose instructions would count: the boards' calling conventions
 * pass every data pointer alike.
 */
static const tq_board_function invoke = (tq_board_function)(void (*)(void))tq_invoke;

/* Returns the stack that was in use at most while the model ran. */
static uint32_t run_sample(uint32_t sample) {
  tq_clear_state(model);
  fill_inputs(sample);
  tq_stack_paint();
  uint64_t count = tq_board_measure(invoke, model);
  uint32_t stack = tq_stack_used();
  put_outputs(sample);
  tq_protocol_begin("RUN ");
  tq_protocol_decimal(sample);
  put_field(" ", count);
  tq_protocol_end();
  return stack;
}

#if TQ_BOARD_REPEATS > 0

static uint64_t measure_sample_0(void) {
  tq_clear_state(model);
  fill_inputs(0);
  return tq_board_measure(invoke, model);
}

/* One run to warm up, then the measured ones; nothing is printed between them. */
static void repeat(void) {
  uint64_t counts[TQ_BOARD_REPEATS + 1];
  for (int run = 0; run <= TQ_BOARD_REPEATS; run++) {
    counts[run] = measure_sample_0();
  }
  for (int run = 0; run < TQ_BOARD_REPEATS; run++) {
    tq_protocol_begin("REPEAT ");
    tq_protocol_decimal((uint64_t)run);
    put_field(" ", counts[run + 1]);
    tq_protocol_end();
  }
}

#endif

#ifdef TQ_POWER_COUNTS

/* What one inference takes: its inputs set, its state cleared, the model run. */
static void run_sample_0(void) {
  tq_clear_state(model);
  fill_inputs(0);
  tq_invoke(model);
}

#endif

/*
 * Walks the operators as the runtime does; a kernel's count includes its call and return. A
 * function of its own for the debugger, which stops here to watch the operators.
 */
__attribute__((noinline)) static void profile(void) {
  uint64_t sum = 0;
  tq_clear_state(model);
  fill_inputs(0);
  tq_runtime_profile(model);
  for (uint32_t i = 0; i < model->op_count; i++) {
    uint64_t count = tq_runtime_count(model, i);
    tq_protocol_begin("OP ");
    tq_protocol_decimal(i);
    put_field(" ", count);
    tq_protocol_end();
    sum += count;
  }
  tq_protocol_begin("PROFILED ");
  tq_protocol_decimal(sum);
  tq_protocol_end();
}

static void put_stack(uint32_t used) {
  tq_protocol_begin("STACK ");
  tq_protocol_decimal(used);
  put_field(" ", tq_stack_reserved());
  tq_protocol_end();
}

static void put_guard(void) {
  const char *damaged = tq_guard_damaged();
  tq_protocol_begin("GUARD ");
  tq_protocol_text(damaged == NULL ? "ok" : damaged);
  tq_protocol_end();
}

int main(void) {
  tq_board_init();
  if (!tq_board_counter_is_exact()) {
    tq_protocol_log("tq: the counter is not exact");
    tq_finished();
  }
  tq_last_op = NULL;
  tq_guard_fill();
  put_hello();
#if TQ_BOARD_REPEATS > 0 && !defined(TQ_BOARD_UNKNOWN_CLOCK)
  put_clock();
#endif
  uint32_t stack = 0;
  for (uint32_t sample = 0; sample < image->sample_count; sample++) {
    uint32_t used = run_sample(sample);
    stack = used > stack ? used : stack;
  }
#if TQ_BOARD_REPEATS > 0
  repeat();
#endif
#ifdef TQ_POWER_COUNTS
  tq_power_windows(run_sample_0, window_counts);
#endif
  profile();
  put_stack(stack);
  tq_runtime_report();
  put_guard();
  uint32_t lines = tq_protocol_lines();
  tq_protocol_begin("END ");
  tq_protocol_decimal(lines);
  tq_protocol_end();
  tq_finished();
}
