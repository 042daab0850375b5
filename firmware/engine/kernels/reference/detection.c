/* TFLite_Detection_PostProcess */
#include "tq_reference.h"

#include <math.h>
#include <string.h>

enum { Y, X, H, W };
enum { Y_MIN, X_MIN, Y_MAX, X_MAX };

/* The centre and half the size are taken in double precision, the corners in single. */
static void decode_boxes(const tq_detection_params *p) {
  for (int32_t i = 0; i < p->box_count; ++i) {
    const float *code = p->encodings + i * p->encoding_depth;
    const float *anchor = p->anchors + i * 4;
    const double height = anchor[H];
    const double width = anchor[W];
    const float y = (float)((double)code[Y] / (double)p->scale_y * height + (double)anchor[Y]);
    const float x = (float)((double)code[X] / (double)p->scale_x * width + (double)anchor[X]);
    const float half_h = (float)(0.5 * exp((double)code[H] / (double)p->scale_h) * height);
    const float half_w = (float)(0.5 * exp((double)code[W] / (double)p->scale_w) * width);
    float *box = p->boxes + i * 4;
    box[Y_MIN] = y - half_h;
    box[X_MIN] = x - half_w;
    box[Y_MAX] = y + half_h;
    box[X_MAX] = x + half_w;
  }
}

static float larger(float a, float b) { return a < b ? b : a; }
static float smaller(float a, float b) { return b < a ? b : a; }

static float area_of(const float *box) {
  return (box[Y_MAX] - box[Y_MIN]) * (box[X_MAX] - box[X_MIN]);
}

/* The area that both boxes cover, relative to what one of them does. */
static float overlap(const float *a, const float *b) {
  const float area_a = area_of(a);
  const float area_b = area_of(b);
  if (area_a <= 0.0f || area_b <= 0.0f) {
    return 0.0f;
  }
  const float height = smaller(a[Y_MAX], b[Y_MAX]) - larger(a[Y_MIN], b[Y_MIN]);
  const float width = smaller(a[X_MAX], b[X_MAX]) - larger(a[X_MIN], b[X_MIN]);
  const float both = larger(height, 0.0f) * larger(width, 0.0f);
  return both / (area_a + area_b - both);
}

static const float *scores_of(const tq_detection_params *p, int32_t box) {
  return p->scores + box * p->score_depth + (p->score_depth - p->class_count);
}

/* Returns the class with the highest score that comes behind `last` in the order of scores. */
static int32_t next_class(const float *scores, int32_t count, int32_t last) {
  int32_t best = -1;
  for (int32_t i = 0; i < count; ++i) {
    const int after_last =
        last < 0 || scores[i] < scores[last] || (scores[i] == scores[last] && i > last);
    if (after_last && (best < 0 || scores[i] > scores[best])) {
      best = i;
    }
  }
  return best;
}

/* Ranks every box by its score in class `column`, by its best score if that is -1. */
static void rank_boxes(const tq_detection_params *p, int32_t column) {
  for (int32_t i = 0; i < p->box_count; ++i) {
    const float *scores = scores_of(p, i);
    p->ranks[i] = scores[column >= 0 ? column : next_class(scores, p->class_count, -1)];
    p->active[i] = p->ranks[i] >= p->score_threshold;
  }
}

/* Returns the active box of the highest rank, which drops those that it covers; -1 if none. */
static int32_t take_best(const tq_detection_params *p) {
  int32_t best = -1;
  for (int32_t i = 0; i < p->box_count; ++i) {
    if (p->active[i] && (best < 0 || p->ranks[i] > p->ranks[best])) {
      best = i;
    }
  }
  if (best >= 0) {
    p->active[best] = 0;
    for (int32_t i = 0; i < p->box_count; ++i) {
      if (p->active[i] && overlap(p->boxes + best * 4, p->boxes + i * 4) > p->iou_threshold) {
        p->active[i] = 0;
      }
    }
  }
  return best;
}

static void clear_outputs(const tq_detection_params *p) {
  const size_t bytes = (size_t)p->slots * sizeof(float);
  memset(p->output_boxes, 0, 4 * bytes);
  memset(p->output_classes, 0, bytes);
  memset(p->output_scores, 0, bytes);
}

void tq_detection_fast(const void *params) {
  const tq_detection_params *p = params;
  decode_boxes(p);
  clear_outputs(p);
  rank_boxes(p, -1);
  int32_t found = 0;
  for (int32_t i = 0; i < p->max_detections; ++i) {
    const int32_t box = take_best(p);
    if (box < 0) {
      break;
    }
    const float *scores = scores_of(p, box);
    int32_t category = -1;
    for (int32_t rank = 0; rank < p->classes_per_detection; ++rank) {
      /* TensorFlow Lite Micro leaves slots free where a box has several classes. */
      const int32_t slot = p->classes_per_detection * found + rank;
      category = next_class(scores, p->class_count, category);
      memcpy(p->output_boxes + slot * 4, p->boxes + box * 4, 4 * sizeof(float));
      p->output_classes[slot] = (float)category;
      p->output_scores[slot] = scores[category];
      ++found;
    }
  }
  p->output_count[0] = (float)found;
}

/* Puts a box behind all that have no lower score; returns how many there are now. */
static int32_t insert(const tq_detection_params *p, int32_t count, int32_t box, int32_t column) {
  const float score = p->ranks[box];
  int32_t place = count;
  while (place > 0 && p->output_scores[place - 1] < score) {
    --place;
  }
  if (place >= p->max_detections) {
    return count;
  }
  const int32_t total = count < p->max_detections ? count + 1 : count;
  for (int32_t i = total - 1; i > place; --i) {
    p->output_scores[i] = p->output_scores[i - 1];
    p->output_classes[i] = p->output_classes[i - 1];
    p->kept[i] = p->kept[i - 1];
  }
  p->output_scores[place] = score;
  p->output_classes[place] = (float)column;
  p->kept[place] = box;
  return total;
}

void tq_detection_regular(const void *params) {
  const tq_detection_params *p = params;
  decode_boxes(p);
  clear_outputs(p);
  int32_t count = 0;
  for (int32_t column = 0; column < p->class_count; ++column) {
    rank_boxes(p, column);
    for (int32_t i = 0; i < p->detections_per_class; ++i) {
      const int32_t box = take_best(p);
      if (box < 0) {
        break;
      }
      count = insert(p, count, box, column);
    }
  }
  for (int32_t i = 0; i < count; ++i) {
    memcpy(p->output_boxes + i * 4, p->boxes + p->kept[i] * 4, 4 * sizeof(float));
  }
  p->output_count[0] = (float)count;
}
