/*
** keep.h -- the types that what a Store has is of.
**
** Objects, tables and globals name canonical types, and may outlive the code that
** brought them. So a Store holds the types of every instance it had, and lets those go
** of which nothing is left when it collects.
** Layer: rt.
*/
#ifndef LW_KEEP_H
#define LW_KEEP_H

#include "rt/store.h"
#include "wasm/module.h"

typedef struct Kept Kept;

/* The module's types, with their canonical ids. */
Status lw_types_keep(Store *s, const Module *m, const uint32_t *ids, Err *err);
/* An instance has ended: the next collection looks. */
void lw_types_stale(Store *s);
/* After a collection. */
void lw_types_sweep(Store *s);
void lw_types_free(Store *s);

#endif
