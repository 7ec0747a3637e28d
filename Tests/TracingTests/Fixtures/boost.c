/* Two optimizers from a stranger that talk through an extension of their own, which they describe: "boosted" is
   gradient descent, "booster" a wrapper that asks its base for a factor.  Both know their tables by address. */
#include <stdlib.h>
#include <string.h>

#include "optplug.h"

OPTPLUG_PLUGIN_NOTE(0);

struct optplug_instance {
  optplug_base base;
  const struct boost *boost;
};

/* ---- org.example.boost/1: functions of every kind of argument and result ---- */

typedef struct boost {
  uint32_t struct_size;
  float factor;
  double (*scale)(const struct boost *self, uint64_t step, float gain, int8_t shift);
  void (*nothing)(void);
  int64_t (*mix)(int8_t b, uint8_t B, int16_t h, uint16_t H, int32_t i, uint32_t I, int64_t q, uint64_t Q, float f,
                 double d, const char *s, void *p, int8_t b2, double d2, float f2, int64_t q2);
  float (*half)(float value);
  uint8_t (*low)(int32_t value);
  int16_t (*negative)(uint16_t value);
  optplug_status (*apply)(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error);
} boost;

static const boost table;

static double scale(const boost *self, uint64_t step, float gain, int8_t shift) {
  return self == &table ? self->factor * gain + (double)shift * (double)step : -1;
}
static int calls_of_nothing;
static void nothing(void) { calls_of_nothing++; }
static int64_t mix(int8_t b, uint8_t B, int16_t h, uint16_t H, int32_t i, uint32_t I, int64_t q, uint64_t Q, float f,
                   double d, const char *s, void *p, int8_t b2, double d2, float f2, int64_t q2) {
  return b == -1 && B == 200 && h == -300 && H == 60000 && i == -70000 && I == 4000000000u && q == -5000000000ll &&
                 Q == 10000000000000000000ull && f == 0.5f && d == 0.25 && strcmp(s, "sixteen") == 0 && p == NULL &&
                 b2 == -2 && d2 == 0.125 && f2 == 0.0625f
             ? q2
             : -1;
}
static float half(float value) { return value / 2; }
static uint8_t low(int32_t value) { return (uint8_t)value; }
static int16_t negative(uint16_t value) { return (int16_t)-value; }

static optplug_status apply(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  (void)instance, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    float *parameter = piece->parameter;
    for (int64_t i = 0; i < piece->count; i++) parameter[i] += 1;
  }
  return OPTPLUG_OK;
}

static const boost table = {sizeof table, 3, scale, nothing, mix, half, low, negative, apply};

