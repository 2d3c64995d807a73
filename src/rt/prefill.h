/*
** prefill.h -- an image of what a module's active data makes of memory 0.
**
** Mapped copy-on-write over the start of a new memory it costs the pages that are
** touched, however much data there is. Below 1 MiB copying is cheaper.
** Layer: rt.
*/
#ifndef LW_PREFILL_H
#define LW_PREFILL_H

#include "wasm/module.h"

/* Its number (os.h) and size in bytes (whole system pages, at most the memory's minimum),
   or -1 when the data is to be copied. */
int lw_prefill_make(const Module *m, size_t *size);
/* No memory may be laid out with it any more; pooled reservations are seen to. */
void lw_prefill_free(int image);

#endif
