/* L-BFGS with backtracking (Nocedal & Wright, Numerical Optimization, algorithms 3.1 and 7.4) in 64-bit floats: the
   whole model in one call, state of its own shape, numbers of the model, and as many evaluations as the search needs. */
#include <math.h>
#include <string.h>

#include "optplug.h"

enum { PAIRS = 5, MOST_HALVINGS = 30 };
/* A parameter's slots, and the model's numbers. */
enum { STEPS_S, STEPS_Y, START, START_GRADIENT, DIRECTION };
enum { KEPT, LOSS, SLOPE, LENGTH, ACCEPTED, NUMBERS };

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  static const char *const names[] = {"s", "y", "start", "start_gradient", "direction"};
  const int64_t numbers = NUMBERS;
  const optplug_slot model = {.struct_size = sizeof model, .name = "numbers", .dims = &numbers, .ndim = 1,
                              .shape_rule = OPTPLUG_SHAPE_EXPLICIT, .dtype = {OPTPLUG_DTYPE_FLOAT, 64, 1}};
  uint32_t index;
  (void)self, (void)error;
  optplug_status status = plan->add_model_slot(plan, &model, &index);
  for (uint32_t i = 0; status == OPTPLUG_OK && i < plan->parameters.count; i++) {
    const int64_t count = OPTPLUG_AT(plan->parameters, optplug_parameter, i)->count, dims[2] = {PAIRS, count};
    for (int s = 0; status == OPTPLUG_OK && s < 5; s++) {
      const int isHistory = s <= STEPS_Y;
      const optplug_slot slot = {.struct_size = sizeof slot, .name = names[s], .dims = isHistory ? dims : &count,
                                 .ndim = isHistory ? 2 : 1, .shape_rule = OPTPLUG_SHAPE_EXPLICIT,
                                 .dtype = {OPTPLUG_DTYPE_FLOAT, 64, 1}};
      status = plan->add_slot(plan, i, &slot, &index);
    }
  }
  return status;
}

static optplug_status decide(const optplug_instance *self, const optplug_pass *pass, uint32_t *verdict,
                             optplug_error *error) {
  double *numbers = pass->model_slots[0];
  (void)self, (void)error;
  numbers[ACCEPTED] = 0;
  if (pass->pass > 0) {
    numbers[ACCEPTED] = pass->loss <= numbers[LOSS] + 1e-4 * numbers[LENGTH] * numbers[SLOPE] ||
                        pass->pass == MOST_HALVINGS;
    if (!numbers[ACCEPTED]) numbers[LENGTH] /= 2;
  }
  *verdict = numbers[ACCEPTED] ? OPTPLUG_VERDICT_DONE : OPTPLUG_VERDICT_REEVALUATE;
  return OPTPLUG_OK;
}

#define FOR_EACH_SEGMENT(piece) \
  for (uint32_t n = 0; n < frame->segments.count; n++) \
    for (const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, n); piece; piece = NULL)

static double *slot(const optplug_segment *piece, int which, int pair) {
  return (double *)piece->slots[which] + pair * piece->count;
}

static double dot(const optplug_frame *frame, int a, int i, int b, int j) {
  double sum = 0;
  FOR_EACH_SEGMENT(piece) {
    const double *x = slot(piece, a, i), *y = slot(piece, b, j);
    for (int64_t e = 0; e < piece->count; e++) sum += x[e] * y[e];
  }
  return sum;
}

static void add(const optplug_frame *frame, double factor, int a, int i) {
  FOR_EACH_SEGMENT(piece) {
    double *d = slot(piece, DIRECTION, 0);
    const double *x = slot(piece, a, i);
    for (int64_t e = 0; e < piece->count; e++) d[e] += factor * x[e];
  }
}

