/* The note begins with something else. */
#define NOTE \
  __attribute__((used, section(OPTPLUG_NOTE_SECTION))) static const optplug_note note = {"OPTPLUC", 1, 0, 0, 0}
#include "bad.h"
