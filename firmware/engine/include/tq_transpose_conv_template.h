/*
 * A TRANSPOSE_CONV kernel: a template, included once per element type after the definition of
 *
 *   KERNEL                          its name
 *   PARAMS, ELEMENT, WEIGHT, SUM    types
 *   PRODUCT(p, input, weight)       what is added to a sum
 *   FINISH(p, channel, sum, output)   statements that make a sum an output: *output++ = ...
 *
 * and of contributors(), the inputs that reach an output.
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const tq_window *w = &p->window;
  const int32_t depth = w->output_channels;
  ELEMENT *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const ELEMENT *image = p->input + batch * w->output_height * w->output_width * depth;
    for (int32_t y = 0; y < w->input_height; ++y) {
      const int32_t y0 = y + w->pad_top;
      const tq_range rows = contributors(y0, w->filter_height, w->stride_height, w->output_height);
      for (int32_t x = 0; x < w->input_width; ++x) {
        const int32_t x0 = x + w->pad_left;
        const tq_range columns =
            contributors(x0, w->filter_width, w->stride_width, w->output_width);
        const WEIGHT *filter = p->weights;
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          SUM sum = 0;
          for (int32_t iy = rows.begin; iy < rows.end; ++iy) {
            const int32_t ky = y0 - iy * w->stride_height;
            for (int32_t ix = columns.begin; ix < columns.end; ++ix) {
              const int32_t kx = x0 - ix * w->stride_width;
              const ELEMENT *in = image + (iy * w->output_width + ix) * depth;
              const WEIGHT *weights = filter + (ky * w->filter_width + kx) * depth;
              for (int32_t i = 0; i < depth; ++i) {
                sum += PRODUCT(p, in[i], weights[i]);
              }
            }
          }
          FINISH(p, channel, sum, output);
          filter += w->filter_height * w->filter_width * depth;
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
