/* Without a note, the library demands a minor that no host has yet. */
#define NOTE
#define LIBRARY .abi_minor_required = 9, .abi_minor_built = 10
#include "bad.h"
