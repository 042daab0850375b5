/*
 * A kernel of two inputs with broadcasting: a template, included once per element type after the
 * definition of
 *
 *   KERNEL                    its name
 *   PARAMS, ELEMENT           types
 *   OUTPUT                    type of the output's elements, if it is not ELEMENT
 *   FINISH(p, a, b, output)   statements that make two elements an output: *output++ = ...
 */
#ifndef OUTPUT
#define OUTPUT ELEMENT
#endif

void KERNEL(const void *params) {
  const PARAMS *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  OUTPUT *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const ELEMENT *input1 =
        (const ELEMENT *)p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const ELEMENT *input2 =
        (const ELEMENT *)p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      FINISH(p, *input1, *input2, output);
      input1 += b->stride1[3];
      input2 += b->stride2[3];
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef ELEMENT
#undef OUTPUT
#undef FINISH
