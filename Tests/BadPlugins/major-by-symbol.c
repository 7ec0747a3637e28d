/* Only the entry of another major is exported. */
#define optplug_entry_v1 optplug_entry_v2
#define NOTE
#include "bad.h"
