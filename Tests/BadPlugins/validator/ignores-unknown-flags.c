/* A frame with an unknown flag is refused. */
#define STEP \
  if ((frame->flags & ~(OPTPLUG_FRAME_FIRST | OPTPLUG_FRAME_LAST | OPTPLUG_FRAME_WORKS)) != 0) { \
  return fail(error, OPTPLUG_UNIMPLEMENTED, "the frame has an unknown flag"); \
  }
#include "valid.h"
