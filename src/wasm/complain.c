/*
** complain.c -- see complain.h.
** Layer: wasm.
*/
#include "wasm/complain.h"

#include <assert.h>

#include "wasm/leb.h"

enum { TEXT_MAX = 64 };

Status lw_bad_operand(Opcode op, ValType want, ValType got, uint64_t at, Err *err)
{
  char want_text[TEXT_MAX], got_text[TEXT_MAX];
  assert(op < OP__MAX);
  return lw_fail(err, LW_INVALID, at, "type mismatch: %s wants %s but got %s",
                 lw_op_info[op].text, lw_val_text(want, want_text, TEXT_MAX),
                 got == VAL_NONE ? "nothing" : lw_val_text(got, got_text, TEXT_MAX));
}

Status lw_bad_type(Opcode op, const char *why, uint64_t at, Err *err)
{
  assert(op < OP__MAX);
  return lw_fail(err, LW_INVALID, at, "type mismatch: %s: %s", lw_op_info[op].text, why);
}

Status lw_bad_height(Opcode op, uint32_t extra, uint64_t at, Err *err)
{
  assert(extra > 0);
  return lw_fail(err, LW_INVALID, at,
                 "type mismatch: %u value%s left over at the end of %s", extra,
                 extra == 1 ? "" : "s", lw_op_info[op].text);
}

Status lw_bad_index(const char *space, uint64_t index, uint64_t at, Err *err)
{
  return lw_fail(err, LW_INVALID, at, "unknown %s %llu", space,
                 (unsigned long long)index);
}

Status lw_bad_body_end(const Module *m, Span body, Err *err)
{
  uint64_t end = (uint64_t)body.at + body.size;
  uint64_t code_end = (uint64_t)m->code.at + m->code.size;
  assert(end <= code_end && code_end <= m->size);
  const char *why = end < code_end       ? "END opcode expected: the function has no end"
                    : code_end < m->size ? "section size mismatch: the last function has "
                                           "no end"
                                         : TEXT_END;
  return lw_fail(err, LW_MALFORMED, end, "%s", why);
}

Status lw_bad_else(uint64_t at, Err *err)
{
  return lw_fail(err, LW_MALFORMED, at, "END opcode expected: else outside an if");
}
