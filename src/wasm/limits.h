/*
** limits.h -- how large a module may be.
**
** The standard's implementation appendix lets a host set limits; these are the ones
** the JavaScript interface agreed on, so a module that runs in a browser runs here.
** Every count from a module is compared with one of these before anything is
** multiplied by it.
** Layer: wasm.
*/
#ifndef LW_LIMITS_H
#define LW_LIMITS_H

#include <stdint.h>

enum {
  LIMIT_MODULE_BYTES = 1 << 30,
  LIMIT_TYPES = 1000000,
  LIMIT_SUPERTYPES = 63, /* above one type */
  LIMIT_FIELDS = 10000,
  LIMIT_FUNCTIONS = 1000000,
  LIMIT_IMPORTS = 1000000,
  LIMIT_EXPORTS = 1000000,
  LIMIT_GLOBALS = 1000000,
  LIMIT_TAGS = 1000000,
  LIMIT_DATA_SEGMENTS = 100000,
  LIMIT_ELEM_SEGMENTS = 10000000,
  LIMIT_ELEM_ENTRIES = 10000000,
  LIMIT_TABLES = 100000,
  LIMIT_MEMORIES = 100,
  LIMIT_PARAMS = 1000,
  LIMIT_RESULTS = 1000,
  LIMIT_LOCALS = 50000,
  LIMIT_LOCALS_ALL = 1000000,  /* in all functions together, and ... */
  LIMIT_LOCALS_PER_BYTE = 16,  /* ... so many more for each byte of code */
  LIMIT_MATCHES = 20000000,    /* of types that are not equal in lists, and ... */
  LIMIT_MATCHES_PER_BYTE = 16, /* ... so many more for each byte of code */
  LIMIT_BODY_BYTES = 7654321,
  LIMIT_NESTING = 100000,   /* control frames open at once */
  LIMIT_OPERANDS = 1 << 20, /* values on the operand stack of one body */
  LIMIT_CONST_STACK = 1024, /* the same in a constant expression */
  LIMIT_TABLE_ELEMS = 10000000,
  LIMIT_BR_TABLE = 65520,
  LIMIT_NAME_BYTES = 100000,
};

/* Of all bodies together. */
static inline uint64_t lw_matches_max(uint64_t code_bytes)
{
  return LIMIT_MATCHES + LIMIT_MATCHES_PER_BYTE * code_bytes;
}

#endif
