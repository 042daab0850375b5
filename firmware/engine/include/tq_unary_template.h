/*
 * A kernel of one input, element by element: a template, included once per element type after the
 * definition of
 *
 *   KERNEL              its name
 *   PARAMS              type of its parameters
 *   RESULT(p, input)    the output for an input
 */
void KERNEL(const void *params) {
  const PARAMS *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = RESULT(p, p->input[i]);
  }
}

#undef KERNEL
#undef PARAMS
#undef RESULT
