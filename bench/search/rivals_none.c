#include "rivals.h"

const rival *const rivals[] = {NULL};
