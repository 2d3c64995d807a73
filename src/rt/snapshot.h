/*
** snapshot.h -- all that an instance may change, at one moment.
**
** Memories, tables and mutable globals that it sees, own or imported, and which segments
** are dropped. Memory is kept by changed pages (track.h). A reference to a function of
** the instance itself is kept as the function's number, so that the snapshot may be
** restored into another instance of the module, or written to a file; any other
** reference as it is: the collector sees it.
** A snapshot outlives its instance. It belongs to one Store.
** Layer: rt.
*/
#ifndef LW_SNAPSHOT_H
#define LW_SNAPSHOT_H

#include "base/str.h"
#include "rt/instance.h"

typedef struct Snapshot Snapshot;

/* LW_BUSY while a call of it, or on its memories, is under way; LW_NOMEM. */
Status lw_snapshot_take(Instance *i, Snapshot **out, Err *err);
void lw_snapshot_free(Snapshot *s);
/* All or nothing. LW_LINK: of another module; LW_BUSY, LW_NOMEM; LW_LIMIT: what it
   imports cannot have that size. */
Status lw_snapshot_restore(const Snapshot *s, Instance *i, Err *err);
/*
** Another instance of the module with the same imports, which they share; its own state
** is that of the snapshot. The start function is not run.
*/
Status lw_snapshot_clone(const Snapshot *s, Instance *of, const InstanceOptions *opts,
                         Instance **out, Err *err);

typedef struct SnapshotStats {
  uint64_t memory_bytes;     /* lengths of the memories */
  uint64_t pages, own_pages; /* of 4 KiB: not zero; kept by this one alone */
} SnapshotStats;
void lw_snapshot_stats(const Snapshot *s, SnapshotStats *out);

/*
** As bytes, and back. LW_LINK when it holds what has no form in bytes: a value of Lua, a
** function of another instance; the message names where. Reading: LW_MALFORMED,
** LW_LINK (of another module), LW_NOMEM.
*/
Status lw_snapshot_write(const Snapshot *s, Str *out, Err *err);
Status lw_snapshot_read(Store *store, Code *code, const uint8_t *bytes, size_t size,
                        Snapshot **out, Err *err);

#endif
