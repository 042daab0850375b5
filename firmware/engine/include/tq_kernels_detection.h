/* What turns the outputs of a network that detects objects into boxes. */
#ifndef TQ_KERNELS_DETECTION_H
#define TQ_KERNELS_DETECTION_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * TFLite_Detection_PostProcess. Box i of `box_count` is given by `encodings` [i][encoding_depth],
 * of which the first four are y, x, height and width relative to `anchors` [i][4], and by `scores`
 * [i][score_depth], of which the last `class_count` are those of the classes.
 *
 * Non-maximum suppression: of two boxes that overlap by more than `iou_threshold` the one with the
 * lower score goes, the first of equal scores stays. tq_detection_fast takes every box by its best
 * class and gives the best `classes_per_detection` of each box that is left; tq_detection_regular
 * takes every class by itself, keeps `detections_per_class` of each and gives the best of all.
 *
 * `output_boxes` [slots][4] (y and x of two corners), `output_classes` and `output_scores` [slots]
 * are 0 where nothing was found; `output_count` [1] is how many were. `boxes` [box_count][4],
 * `ranks` and `active` [box_count] and, for the regular one, `kept` [max_detections] are working
 * memory.
 */
typedef struct tq_detection_params {
  const float *encodings;
  const float *scores;
  const float *anchors;
  float *output_boxes;
  float *output_classes;
  float *output_scores;
  float *output_count;
  float *boxes;
  float *ranks;
  int32_t *kept;
  uint8_t *active;
  int32_t box_count;
  int32_t encoding_depth;
  int32_t score_depth;
  int32_t class_count;
  int32_t max_detections;
  int32_t classes_per_detection;
  int32_t detections_per_class;
  int32_t slots;
  float score_threshold;
  float iou_threshold;
  float scale_y;
  float scale_x;
  float scale_h;
  float scale_w;
} tq_detection_params;

TQ_KERNEL void tq_detection_fast(const void *params);
TQ_KERNEL void tq_detection_regular(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_DETECTION_H */
