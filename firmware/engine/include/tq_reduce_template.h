/*
 * A kernel that reduces over any axes: a template, included once per operator and element type
 * after the definition of
 *
 *   KERNEL                 its name
 *   PARAMS, ELEMENT, SUM   types
 *   OUTPUT                 type of the output's elements, if it is not ELEMENT
 *   FIRST                  what a sum begins with
 *   ADD(p, sum, input)     statement that adds an input to it
 *   RESULT(p, sum, count)  the output for a sum of `count` inputs
 */
#ifndef OUTPUT
#define OUTPUT ELEMENT
#endif

void KERNEL(const void *params) {
  const PARAMS *p = params;
  const tq_reduction *r = &p->reduction;
  const int32_t count = r->reduced[0] * r->reduced[1] * r->reduced[2];
  (void)count; /* A maximum needs none. */
  OUTPUT *output = p->output;
  for (int32_t k0 = 0; k0 < r->kept[0]; ++k0) {
    for (int32_t k1 = 0; k1 < r->kept[1]; ++k1) {
      for (int32_t k2 = 0; k2 < r->kept[2]; ++k2) {
        const ELEMENT *block = (const ELEMENT *)p->input + k0 * r->kept_stride[0] +
                               k1 * r->kept_stride[1] + k2 * r->kept_stride[2];
        SUM sum = FIRST;
        for (int32_t r0 = 0; r0 < r->reduced[0]; ++r0) {
          for (int32_t r1 = 0; r1 < r->reduced[1]; ++r1) {
            const ELEMENT *in = block + r0 * r->reduced_stride[0] + r1 * r->reduced_stride[1];
            for (int32_t r2 = 0; r2 < r->reduced[2]; ++r2) {
              ADD(p, sum, in[r2 * r->reduced_stride[2]]);
            }
          }
        }
        *output++ = RESULT(p, sum, count);
      }
    }
  }
}

#undef KERNEL
#undef PARAMS
#undef ELEMENT
#undef SUM
#undef OUTPUT
#undef FIRST
#undef ADD
#undef RESULT
