/*
** unwind.h -- how to leave the frame of a compiled function, in DWARF's words.
**
** For debuggers only: nothing of ours reads it, and the process's own unwinder is never
** told (a C++ exception or a forced unwind must not walk into frames of a guest).
** What a function's frame is, its first bytes say.
** Layer: jit.
*/
#ifndef LW_UNWIND_H
#define LW_UNWIND_H

#include <stdint.h>

#include "base/str.h"

extern const uint16_t lw_elf_machine; /* EM_* */

/* The contents of an .eh_frame section: what all functions have in common, the entry of
   each function, the end. */
void lw_unwind_begin(Str *s);
void lw_unwind_func(Str *s, const uint8_t *text, size_t size);
void lw_unwind_end(Str *s);

#endif
