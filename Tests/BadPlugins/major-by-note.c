/* The note names another major. */
#define NOTE \
  __attribute__((used, section(OPTPLUG_NOTE_SECTION))) static const optplug_note note = {"OPTPLUG", 3, 0, 0, 0}
#include "bad.h"
