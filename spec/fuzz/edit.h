/*
** edit.h -- a module taken apart for mutation, and put together again.
**
** Sections are byte ranges; the code section is split into bodies. Whatever is changed,
** lw_edit_join writes sizes and counts that fit, so a mutant is as well-formed as its
** parts are.
** Invariants: all bytes live in the Arena; a section's id may repeat.
** Layer: spec (links with the core).
*/
#ifndef LW_SPEC_EDIT_H
#define LW_SPEC_EDIT_H

#include "base/arena.h"
#include "wasm/module.h"

typedef struct Bytes {
  uint8_t *at;
  size_t size;
} Bytes;

typedef struct Part {
  uint8_t id;  /* section id */
  Bytes bytes; /* contents; unused for the code section */
} Part;

typedef struct ModuleEdit {
  Arena *arena;
  Part *parts;
  uint32_t nparts;
  Bytes *bodies; /* locals and code of each, without the size field */
  uint32_t nbodies;
  int code; /* index of the code section among the parts, or -1 */
} ModuleEdit;

/* False: `bytes` has no sound frame of sections. */
bool lw_edit_split(const uint8_t *bytes, size_t size, Arena *arena, ModuleEdit *out);
/* The whole module again. */
Bytes lw_edit_join(const ModuleEdit *e);
/* `b` with [from, to) replaced by n bytes. */
Bytes lw_edit_splice(Arena *arena, Bytes b, size_t from, size_t to, const uint8_t *with,
                     size_t n);
/* Writes v as LEB128 at p (10 bytes of room); returns its size. */
size_t lw_edit_leb(uint8_t *p, uint64_t v);
size_t lw_edit_sleb(uint8_t *p, int64_t v);

#endif
