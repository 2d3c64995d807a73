/*
** tag.h -- tags, and the exceptions that carry them.
**
** A Tag is what distinguishes exceptions: each instance that defines one has its own.
** Owned by count: instances and Lua handles; exceptions keep theirs through the
** collector. An exception is an object of the collected heap.
** Layer: rt.
*/
#ifndef LW_TAG_H
#define LW_TAG_H

#include "rt/object.h"

typedef struct Tag {
  uint32_t type; /* canonical id, held */
  uint32_t refs;
  bool marked;             /* collector */
  Store *store;            /* NULL once it is gone */
  struct Tag *prev, *next; /* Store.tags */
} Tag;

Status lw_tag_new(Store *s, uint32_t type, Tag **out, Err *err);
Tag *lw_tag_ref(Tag *t);
void lw_tag_unref(Tag *t);
void lw_tag_free(Tag *t); /* for the collector */

typedef struct ExnObject {
  const TypeInfo *info; /* &lw_type_exn */
  Tag *tag;             /* layout.h */
  Value values[];       /* one for each parameter of its type */
} ExnObject;

static inline bool lw_ref_is_exn(uint64_t ref)
{
  return lw_ref_info(ref) == &lw_type_exn;
}
/* With all values zero. NULL: no memory. May collect. */
ExnObject *lw_exn_new(Store *s, struct HeapAccount *a, Tag *tag);

/*
** The exception goes to whoever catches it among the frames of `a`, which called out or
** is in a helper: then control lands there when it goes on, and true is returned. False:
** nobody does. `only`: frames of what it refuses are passed over; NULL: all will do.
*/
bool lw_act_throw(Activation *a, const ExnObject *exn, bool (*only)(const Instance *i));

#endif
