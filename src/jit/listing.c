/*
** listing.c -- what register allocation and emission made of one function, as text.
**
** "ra": each instruction with the places of its result and operands, edits in between;
**       b1:
**         slot0 -> rax                   an edit
**         v5 add rax = rax, #7           #: a constant's bits, in hexadecimal
**         v6 brif - = rax
**         edge b2: rax -> slot1          what an edge moves
** "asm": offset, the instruction it belongs to, bytes; one line an instruction.
** "lines": the same for programs to read: offset, the operator's offset in the module (0:
**       none), number and name of the instruction, bytes in one word.
** Layer: jit.
*/
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "jit/compile.h"
#include "jit/text.h"

static void put_lower(Str *s, const char *name)
{
  for (; *name; name++) {
    char c = (char)tolower((unsigned char)*name);
    lw_str_add(s, &c, 1);
  }
}

static void put_loc(const Func *f, Str *s, Loc l)
{
  if (l == LOC_NONE)
    lw_str_add(s, "-", 1);
  else if (loc_is_reg(l))
    lw_str_fmt(s, "%s", lw_target_reg_name(l));
  else if (loc_is_slot(l))
    lw_str_fmt(s, "slot%u", l - LOC_SLOT0);
  else if (loc_is_out(l))
    lw_str_fmt(s, "out%u", l - LOC_OUT0);
  else
    lw_str_fmt(s, "#%" PRIx64, ir_kon(f, l - LOC_KON0)->bits);
}

static void put_move(const Func *f, Str *s, const Edit *e)
{
  put_loc(f, s, e->from);
  lw_str_add(s, " -> ", 4);
  put_loc(f, s, e->to);
}

static void put_ins(const Compiled *c, Str *s, uint32_t i)
{
  const Alloc *a = &c->alloc.allocs[i];
  lw_str_fmt(s, "  v%u ", i);
  put_lower(s, lw_ir_info[c->f.ins[i].op].text);
  if (c->sel.folded[i]) lw_str_fmt(s, " (folded)");
  if (a->dst != LOC_NONE) {
    lw_str_add(s, " ", 1);
    put_loc(&c->f, s, a->dst);
    lw_str_add(s, " =", 2);
  }
  const char *comma = " ";
  for (unsigned k = 0; k < 3; k++) {
    if (a->use[k] == LOC_NONE) continue;
    lw_str_fmt(s, "%s", comma);
    put_loc(&c->f, s, a->use[k]);
    comma = ", ";
  }
  for (unsigned k = 0; k < 2 && a->temp[k] != LOC_NONE; k++) {
    lw_str_fmt(s, k ? " " : " temp ");
    put_loc(&c->f, s, a->temp[k]);
  }
  lw_str_add(s, "\n", 1);
}

static void put_edges(const Compiled *c, Str *s, const Block *b)
{
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const EdgeEdits *r = &c->alloc.edges[e];
    if (r->count == 0) continue;
    lw_str_fmt(s, "  edge b%u:", c->f.edges[e].to);
    for (uint32_t k = 0; k < r->count; k++) {
      lw_str_fmt(s, k ? ", " : " ");
      put_move(&c->f, s, &c->alloc.edge_edits[r->first + k]);
    }
    lw_str_add(s, "\n", 1);
  }
}

static void put_ra(const Compiled *c, Str *s)
{
  uint32_t edit = 0;
  lw_str_fmt(s, "func %u slots %u out %u spills %u reloads %u moves %u\n", c->f.index,
             c->alloc.nslots, c->alloc.nout, c->alloc.nspills, c->alloc.nreloads,
             c->alloc.nmoves);
  for (uint32_t n = 0; n < c->f.nblocks; n++) {
    const Block *b = &c->f.blocks[n];
    if (!b->reachable) continue;
    lw_str_fmt(s, "b%u:\n", n);
    for (uint32_t i = b->first; i < b->end; i++) {
      for (; edit < c->alloc.nedits && c->alloc.edits[edit].before <= i; edit++) {
        lw_str_add(s, "    ", 4);
        put_move(&c->f, s, &c->alloc.edits[edit]);
        lw_str_add(s, "\n", 1);
      }
      if (c->live.flags[i] & LIVE_NEEDED) put_ins(c, s, i);
    }
    put_edges(c, s, b);
  }
}

static void put_live(const Compiled *c, Str *s)
{
  for (uint32_t i = 0; i < c->f.nins; i++) {
    lw_str_fmt(s, "v%u ", i);
    put_lower(s, lw_ir_info[c->f.ins[i].op].text);
    if ((c->live.flags[i] & LIVE_NEEDED) == 0)
      lw_str_fmt(s, " dead");
    else if (c->live.end[i] != i)
      lw_str_fmt(s, " to %u%s", c->live.end[i],
                 c->live.flags[i] & LIVE_LEAVES_BLOCK ? " leaves" : "");
    lw_str_add(s, "\n", 1);
  }
}

