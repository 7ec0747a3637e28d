/* Only the beginning of an extension's id is compared. */
#define GLOBALS \
  static optplug_status look(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) { \
  return OPTPLUG_OK; \
  } \
  static const optplug_eval_view view = {.struct_size = sizeof view, .enter = look, .leave = look}; \
  static const void *find(const optplug_optimizer *self, const char *id) { \
  return strncmp(id, OPTPLUG_EXTENSION_EVAL_VIEW, sizeof OPTPLUG_EXTENSION_EVAL_VIEW - 2) == 0 ? &view : NULL; \
  }
#define OPTIMIZER .get_extension = find
#include "valid.h"
