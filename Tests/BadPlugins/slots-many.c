/* 65 slots of one parameter. */
#define PLAN                                                          \
  for (int i = 0; i < 64; i++) {                                      \
    char name[] = {'s', (char)('a' + i / 8), (char)('a' + i % 8), 0}; \
    slot.name = name;                                                 \
    plan->add_slot(plan, 0, &slot, &index);                           \
  }                                                                   \
  slot.name = "last";
#include "bad.h"
