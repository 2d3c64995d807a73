/*
** text.h -- IR as text, both ways: what golden specs pin and people read.
**
** The form is shown at the top of dump.c. Printing what was parsed gives the same text.
** Layer: jit.
*/
#ifndef LW_TEXT_H
#define LW_TEXT_H

#include "base/str.h"
#include "jit/ir.h"

/* Appends. LW_NOMEM only, without a message. */
Status lw_ir_dump(const Func *f, Str *out);
/*
** Text into a Func of the function `func` of the Module, made from `scratch`; lw_ir_cfg
** has been run. LW_MALFORMED where it is not the form, with the line; LW_INVALID where
** lw_ir_verify is not content, or the module has no such function with a body.
*/
Status lw_ir_parse(const char *text, const Module *m, uint32_t func, Arena *scratch,
                   Func *f, Err *err);

#endif
