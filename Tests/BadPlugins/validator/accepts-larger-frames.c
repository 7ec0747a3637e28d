/* A frame of another size is refused. */
#define STEP if (frame->struct_size != sizeof *frame) return fail(error, OPTPLUG_INVALID_ARGUMENT, "the frame has another size");
#include "valid.h"
