/* BROADCAST_ARGS */
#include "tq_reference.h"

void tq_broadcast_args(const void *params) {
  const tq_broadcast_args_params *p = params;
  const int32_t count = p->count1 > p->count2 ? p->count1 : p->count2;
  for (int32_t i = 0; i < count; ++i) {
    const int32_t at1 = i - (count - p->count1);
    const int32_t at2 = i - (count - p->count2);
    const int32_t size1 = at1 < 0 ? 1 : p->input1[at1];
    const int32_t size2 = at2 < 0 ? 1 : p->input2[at2];
    p->output[i] = size1 == 1 ? size2 : size1;
  }
}
