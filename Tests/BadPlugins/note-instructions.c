/* The note asks for instructions that nobody knows. */
#define NOTE \
  __attribute__((used, section(OPTPLUG_NOTE_SECTION))) static const optplug_note note = {"OPTPLUG", 1, 0, 0, 99}
#include "bad.h"
