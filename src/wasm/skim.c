/*
** skim.c -- see skim.h.
** Layer: wasm.
*/
#include "wasm/skim.h"

#include "wasm/instr.h"

Status lw_skim_locals(Reader *r, uint64_t features, uint64_t *count)
{
  uint32_t groups, n;
  ValType type;
  *count = 0;
  TRY(lw_leb_u32(r, &groups));
  for (uint32_t i = 0; i < groups; i++) {
    uint64_t at = lw_reader_at(r);
    TRY(lw_leb_u32(r, &n));
    TRY(lw_read_valtype(r, features, &type));
    *count += n;
    if (*count > UINT32_MAX) return lw_fail(r->err, LW_MALFORMED, at, "too many locals");
  }
  return LW_OK;
}

Status lw_skim_body(Reader *r, uint64_t features)
{
  uint64_t count;
  TRY(lw_skim_locals(r, features, &count));
  return lw_instr_skip_expr(r, features);
}
