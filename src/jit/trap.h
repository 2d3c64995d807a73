/*
** trap.h -- the numbers and words of trap.def.
** Layer: jit.
*/
#ifndef LW_TRAP_H
#define LW_TRAP_H

typedef enum {
#define TRAP(name, text) TRAP_##name,
#include "jit/trap.def"
  TRAP__MAX
} TrapCode;

/* The sentence of the official suite: "integer divide by zero". "" for TRAP_NONE;
   "unknown trap" beyond the table, so that a damaged code byte stays harmless. */
const char *lw_trap_text(unsigned code);
/* The C name, as IR text has it: "DIV_ZERO"; NULL beyond the table. */
const char *lw_trap_name(unsigned code);

#endif
