/* The formula leaves out weight decay, which is zero unless set. */
#define GLOBALS \
  static const optplug_operation list[] = {{OPTPLUG_OPERATION_PARAMETER, 0, 0, 0}, {OPTPLUG_OPERATION_GRADIENT, 0, 0, 0}, \
                                           {OPTPLUG_OPERATION_SLOT, 0, 0, 0},      {OPTPLUG_OPERATION_CONSTANT, 0, 0, 0}, \
                                           {OPTPLUG_OPERATION_CONSTANT, 1, 0, 0},  {OPTPLUG_OPERATION_MULTIPLY, 4, 2, 0}, \
                                           {OPTPLUG_OPERATION_ADD, 5, 1, 0},       {OPTPLUG_OPERATION_MULTIPLY, 3, 6, 0}, \
                                           {OPTPLUG_OPERATION_SUBTRACT, 0, 7, 0},  {OPTPLUG_OPERATION_SET_PARAMETER, 8, 0, 0}, \
                                           {OPTPLUG_OPERATION_SET_SLOT, 6, 0, 0}}; \
  static const optplug_operations operations = { \
      sizeof operations, 2, {list, sizeof list / sizeof list[0], sizeof list[0]}}; \
  static optplug_status give(const optplug_instance *instance, const optplug_moment *moment, \
                             const optplug_operations **result, double *constants, optplug_error *error) { \
    memcpy(constants, moment->hyperparameters, 2 * sizeof constants[0]); \
    *result = &operations; \
    return OPTPLUG_OK; \
  } \
  static const optplug_formula formula = {.struct_size = sizeof formula, .operations = give}; \
  static const void *find(const optplug_optimizer *self, const char *id) { \
    return strcmp(id, OPTPLUG_EXTENSION_FORMULA) == 0 ? &formula : NULL; \
  }
#define OPTIMIZER .get_extension = find
#include "valid.h"
