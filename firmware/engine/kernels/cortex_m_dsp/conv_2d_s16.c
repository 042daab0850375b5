/* CONV_2D on int16 with int8 weights */
#include "tq_dsp_clamp.h"
#include "tq_dsp_conv.h"

enum { FACTORS = sizeof(tq_conv_s16_dsp_pair) };

static void convolution(const tq_conv_2d_s16_dsp_params *p, const tq_convolution_type *type,
                        tq_walk walk) {
  const tq_window *w = &p->window;
  tq_convolve_block block = {
      .columns = p->scratch,
      .steps = p->steps,
      .channels = p->channels,
      .output = p->output,
      .option = p->activation_min == 0,
      .weights = p->weights,
      .groups = p->groups,
      .rounds = 1,
  };
  walk(w, p->input, p->offsets, 0, type, &block);
  tq_clamp_all_s16(p->output, w->batches * w->output_height * w->output_width * w->output_channels,
                   p->activation_min, p->activation_max);
}

void tq_conv_2d_s16_dsp(const void *params) {
  static const tq_convolution_type type = {
      2, FACTORS, TQ_PLAIN_STEP, tq_gather_rows_s16, tq_gather_positions_s16, tq_convolve_s16};
  convolution(params, &type, tq_convolution);
}

void tq_conv_2d_groups_s16_dsp(const void *params) {
  static const tq_convolution_type type = {2,
                                           FACTORS,
                                           TQ_PLAIN_STEP,
                                           tq_gather_rows_s16,
                                           tq_gather_positions_s16,
                                           tq_convolve_groups_s16};
  convolution(params, &type, tq_convolution_groups);
}
