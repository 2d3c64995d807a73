/*
** helper.h -- the numbers and signatures of helper.def.
** Layer: jit.
*/
#ifndef LW_HELPER_H
#define LW_HELPER_H

#include <stdint.h>

typedef enum {
#define HELPER(name, nargs, result) HELPER_##name,
#include "jit/helper.def"
  HELPER__MAX
} HelperId;

enum { HELPER_MAX_ARGS = 5 }; /* without the Instance */

typedef struct HelperInfo {
  const char *name; /* "memory_grow" */
  uint8_t nargs;    /* all of them integers or references */
  uint8_t result;   /* VAL_* kind; VAL_NONE: nothing */
} HelperInfo;
extern const HelperInfo lw_helper_info[HELPER__MAX];

#endif
