/*
 * A SELECT_V2 kernel: a template, included once per element width after the definition of
 *
 *   KERNEL    its name
 *   ELEMENT   a type of the elements' size
 */
void KERNEL(const void *params) {
  const tq_select_params *p = params;
  const ELEMENT *input1 = p->input1;
  const ELEMENT *input2 = p->input2;
  ELEMENT *output = p->output;
  int32_t i[5];
  for (i[0] = 0; i[0] < p->dims[0]; ++i[0]) {
    for (i[1] = 0; i[1] < p->dims[1]; ++i[1]) {
      for (i[2] = 0; i[2] < p->dims[2]; ++i[2]) {
        for (i[3] = 0; i[3] < p->dims[3]; ++i[3]) {
          for (i[4] = 0; i[4] < p->dims[4]; ++i[4]) {
            const int holds = p->condition[tq_position(i, p->condition_stride)];
            *output++ =
                holds ? input1[tq_position(i, p->stride1)] : input2[tq_position(i, p->stride2)];
          }
        }
      }
    }
  }
}

#undef KERNEL
#undef ELEMENT
