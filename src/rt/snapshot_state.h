/*
** snapshot_state.h -- what is inside a Snapshot. For the files of snapshots only.
**
** Invariants: every memory has a map and every table its references once it is made; a
** reference with its lowest bit set is a function of the instance itself, by the
** number of its cell.
** Layer: rt.
*/
#ifndef LW_SNAPSHOT_STATE_H
#define LW_SNAPSHOT_STATE_H

#include "rt/snapshot.h"
#include "rt/track.h"

struct Snapshot {
  Store *store;
  Code *code;
  PageMap **memories; /* by memory index */
  struct {
    uint64_t *refs;
    uint64_t length;
  } * tables;                   /* by table index */
  Value *globals;               /* by global index; zero where it cannot change */
  bool *dropped;                /* element segments, then data segments */
  struct Snapshot *prev, *next; /* Store.snapshots */
};

/* Entered into its Store, all zero: lw_snapshot_free takes it apart at any stage. */
Snapshot *lw_snapshot_new(Store *store, Code *code, Err *err);

#endif
