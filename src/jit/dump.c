/*
** dump.c -- IR as text; text.h has the contract, and this is the form:
**
**   func 3 (i32, i32) -> i32
**   slot 5 i64                                 local 5 lives in a frame slot
**   b0:
**     v0 = arg.i32 0                         @0x24
**     v1 = arg.i32 1                         @0x24
**     v2 = add.i32 v0, 7                     @0x29
**     brif v2, b1(v0), b2                    @0x2b
**   b1(v4.i32):                              @0x2d
**     v5 = load8u.i32 v4, 16                 @0x2d
**     v6 = call.i32 12(v5, i64 -1)           @0x32
**     brtable v6, 0 1 0, b3(v6), b2          @0x36
**
** A value is named by its number among the instructions. `.type` is Ins.type. Constants
** are written where they are used: i32 plain and signed, i64, f32 and f64 behind their
** type, floats in hexadecimal so that every bit comes back. brtable lists edge numbers,
** the default last, then the edges. [n] behind the type: the memory of an access, the
** trap kind of table_get. @ is Func.where.
** Layer: jit.
*/
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "jit/helper.h"
#include "jit/text.h"
#include "jit/trap.h"
#include "wasm/ops.h"

enum { WHERE_COLUMN = 42 };

static const char *kind_text(uint32_t kind)
{
  static const char *const text[] = {"none", "i32", "i64", "f32", "f64", "v128", "ref"};
  return kind < sizeof text / sizeof *text ? text[kind] : "?";
}

/* The C name of a table in lower case. */
static void put_lower(Str *s, const char *name)
{
  for (; *name; name++) {
    char c = (char)tolower((unsigned char)*name);
    lw_str_add(s, &c, 1);
  }
}

/* printf's %a depends on the locale and on the C library; this is always the same. */
static void put_float(Str *s, uint64_t bits, unsigned fraction_bits, unsigned exp_bits)
{
  uint64_t fraction = bits & ((UINT64_C(1) << fraction_bits) - 1);
  int max = (1 << exp_bits) - 1, bias = max / 2;
  int e = (int)(bits >> fraction_bits & (unsigned)max);
  if (bits >> (fraction_bits + exp_bits) & 1) lw_str_add(s, "-", 1);
  if (e == max) {
    if (fraction)
      lw_str_fmt(s, "nan:0x%" PRIx64, fraction);
    else
      lw_str_add(s, "inf", 3);
    return;
  }
  unsigned digits = (fraction_bits + 3) / 4;
  fraction <<= digits * 4 - fraction_bits;
  for (; digits > 0 && (fraction & 15) == 0; digits--)
    fraction >>= 4;
  lw_str_fmt(s, "0x%d", e != 0);
  if (digits > 0) lw_str_fmt(s, ".%0*" PRIx64, (int)digits, fraction);
  lw_str_fmt(s, "p%+d", e ? e - bias : fraction ? 1 - bias : 0);
}

static void put_kon(Str *s, const Kon *k)
{
  switch (k->type) {
  case VAL_I32: lw_str_fmt(s, "%" PRId32, (int32_t)(uint32_t)k->bits); return;
  case VAL_I64: lw_str_fmt(s, "i64 %" PRId64, (int64_t)k->bits); return;
  case VAL_F32:
    lw_str_add(s, "f32 ", 4);
    put_float(s, k->bits, 23, 8);
    return;
  case VAL_F64:
    lw_str_add(s, "f64 ", 4);
    put_float(s, k->bits, 52, 11);
    return;
  case VAL_V128: lw_str_fmt(s, "x128 0x%" PRIx64 ":0x%" PRIx64, k->high, k->bits); return;
  default: assert(k->type == VAL_REF && k->bits == 0); lw_str_add(s, "null", 4);
  }
}

static void put_ref(const Func *f, Str *s, Ref r)
{
  if (ref_is_kon(r))
    put_kon(s, ir_kon(f, r));
  else
    lw_str_fmt(s, "v%u", r - REF_BIAS);
}

static void put_run(const Func *f, Str *s, uint32_t at, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    if (i > 0) lw_str_add(s, ", ", 2);
    put_ref(f, s, f->pool[at + i]);
  }
}

static void put_edge(const Func *f, Str *s, uint32_t e)
{
  const Edge *edge = &f->edges[e];
  uint32_t n = f->blocks[edge->to].nparams;
  lw_str_fmt(s, "b%u", edge->to);
  if (n == 0) return;
  lw_str_add(s, "(", 1);
  put_run(f, s, edge->args, n);
  lw_str_add(s, ")", 1);
}

