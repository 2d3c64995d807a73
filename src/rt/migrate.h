/*
** migrate.h -- state of one version of an instance into the next.
**
** All of it only reads the old instance and only writes the new one, so giving up at any
** point leaves the old one as it was. What both import is the same thing and is left
** alone.
** Layer: rt.
*/
#ifndef LW_MIGRATE_H
#define LW_MIGRATE_H

#include "base/str.h"
#include "rt/instance.h"

/*
** Does `new` keep its static data where `old` had it: data segments, __data_end,
** __heap_base, the initial stack pointer, the functions of tables by index, globals? Each
** difference becomes a line of `out`. LW_NOMEM.
*/
Status lw_migrate_compare(Instance *old, Instance *new, Str *out, Err *err);

/*
** Three-way merge of the memories that both define: a word (4 bytes) that `old` never
** changed keeps the value it has in `new`; all others are taken over. The memory of `new`
** grows as the old one had. *kept: bytes taken over. LW_NOMEM, LW_LIMIT.
*/
Status lw_migrate_memories(Instance *old, Instance *new, uint64_t *kept, Err *err);
/* Mutable globals of numbers that have the same place in both, but for the stack pointer;
   or, `by_name`, the same export. How many. */
uint32_t lw_migrate_globals(Instance *old, Instance *new, bool by_name);

#endif
