/*
 * A pooling kernel: a template, included once per element type after the definition of
 *
 *   KERNEL                 its name
 *   PARAMS, ELEMENT, SUM   types
 *   FIRST                  what a sum begins with
 *   ADD(sum, input)        statement that adds one to it
 *   RESULT(p, sum, count)  the output for a window of `count` inputs
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  ELEMENT *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const ELEMENT *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        const int32_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
        (void)count; /* A maximum needs none. */
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          SUM sum = FIRST;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const ELEMENT *line = image + (y0 + ky) * row + x0 * w->input_channels + channel;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const ELEMENT in = line[kx * w->input_channels];
              ADD(sum, in);
            }
          }
          *output++ = RESULT(p, sum, count);
        }
      }
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef ELEMENT
#undef SUM
#undef FIRST
#undef ADD
#undef RESULT