static void put_bytes(const FuncCode *code, Str *s, uint32_t from, uint32_t to)
{
  for (uint32_t i = from; i < to; i++)
    lw_str_fmt(s, " %02x", code->text[i]);
  lw_str_add(s, "\n", 1);
}

static void put_asm(const Compiled *c, Str *s)
{
  const FuncCode *code = &c->code;
  lw_str_fmt(s, "func %u size %u frame %u\n", c->f.index, code->size, code->frame_bytes);
  lw_str_fmt(s, "%04x prologue:", 0);
  put_bytes(code, s, 0, code->ins_at[c->f.blocks[0].first]);
  for (uint32_t i = 0; i < c->f.nins; i++) {
    uint32_t from = code->ins_at[i], to = code->ins_at[i + 1];
    if (from >= to) continue; /* nothing, or not reachable */
    lw_str_fmt(s, "%04x v%u ", from, i);
    put_lower(s, lw_ir_info[c->f.ins[i].op].text);
    lw_str_add(s, ":", 1);
    put_bytes(code, s, from, to);
  }
  uint32_t end = code->ins_at[c->f.nins];
  if (end == code->size) return;
  lw_str_fmt(s, "%04x behind:", end);
  put_bytes(code, s, end, code->size);
}

static void put_line(const Compiled *c, Str *s, uint32_t from, uint32_t to)
{
  for (uint32_t i = from; i < to; i++)
    lw_str_fmt(s, "%02x", c->code.text[i]);
  lw_str_add(s, "\n", 1);
}

/* The operator of the function itself: of what is inlined, the outermost call. */
static uint32_t own_offset(const Func *f, uint32_t where)
{
  uint32_t at, call;
  do {
    at = lw_ir_offset(f, where, &call);
    where = call;
  } while (call);
  return at;
}

static void put_lines(const Compiled *c, Str *s)
{
  const FuncCode *code = &c->code;
  lw_str_fmt(s, "func %u size %u frame %u\n", c->f.index, code->size, code->frame_bytes);
  lw_str_fmt(s, "0 0 prologue ");
  put_line(c, s, 0, code->ins_at[c->f.blocks[0].first]);
  for (uint32_t i = 0; i < c->f.nins; i++) {
    uint32_t from = code->ins_at[i], to = code->ins_at[i + 1];
    if (from >= to) continue;
    lw_str_fmt(s, "%x %x v%u ", from, own_offset(&c->f, c->f.where[i]), i);
    put_lower(s, lw_ir_info[c->f.ins[i].op].text);
    lw_str_add(s, " ", 1);
    put_line(c, s, from, to);
  }
  uint32_t end = code->ins_at[c->f.nins];
  if (end == code->size) return;
  lw_str_fmt(s, "%x 0 behind ", end);
  put_line(c, s, end, code->size);
}

static Status dump(const Module *m, uint32_t func, const char *pass,
                   const CompileOptions *opts, Arena *scratch, Str *s, Err *err)
{
  EmitOptions emit = {
    .explicit_bounds = opts->explicit_bounds, .listing = true, .effort = opts->effort};
  emit.keep_loops = opts->keep_loops;
  emit.fuel = opts->fuel;
  emit.keep_calls = opts->keep_calls;
  Compiled c;
  bool ir = strcmp(pass, "ir") == 0, live = strcmp(pass, "live") == 0;
  bool ra = strcmp(pass, "ra") == 0, text = strcmp(pass, "asm") == 0;
  bool lines = strcmp(pass, "lines") == 0;
  if (!ir && !live && !ra && !text && !lines)
    return lw_fail(err, LW_UNSUPPORTED, ERR_NOWHERE, "no dump is called '%s'", pass);
  TRY(lw_compile_front(m, func, &emit, scratch, &c, err));
  if (ra || text || lines) TRY(lw_compile_back(&emit, scratch, &c, err));
  if (ir) TRY(lw_ir_dump(&c.f, s));
  if (live) put_live(&c, s);
  if (ra) put_ra(&c, s);
  if (text) put_asm(&c, s);
  if (lines) put_lines(&c, s);
  return s->failed ? lw_nomem(err, "dump") : LW_OK;
}

Status lw_image_dump(const Module *m, uint32_t func, const char *pass,
                     const CompileOptions *opts, char **text, Err *err)
{
  Arena scratch = {0};
  Str s = {0};
  Status status = dump(m, func, pass, opts, &scratch, &s, err);
  lw_arena_free(&scratch);
  *text = s.text;
  if (status) {
    lw_str_free(&s);
    *text = NULL;
  }
  return status;
}
