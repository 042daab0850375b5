/*
 * A CONV_2D kernel: a template, included once per element type after the definition of
 *
 *   KERNEL                          its name
 *   PARAMS, ELEMENT, WEIGHT, SUM    types
 *   PRODUCT(p, input, weight)       what is added to a sum
 *   FINISH(p, channel, sum, output)   statements that make a sum an output: *output++ = ...
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  const int32_t step = w->dilation_width * w->input_channels;
  const int32_t filter_row = w->filter_width * w->input_channels;
  ELEMENT *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const ELEMENT *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows =
          tq_clip_window(y0, w->filter_height, w->dilation_height, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns =
            tq_clip_window(x0, w->filter_width, w->dilation_width, w->input_width);
        const WEIGHT *filter = p->weights;
        for (int32_t channel = 0; channel < w->output_channels; ++channel) {
          SUM sum = 0;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const ELEMENT *line = image + (y0 + ky * w->dilation_height) * row;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const ELEMENT *in = line + x0 * w->input_channels + kx * step;
              const WEIGHT *weights = filter + ky * filter_row + kx * w->input_channels;
              for (int32_t i = 0; i < w->input_channels; ++i) {
                sum += PRODUCT(p, in[i], weights[i]);
              }
            }
          }
          FINISH(p, channel, sum, output);
          filter += w->filter_height * filter_row;
        }
      }
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef ELEMENT
#undef WEIGHT
#undef SUM
#undef PRODUCT
#undef FINISH
