/* SignalDelay, SignalFramer, SignalStacker and SignalOverlapAdd: operators that remember */
#include "tq_reference.h"

#include <string.h>

#include "tq_fixed_point.h"

static size_t bytes_of(int32_t count) { return (size_t)count * sizeof(int16_t); }

/* Writes `count` of the numbers old[0..held), new[0...) from place `from` on. */
static void join(int16_t *output, const int16_t *old, int32_t held, const int16_t *new,
                 int32_t from, int32_t count) {
  for (int32_t i = from; i < from + count; ++i) {
    *output++ = i < held ? old[i] : new[i - held];
  }
}

void tq_signal_delay(const void *params) {
  const tq_signal_delay_params *p = params;
  for (int32_t row = 0; row < p->rows; ++row) {
    const int16_t *input = p->input + row * p->size;
    int16_t *state = p->state + row * p->delay;
    join(p->output + row * p->size, state, p->delay, input, 0, p->size);
    join(state, state, p->delay, input, p->size, p->delay);
  }
}

void tq_signal_framer(const void *params) {
  const tq_signal_framer_params *p = params;
  *p->valid = 1;
  /* At first there is nothing to be seen, or zeros. */
  const int32_t before = *p->filled;
  for (int32_t row = 0; row < p->rows; ++row) {
    int16_t *state = p->state + row * p->kept;
    int32_t filled = before;
    for (int32_t frame = 0; frame < p->frames; ++frame) {
      const int32_t place = row * p->frames + frame;
      const int16_t *input = p->input + place * p->step;
      int16_t *output = p->output + place * p->size;
      if (filled < p->missing) {
        memcpy(state + filled, input, bytes_of(p->step));
        filled += p->step;
        memset(output, 0, bytes_of(p->size));
        *p->valid = 0;
      } else {
        join(output, state, p->kept, input, 0, p->size);
        join(state, state, p->kept, input, p->step, p->kept);
      }
    }
    *p->filled = filled;
  }
}

void tq_signal_stacker(const void *params) {
  const tq_signal_stacker_params *p = params;
  const int32_t copies = *p->held == 0 ? 1 + p->left : 1;
  int32_t frames = *p->held == 0 ? 0 : *p->held - 1;
  for (int32_t i = 0; i < copies; ++i) {
    memcpy(p->state + frames * p->channels, p->input, bytes_of(p->channels));
    ++frames;
  }
  *p->valid = frames == p->frames;
  if (*p->valid) {
    memcpy(p->output, p->state, bytes_of(p->frames * p->channels));
    frames -= p->step;
    memmove(p->state, p->state + p->step * p->channels, bytes_of(frames * p->channels));
  } else {
    memset(p->output, 0, bytes_of(p->frames * p->channels));
  }
  *p->held = frames + 1;
}

#define OVERLAP_ADD(suffix, type, add)                                           \
  void tq_signal_overlap_add_##suffix(const void *params) {                      \
    const tq_signal_overlap_add_params *p = params;                              \
    const type *input = p->input;                                                \
    type *output = p->output;                                                    \
    for (int32_t row = 0; row < p->rows; ++row) {                                \
      type *state = (type *)p->state + row * p->size;                            \
      for (int32_t frame = 0; frame < p->frames; ++frame) {                      \
        for (int32_t i = 0; i < p->size; ++i) {                                  \
          state[i] = add(input[i], state[i]);                                    \
        }                                                                        \
        const size_t left = (size_t)(p->size - p->step) * sizeof *state;         \
        memcpy(output, state, (size_t)p->step * sizeof *state);                  \
        memmove(state, state + p->step, left);                                   \
        memset(state + (p->size - p->step), 0, (size_t)p->step * sizeof *state); \
        input += p->size;                                                        \
        output += p->step;                                                       \
      }                                                                          \
    }                                                                            \
  }

#define ADD_S16(a, b) ((int16_t)tq_clamp((a) + (b), INT16_MIN, INT16_MAX))
#define ADD_F32(a, b) ((b) + (a))

OVERLAP_ADD(s16, int16_t, ADD_S16)
OVERLAP_ADD(f32, float, ADD_F32)
