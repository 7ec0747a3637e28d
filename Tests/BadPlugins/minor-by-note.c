/* The note demands a minor that no host has yet. */
#define NOTE OPTPLUG_PLUGIN_NOTE(9)
#include "bad.h"
