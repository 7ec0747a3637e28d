/* A step clears the message without asking whether there is room for one. */
#define STEP if (error->message_capacity > 0) error->message[0] = 0;
#include "valid.h"
