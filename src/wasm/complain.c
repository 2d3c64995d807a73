/*
** complain.c -- see complain.h.
** Layer: wasm.
*/
#include "wasm/complain.h"

#include <assert.h>
#include <stdio.h>

#include "wasm/leb.h"
#include "wasm/limits.h"

enum { TEXT_MAX = 64 };

Status lw_bad_operand(Opcode op, ValType want, ValType got, uint64_t at, Err *err)
{
  char want_text[TEXT_MAX], got_text[TEXT_MAX] = "";
  assert(op < OP__MAX);
  if (got != VAL_NONE) lw_val_text(got, got_text, TEXT_MAX);
  return lw_fail(err, LW_INVALID, at,
                 "type mismatch: instruction requires [%s] but stack has [%s]: %s",
                 lw_val_text(want, want_text, TEXT_MAX), got_text, lw_op_info[op].text);
}

Status lw_bad_type(Opcode op, const char *why, uint64_t at, Err *err)
{
  assert(op < OP__MAX);
  return lw_fail(err, LW_INVALID, at, "type mismatch: %s: %s", lw_op_info[op].text, why);
}

/* "i32 f64", the last ones of many behind dots. */
static void list_types(char *buf, size_t cap, const ValType *types, uint32_t n)
{
  enum { SHOWN = 6 };
  char one[TEXT_MAX];
  size_t len = 0;
  buf[0] = '\0';
  for (uint32_t i = n > SHOWN ? n - SHOWN : 0; i < n && len < cap; i++) {
    const char *before = i == 0 ? "" : i + SHOWN == n ? "... " : " ";
    int put = snprintf(buf + len, cap - len, "%s%s", before,
                       lw_val_text(types[i], one, sizeof one));
    len += put > 0 ? (size_t)put : 0;
  }
}

Status lw_bad_height(Opcode op, const ValType *extra, uint32_t n, uint64_t at, Err *err)
{
  char text[160];
  assert(n > 0);
  list_types(text, sizeof text, extra, n);
  return lw_fail(err, LW_INVALID, at,
                 "type mismatch: block requires [] but stack has [%s]: at the end of %s",
                 text, lw_op_info[op].text);
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

Status lw_bad_matches(uint64_t at, Err *err)
{
  return lw_fail(
    err, LW_LIMIT, at,
    "too many operands of other types than wanted, the limit is %d and %d for "
    "each byte of code",
    LIMIT_MATCHES, LIMIT_MATCHES_PER_BYTE);
}
