/*
** relink.h -- one version of an instance in place of another, for the instances that
** import from it.
** Layer: rt.
*/
#ifndef LW_RELINK_H
#define LW_RELINK_H

#include "rt/instance.h"

/*
** How many imports of other instances of the Store are functions of `old`. LW_LINK: they
** cannot be functions of `new` instead, because one is missing there or has another type,
** or because what is imported is a memory, table or global.
*/
Status lw_relink_check(const Instance *old, Instance *new, uint32_t *links, Err *err);
/* After a check that was content: they are functions of `new` from now on. Machine code
   reads an import at each call, so calls under way may be parked anywhere. */
void lw_relink(const Instance *old, Instance *new);
/* The tokens that interrupt one now interrupt the other; only between calls. */
void lw_relink_tokens(Instance *a, Instance *b);

#endif
