/*
** texts.h -- whose machine code lies where: from a pc to a function, for traces.
**
** A sorted array of ranges, under LOCK_CODES. A range is all of an image, the thunks of
** a lazy one, or a chunk that its functions were placed in as they came.
** Layer: rt.
*/
#ifndef LW_TEXTS_H
#define LW_TEXTS_H

#include "rt/code.h"

struct Chunk;
struct GdbObject;
typedef struct TextRange {
  const uint8_t *at;
  size_t size;
  Code *code;
  const CodeImage *image;
  const struct Chunk *chunk; /* lazy; NULL: thunks, or an image as a whole */
  struct GdbObject *gdb;     /* symbols.h: what a debugger was told of it */
} TextRange;

/* All of these with LOCK_CODES held. False: no memory. */
bool lw_texts_add(const TextRange *range);
void lw_texts_remove(const uint8_t *at);
const TextRange *lw_texts_find(const void *pc); /* NULL: nobody's */
/* How often text has gone so far: until it does again, a pc that was looked up stands for
   the same function. Without the lock. */
uint32_t lw_texts_gone(void);
uint64_t lw_texts_bytes(void);
const TextRange *lw_texts_nth(size_t n); /* by address; NULL: there are no more */
struct GdbObject **lw_texts_gdb(const TextRange *range); /* its list, to be changed */
void lw_texts_forget_gdb(void);                          /* of all of them */

#endif
