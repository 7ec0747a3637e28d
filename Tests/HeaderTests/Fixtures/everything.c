/* Every macro of optplug.h in one plugin, in the words that C99 and C++11 have in common. */
#include "optplug.h"
#include "optplug.h"

OPTPLUG_PLUGIN_NOTE(0);

static optplug_status step(const optplug_instance *instance, const optplug_frame *frame,
                           optplug_error *error) OPTPLUG_NOEXCEPT {
  uint32_t i;
  (void)instance;
  if (!OPTPLUG_HAS(frame, optplug_frame, loss)) {
    if (error != NULL && error->message_capacity > 0) error->message[0] = '\0';
    return OPTPLUG_INVALID_ARGUMENT;
  }
  for (i = 0; i < frame->segments.count; i++) {
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i);
    float *parameter = (float *)segment->parameter;
    const float *gradient = (const float *)segment->gradient;
    int64_t j;
    if (!OPTPLUG_ELEMENT_HAS(frame->segments, optplug_segment, base_gradient)) return OPTPLUG_INTERNAL;
    for (j = 0; j < segment->count; j++) {
      parameter[j] -= (float)(frame->hyperparameters[segment->group_index][0]) * gradient[j];
    }
  }
  return OPTPLUG_OK;
}

static const optplug_hyperparameter hyperparameters[] = {
    {"lr", "Step size", NULL, 0.1, 0.0, 1.0, OPTPLUG_HYPERPARAMETER_FLOAT, OPTPLUG_HYPERPARAMETER_MIN_EXCLUSIVE}};

/* An extension of its own, and how its function is called. */
typedef struct everything_twice {
  uint32_t struct_size;
  uint32_t reserved0;
  double(OPTPLUG_CALL *twice)(double value) OPTPLUG_NOEXCEPT;
} everything_twice;

static double twice(double value) OPTPLUG_NOEXCEPT { return 2 * value; }
static const everything_twice twice_table = {(uint32_t)sizeof(everything_twice), 0, twice};
static const optplug_signature signature = {
    "org.example.twice/1", "twice", "d(d)", "value", (uint32_t)offsetof(everything_twice, twice), 0};
static const optplug_signatures signatures = {
    (uint32_t)sizeof(optplug_signatures), 0, {&signature, 1, (uint32_t)sizeof(optplug_signature)}};

static int equal(const char *a, const char *b) OPTPLUG_NOEXCEPT {
  while (*a != '\0' && *a == *b) {
    a++;
    b++;
  }
  return *a == *b;
}

static const void *get_extension(const optplug_optimizer *optimizer, const char *id) OPTPLUG_NOEXCEPT {
  (void)optimizer;
  if (equal(id, signature.extension)) return &twice_table;
  return equal(id, OPTPLUG_EXTENSION_SIGNATURES) ? &signatures : NULL;
}

static const optplug_optimizer optimizer = {
    (uint32_t)sizeof(optplug_optimizer),
    OPTPLUG_GRANULARITY_ELEMENT,
    0,
    0,
    OPTPLUG_CAPABILITY_FLOAT32,
    "everything",
    "1.0.0",
    "Plain gradient descent",
    NULL,
    {hyperparameters, 1, (uint32_t)sizeof(optplug_hyperparameter)},
    NULL,
    0,
    0,
    NULL,
    NULL,
    NULL,
    NULL,
    step,
    NULL,
    get_extension,
    NULL,
    NULL};

static const optplug_optimizer *const optimizers[] = {&optimizer};

static const optplug_library library = {
    (uint32_t)sizeof(optplug_library), OPTPLUG_ABI_MINOR, 0, 1, optimizers, NULL};

OPTPLUG_EXPORT optplug_status OPTPLUG_CALL optplug_entry_v1(const optplug_host *host,
                                                            const optplug_library **result,
                                                            optplug_error *error) OPTPLUG_NOEXCEPT {
  optplug_entry_v1_function entry = optplug_entry_v1;
  (void)host;
  (void)error;
  *result = entry == NULL ? NULL : &library;
  return OPTPLUG_OK;
}
