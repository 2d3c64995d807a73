/*
** table.h -- tables of references, and global cells: state several instances may share.
**
** Owned by count: instances that define or import them, and Lua handles. Both are in
** lists of their Store, so that the collector finds the references they hold.
** Layer: rt.
*/
#ifndef LW_TABLE_H
#define LW_TABLE_H

#include "rt/func.h"

/* Watchers: see lw_memory_watch. With the last reference elems is NULL and length 0. */
typedef struct Table {
  uint64_t *elems; /* layout.h */
  uint64_t length; /* layout.h */
  TableType type;  /* limits as declared; elem is HEAP_FUNC or HEAP_EXTERN for now */
  uint64_t max;    /* growth limit in force */
  uint64_t capacity;
  uint32_t refs;
  uint32_t watchers;         /* as in memory.h */
  Store *store;              /* NULL once it is gone */
  struct Table *prev, *next; /* Store.tables */
} Table;

/* All elements are `init`. `max`: a limit of the host, 0 = none. */
Status lw_table_new(Store *s, const TableType *type, uint64_t max, uint64_t init,
                    Table **out, Err *err);
Table *lw_table_ref(Table *t);
void lw_table_unref(Table *t);
void lw_table_watch(Table *t);
void lw_table_unwatch(Table *t);
/* Old length, or UINT64_MAX when refused. */
uint64_t lw_table_grow(Table *t, uint64_t n, uint64_t init);
/* Is [at, at+n) inside? No overflow for any arguments. */
static inline bool lw_table_has(const Table *t, uint64_t at, uint64_t n)
{
  return at <= t->length && n <= t->length - at;
}

typedef struct GlobalCell {
  Value value; /* layout.h */
  GlobalType type;
  uint32_t refs;
  uint32_t watchers;
  Store *store;                   /* NULL once it is gone */
  struct GlobalCell *prev, *next; /* Store.globals */
} GlobalCell;

Status lw_global_new(Store *s, const GlobalType *type, Value init, GlobalCell **out,
                     Err *err);
GlobalCell *lw_global_ref(GlobalCell *g);
void lw_global_unref(GlobalCell *g);
void lw_global_watch(GlobalCell *g);
void lw_global_unwatch(GlobalCell *g);

#endif