/* Moves the pairs up and puts the last step first, if its curvature is positive. */
static void remember(const optplug_frame *frame, double *numbers) {
  double curvature = 0;
  FOR_EACH_SEGMENT(piece) {
    const double *p = piece->parameter, *g = piece->gradient;
    const double *start = slot(piece, START, 0), *before = slot(piece, START_GRADIENT, 0);
    for (int64_t e = 0; e < piece->count; e++) curvature += (p[e] - start[e]) * (g[e] - before[e]);
  }
  if (frame->step == 1 || !(curvature > 1e-12)) return;
  FOR_EACH_SEGMENT(piece) {
    const size_t bytes = (size_t)piece->count * sizeof(double);
    const double *p = piece->parameter, *g = piece->gradient;
    memmove(slot(piece, STEPS_S, 1), slot(piece, STEPS_S, 0), (PAIRS - 1) * bytes);
    memmove(slot(piece, STEPS_Y, 1), slot(piece, STEPS_Y, 0), (PAIRS - 1) * bytes);
    for (int64_t e = 0; e < piece->count; e++) {
      slot(piece, STEPS_S, 0)[e] = p[e] - slot(piece, START, 0)[e];
      slot(piece, STEPS_Y, 0)[e] = g[e] - slot(piece, START_GRADIENT, 0)[e];
    }
  }
  if (numbers[KEPT] < PAIRS) numbers[KEPT]++;
}

/* Begins a search: the direction is minus the inverse Hessian's estimate times the gradient. */
static void begin(const optplug_frame *frame, double *numbers) {
  double alpha[PAIRS];
  remember(frame, numbers);
  FOR_EACH_SEGMENT(piece) {
    const double *p = piece->parameter, *g = piece->gradient;
    for (int64_t e = 0; e < piece->count; e++) {
      slot(piece, START, 0)[e] = p[e];
      slot(piece, START_GRADIENT, 0)[e] = g[e];
      slot(piece, DIRECTION, 0)[e] = -g[e];
    }
  }
  const int kept = (int)numbers[KEPT];
  for (int i = 0; i < kept; i++) {
    alpha[i] = dot(frame, STEPS_S, i, DIRECTION, 0) / dot(frame, STEPS_S, i, STEPS_Y, i);
    add(frame, -alpha[i], STEPS_Y, i);
  }
  const double scale = kept ? dot(frame, STEPS_S, 0, STEPS_Y, 0) / dot(frame, STEPS_Y, 0, STEPS_Y, 0) : 1;
  FOR_EACH_SEGMENT(piece) {
    for (int64_t e = 0; e < piece->count; e++) slot(piece, DIRECTION, 0)[e] *= scale;
  }
  for (int i = kept - 1; i >= 0; i--) {
    const double beta = dot(frame, STEPS_Y, i, DIRECTION, 0) / dot(frame, STEPS_S, i, STEPS_Y, i);
    add(frame, alpha[i] - beta, STEPS_S, i);
  }
  numbers[LOSS] = frame->loss;
  numbers[SLOPE] = dot(frame, START_GRADIENT, 0, DIRECTION, 0);
  numbers[LENGTH] = kept ? 1 : fmin(1, 1 / sqrt(dot(frame, START_GRADIENT, 0, START_GRADIENT, 0)));
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  double *numbers = frame->model_slots[0];
  (void)self, (void)error;
  if (numbers[ACCEPTED]) return OPTPLUG_OK;
  if (frame->pass == 0) begin(frame, numbers);
  FOR_EACH_SEGMENT(piece) {
    double *p = piece->parameter;
    for (int64_t e = 0; e < piece->count; e++) {
      p[e] = slot(piece, START, 0)[e] + numbers[LENGTH] * slot(piece, DIRECTION, 0)[e];
    }
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer lbfgs = {
    .struct_size = sizeof lbfgs,
    .granularity = OPTPLUG_GRANULARITY_MODEL,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_REEVALUATE,
    .name = "lbfgs",
    .version = "0.1",
    .summary = "Limited-memory BFGS with backtracking.",
    .url = "https://doi.org/10.1007/978-0-387-40065-5",
    .plan = plan,
    .step = step,
    .decide = decide,
};
static const optplug_optimizer *const optimizers[] = {&lbfgs};
static const optplug_library library = {.struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
