/*
** segment.h -- copying data and element segments into memories and tables.
**
** Both check source and destination first and return a TrapCode (TRAP_NONE: done); a
** dropped segment has length 0. Standard, section 4.6 (memory.init, table.init).
** Layer: rt.
*/
#ifndef LW_SEGMENT_H
#define LW_SEGMENT_H

#include "rt/instance.h"

unsigned lw_data_copy(Instance *i, Memory *m, uint32_t data, uint64_t dst, uint64_t src,
                      uint64_t n);
unsigned lw_elem_copy(Instance *i, Table *t, uint32_t elem, uint64_t dst, uint64_t src,
                      uint64_t n);
/* Entry k of an element segment, dropped or not. */
uint64_t lw_elem_ref(Instance *i, uint32_t elem, uint32_t k);
/*
** The active segments of a new instance, elements first, in order; each is dropped after
** it was written. LW_TRAP when one is out of bounds: earlier ones stay written.
** `laid_out`: so many bytes of memory 0 already hold its active data (an image).
*/
Status lw_segments_run(Instance *i, size_t laid_out, Err *err);

#endif
