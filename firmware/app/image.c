/* Compiled anew for every image: its identity and the check samples. */
#include "tq_app.h"
#include "tq_image_config.h"

__asm__(
    ".pushsection .tq_samples, \"a\", %progbits\n"
    ".balign 16\n"
    ".global tq_samples\n"
    "tq_samples:\n"
    ".incbin \"tq_samples.bin\"\n"
    ".popsection\n");

extern const uint8_t tq_samples[];

const tq_image tq_image_instance = {
    .id = TQ_IMAGE_ID,
    .board = TQ_BOARD_NAME,
    .samples = tq_samples,
    .sample_count = TQ_SAMPLE_COUNT,
};
