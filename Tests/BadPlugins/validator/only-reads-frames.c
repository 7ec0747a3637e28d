/* A step writes a segment, though nothing else than what is there. */
#define SEGMENT(T) ((volatile optplug_segment *)segment)->group_index = segment->group_index;
#include "valid.h"
