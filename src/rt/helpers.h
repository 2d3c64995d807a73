/*
** helpers.h -- the C functions behind helper.def, and the table machine code calls by.
** Layer: rt.
*/
#ifndef LW_HELPERS_H
#define LW_HELPERS_H

#include "jit/helper.h"

extern const void *const lw_helpers[HELPER__MAX];

#endif
