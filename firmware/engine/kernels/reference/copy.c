/* RESHAPE and its relatives, when input and output do not share memory */
#include "tq_reference.h"

#include <string.h>

void tq_copy(const void *params) {
  const tq_copy_params *p = params;
  memcpy(p->output, p->input, (size_t)p->bytes);
}
