/* Making an instance sets the locale. */
#include <locale.h>
#define CREATE setlocale(LC_ALL, "C.UTF-8");
#include "valid.h"
