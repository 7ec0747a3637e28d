/* The note ends after its magic. */
#define NOTE __attribute__((used, section(OPTPLUG_NOTE_SECTION))) static const char note[8] = "OPTPLUG"
#include "bad.h"
