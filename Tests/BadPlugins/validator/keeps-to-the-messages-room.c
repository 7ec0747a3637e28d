/* The message of a failing step is written without a look at the room for it. */
#define GLOBALS \
  static optplug_status say(optplug_error *error) { \
  if (error != NULL && error->message != NULL) { \
  strcpy(error->message, "only 32-bit and 64-bit floats can be trained by this optimizer, which is a pity but cannot be helped"); \
  } \
  return OPTPLUG_INVALID_ARGUMENT; \
  } \
  static optplug_status checked_step(const optplug_instance *, const optplug_frame *, optplug_error *); \
  static optplug_status step(const optplug_instance *, const optplug_frame *, optplug_error *); \
  static optplug_status checked_step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) { \
  return frame->dtype.code == OPTPLUG_DTYPE_FLOAT ? step(instance, frame, error) : say(error); \
  }
#define OPTIMIZER .step = checked_step
#include "valid.h"