#define FUNCTION(name, type, names) \
  {"org.example.boost/1", #name, type, names, (uint32_t)offsetof(boost, name), 0}
static const optplug_signature described[] = {
    FUNCTION(scale, "d(pQfb)", "self step gain shift"),
    FUNCTION(nothing, "v()", NULL),
    FUNCTION(mix, "q(bBhHiIqQfdspbdfq)", NULL),
    FUNCTION(half, "f(f)", "value"),
    FUNCTION(low, "B(i)", "value"),
    FUNCTION(negative, "h(H)", "value"),
    FUNCTION(apply, "S(pFE)", "instance frame error"),
    /* A letter of the future, and an offset that cannot be. */
    {"org.example.newer/1", "same", "@(pi)", "self value", 8, 0},
    {"org.example.crooked/1", "same", "p(pi)", "self value", 8, 0},
    {"org.example.crooked/1", "other", "p(pi)", "self value", 13, 0},
};
static const optplug_signatures signatures = {
    sizeof signatures, 0, {described, sizeof described / sizeof described[0], sizeof described[0]}};

/* ---- Tables that a tracer must leave alone: secret is not described, newer and crooked are so wrongly ---- */

typedef struct same {
  uint32_t struct_size;
  const void *(*same)(const struct same *self, int value);
} same;
static const void *itself(const same *self, int value) { return value == 42 ? self : NULL; }
static const same secret = {sizeof secret, itself}, newer = {sizeof newer, itself}, crooked = {sizeof crooked, itself};

/* ---- boosted ---- */

static const optplug_optimizer boosted, booster;

static const void *boosted_extension(const optplug_optimizer *optimizer, const char *id) {
  if (optimizer != &boosted) return NULL;
  if (strcmp(id, "org.example.boost/1") == 0) return &table;
  if (strcmp(id, "org.example.secret/1") == 0) return &secret;
  if (strcmp(id, "org.example.newer/1") == 0) return &newer;
  if (strcmp(id, "org.example.crooked/1") == 0) return &crooked;
  return strcmp(id, OPTPLUG_EXTENSION_SIGNATURES) == 0 ? &signatures : NULL;
}

static optplug_status boosted_step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const float *gradient = piece->gradient;
    float *parameter = piece->parameter;
    for (int64_t i = 0; i < piece->count; i++) parameter[i] -= 0.1f * gradient[i];
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer boosted = {
    .struct_size = sizeof boosted,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32,
    .name = "boosted",
    .version = "0.1",
    .summary = "Gradient descent with an extension.",
    .step = boosted_step,
    .get_extension = boosted_extension,
};

/* ---- booster ---- */

static optplug_status create(const optplug_optimizer *optimizer, const optplug_host *host,
                             const optplug_create_info *info, optplug_instance **instance, optplug_error *error) {
  (void)error;
  if (optimizer != &booster) return OPTPLUG_INVALID_ARGUMENT;
  *instance = malloc(sizeof **instance);
  if (!*instance) return OPTPLUG_RESOURCE_EXHAUSTED;
  (*instance)->base = *OPTPLUG_AT(info->bases, optplug_base, 0);
  const optplug_optimizer *base = (*instance)->base.optimizer;
  (*instance)->boost = base->get_extension(base, "org.example.boost/1");
  if (!(*instance)->boost) return OPTPLUG_FAILED_PRECONDITION;
  static const struct {
    const char *id;
    const same *table;
  } others[] = {
      {"org.example.secret/1", &secret}, {"org.example.newer/1", &newer}, {"org.example.crooked/1", &crooked}};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    const same *found = base->get_extension(base, others[i].id);
    if (found != others[i].table || found->same(found, 42) != found) return OPTPLUG_FAILED_PRECONDITION;
  }
  if (host->get_extension(host, "org.example.no-such-service/1")) return OPTPLUG_INTERNAL;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { free(instance); }

static optplug_status booster_step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  optplug_status status = self->base.optimizer->step(self->base.instance, frame->children[0], error);
  if (status != OPTPLUG_OK) return status;
  const boost *boost = self->boost;
  boost->nothing();
  if (boost->scale(boost, frame->step, 0.5f, -2) != 1.5 - 2 * (double)frame->step) return OPTPLUG_INTERNAL;
  if (boost->half(-3) != -1.5f || boost->low(511) != 255 || boost->negative(5) != -5) return OPTPLUG_INTERNAL;
  if (boost->mix(-1, 200, -300, 60000, -70000, 4000000000u, -5000000000ll, 10000000000000000000ull, 0.5f, 0.25,
                 "sixteen", NULL, -2, 0.125, 0.0625f, -123456789012ll) != -123456789012ll)
    return OPTPLUG_INTERNAL;
  return boost->apply(self->base.instance, frame, error);
}

static const char *const roles[] = {"base"};
static const optplug_optimizer booster = {
    .struct_size = sizeof booster,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32,
    .name = "booster",
    .version = "0.1",
    .summary = "Asks its base for more.",
    .base_roles = roles,
    .base_count = 1,
    .create = create,
    .destroy = destroy,
    .step = booster_step,
};

static const optplug_optimizer *const optimizers[] = {&boosted, &booster};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 2, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
