/* step fails with a message that fills its room and is not terminated. */
#define STEP                                            \
  memset(error->message, 'x', error->message_capacity); \
  return 99;
#include "bad.h"
