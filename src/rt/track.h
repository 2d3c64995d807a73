/*
** track.h -- the contents of a memory at one moment, shared with those of other moments.
**
** A PageMap is a tree of two levels, leaves of 512 pages of 4 KiB; leaves and pages are
** counted and never change, so two maps share all that is equal. NULL is a page of zeros.
** A memory that was looked at once is watched (os.h): the next look copies what was
** written since, and nothing else. Where the system cannot tell, all is compared.
** Layer: rt.
*/
#ifndef LW_TRACK_H
#define LW_TRACK_H

#include "rt/memory.h"

enum { TRACK_PAGE = 4096, TRACK_LEAF = 512 };

typedef struct PageMap PageMap;

/* The contents of the memory now: a reference. LW_NOMEM. */
Status lw_track_look(Memory *m, PageMap **out, Err *err);
/* Make the memory's contents those of `map`, and zeros behind that. Cannot fail. Best
   after lw_track_look, which tells what differs. */
void lw_track_put(Memory *m, PageMap *map);
void lw_track_cut(
  Memory *m); /* it has become shorter: what lay behind is watched no more */
void lw_track_free(Memory *m); /* its pages are about to go */

PageMap *lw_pages_ref(PageMap *map);
void lw_pages_unref(PageMap *map);
uint64_t lw_pages_length(const PageMap *map); /* bytes */
/* Bytes of page `n` (0-based), NULL for zeros. */
const uint8_t *lw_pages_at(const PageMap *map, uint64_t n);
/* Pages that are not zero, and those of them that no other map has. */
void lw_pages_count(const PageMap *map, uint64_t *used, uint64_t *own);

/* Building one: zeros of that length, then pages in any order. NULL or false: no memory.
 */
PageMap *lw_pages_new(uint64_t length);
bool lw_pages_set(PageMap *map, uint64_t n, const uint8_t *bytes);

#endif
