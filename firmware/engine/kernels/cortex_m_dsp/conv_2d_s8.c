/* CONV_2D on int8, with int8 or int4 weights */
#include "tq_dsp_clamp.h"
#include "tq_dsp_conv.h"
#include "tq_kernels_dsp_int4.h"

static void convolution(const tq_conv_2d_s8_dsp_params *p, const tq_convolution_type *type) {
  const tq_window *w = &p->window;
  tq_convolve_block block = {
      .columns = p->scratch,
      .steps = p->steps,
      .channels = p->channels,
      .output = p->output,
      .option = 2 * p->output_offset + 1,
      .weights = p->weights,
  };
  tq_convolution(w, p->input, p->offsets, p->input_zero_point, type, &block);
  tq_clamp_all_s8(p->output, w->batches * w->output_height * w->output_width * w->output_channels,
                  p->activation_min, p->activation_max);
}

void tq_conv_2d_s8_dsp(const void *params) {
  static const tq_convolution_type type = {1, tq_gather_rows_s8, tq_gather_positions_s8,
                                           tq_convolve_summed_s8};
  convolution(params, &type);
}

void tq_conv_2d_plain_s8_dsp(const void *params) {
  static const tq_convolution_type type = {1, tq_gather_rows_s8, tq_gather_positions_s8,
                                           tq_convolve_plain_s8};
  convolution(params, &type);
}

void tq_conv_2d_s4_dsp(const void *params) {
  static const tq_convolution_type type = {1, tq_gather_rows_s8, tq_gather_positions_s8,
                                           tq_convolve_s4};
  convolution(params, &type);
}
