/* The note of every plugin that links OptimizerKit: its minor and the instruction set it is compiled for. */
#include "../../include/optplug.h"

OPTPLUG_PLUGIN_NOTE(0);