/* "load8u.i32[1]": operation, type and aux */
static void put_op(Str *s, const Ins *ins)
{
  uint32_t aux = ins->aux;
  put_lower(s, lw_ir_info[ins->op].text);
  if (ins->op >= IR_VEC1 && ins->op <= IR_VEC3) { /* "vec2.i8x16.add" */
    lw_str_fmt(s, ".%s", lw_op_info[aux].text);
    return;
  }
  if (ins->op == IR_LOAD || ins->op == IR_STORE) {
    assert((aux & 0xff) < MEM__MAX);
    lw_str_fmt(s, "%s", lw_mem_text[aux & 0xff]);
    aux >>= 8;
  }
  if (ins->type != VAL_NONE) lw_str_fmt(s, ".%s", kind_text(ins->type));
  if (aux) lw_str_fmt(s, "[%u]", aux);
}

static void put_table(const Func *f, Str *s, const Block *b, const Ins *ins)
{
  put_ref(f, s, ins->a);
  lw_str_add(s, ",", 1);
  for (uint32_t i = 0; i <= ins->c; i++)
    lw_str_fmt(s, " %u", f->pool[ins->b + i] - b->edges);
  for (uint32_t e = 0; e < b->nedges; e++) {
    lw_str_add(s, ", ", 2);
    put_edge(f, s, b->edges + e);
  }
}

static void put_operands(const Func *f, Str *s, const Block *b, const Ins *ins)
{
  const char *comma = "";
  switch (ins->op) {
  case IR_TRAP: put_lower(s, lw_trap_name(ins->a)); return;
  case IR_RETURN: put_run(f, s, ins->b, ins->c); return;
  case IR_BRTABLE: put_table(f, s, b, ins); return;
  case IR_CALL:
  case IR_TAIL_CALL: lw_str_fmt(s, "%u(", ins->a); break;
  case IR_HELPER: lw_str_fmt(s, "%s(", lw_helper_info[ins->a].name); break;
  case IR_CALL_CELL:
  case IR_TAIL_CELL:
    put_ref(f, s, ins->a);
    lw_str_fmt(s, ", %u(", ins->c);
    break;
  default:
    for (int k = 0; k < 3; k++) {
      uint32_t operand = k == 0 ? ins->a : k == 1 ? ins->b : ins->c;
      char arg = lw_ir_info[ins->op].args[k];
      if (arg == '-') continue;
      lw_str_fmt(s, "%s", comma);
      comma = ", ";
      if (arg == 'v' || arg == 'r')
        put_ref(f, s, operand);
      else if (arg == 'e')
        put_edge(f, s, operand);
      else
        lw_str_fmt(s, "%u", operand);
    }
    return;
  }
  put_run(f, s, ins->b, lw_ir_nargs(f, ins));
  lw_str_add(s, ")", 1);
}

/* Ends the line that began at `start` with its place in the module. */
static void put_where(const Func *f, Str *s, size_t start, uint32_t where)
{
  size_t width = s->len - start;
  int space = width < WHERE_COLUMN ? (int)(WHERE_COLUMN - width) : 1;
  lw_str_fmt(s, "%*s@0x%x", space, "", lw_ir_offset(f, where, &where));
  while (where)
    lw_str_fmt(s, " in 0x%x", lw_ir_offset(f, where, &where));
  lw_str_add(s, "\n", 1);
}

static void put_block(const Func *f, Str *s, uint32_t block)
{
  const Block *b = &f->blocks[block];
  size_t start = s->len;
  lw_str_fmt(s, "b%u", block);
  for (uint32_t i = 0; i < b->nparams; i++)
    lw_str_fmt(s, "%sv%u.%s", i == 0 ? "(" : ", ", b->first + i,
               kind_text(f->ins[b->first + i].type));
  lw_str_fmt(s, b->nparams ? "):" : ":");
  if (b->nparams)
    put_where(f, s, start, f->where[b->first]);
  else
    lw_str_add(s, "\n", 1);
  for (uint32_t i = b->first + b->nparams; i < b->end; i++) {
    const Ins *ins = &f->ins[i];
    start = s->len;
    lw_str_add(s, "  ", 2);
    if (lw_ir_has_result(ins)) lw_str_fmt(s, "v%u = ", i);
    put_op(s, ins);
    if (strcmp(lw_ir_info[ins->op].args, "---") != 0) lw_str_add(s, " ", 1);
    put_operands(f, s, b, ins);
    put_where(f, s, start, f->where[i]);
  }
}

Status lw_ir_dump(const Func *f, Str *out)
{
  char type[1024];
  lw_str_fmt(out, "func %u %s\n", f->index, lw_functype_text(f->type, type, sizeof type));
  for (uint32_t i = 0; i < f->nslots_local; i++)
    if (f->slot_types[i] != VAL_NONE)
      lw_str_fmt(out, "slot %u %s\n", i, kind_text(f->slot_types[i]));
  for (uint32_t block = 0; block < f->nblocks; block++)
    put_block(f, out, block);
  return out->failed ? LW_NOMEM : LW_OK;
}
