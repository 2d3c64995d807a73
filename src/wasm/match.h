/*
** match.h -- subtypes and equality of the types of one module.
**
** Types are iso-recursive (standard, section 3.3): two definitions are equal when their
** recursion groups are, position by position, with indexes into the group taken relative
** to its start. TypeDef.canon, set by lw_types_check, names the first equal one, so that
** equality is one comparison and a subtype test a walk of at most LIMIT_SUPERTYPES steps.
** Layer: wasm.
*/
#ifndef LW_MATCH_H
#define LW_MATCH_H

#include "wasm/module.h"

/* Check the type section of a decoded module and set canon and depth. */
Status lw_types_check(Module *m, Arena *scratch, Err *err);
/* LW_INVALID "unknown type 7" if a reference type names one that is not there. */
Status lw_type_known(const Module *m, ValType t, uint64_t at, Err *err);
/* Is it a function type? "unknown type 7", or that it is none. */
Status lw_type_is_func(const Module *m, uint32_t typeidx, uint64_t at, Err *err);

/* Is `a` equal to `b` or a subtype? VAL_NONE, the type of anything, is below all. */
bool lw_match_slow(const Module *m, ValType a, ValType b);
static inline bool lw_match(const Module *m, ValType a, ValType b)
{
  return a == b || a == VAL_NONE || lw_match_slow(m, a, b);
}
bool lw_match_heap(const Module *m, uint32_t a, uint32_t b);
/* The top of the hierarchy that a heap type belongs to: func, extern, any or exn. */
uint32_t lw_match_top(const Module *m, uint32_t heap);

/*
** A recursion group as words: equal words are equal groups. `first` is its first type;
** ids[t] is what a type before it is called; without `ids` indexes are such names already
** and the group names no type of its own. Types inside it are GROUP_RELATIVE + their
** position. lw_group_words is the number of words.
*/
enum { GROUP_RELATIVE = 0x800000 };
size_t lw_group_words(const TypeDef *first);
void lw_group_key(const TypeDef *first, const uint32_t *ids, uint32_t *out);

#endif
