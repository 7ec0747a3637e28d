/* A library that is no plugin. */
#define optplug_entry_v1 unrelated_function
#include "bad.h"
