/*
** parse.c -- IR text back to a Func; dump.c shows the form.
**
** Two walks over the lines: the first gives every definition its number, so that the
** second can read back edges, whose arguments are defined further down. What the text can
** get wrong about this form is an error here; what it can get wrong about IR (types,
** dominance) is left to lw_ir_verify, but every number that is used as an index on the
** way there is checked. `;` begins a comment. The names of values need not be their
** numbers.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "jit/helper.h"
#include "jit/make.h"
#include "jit/text.h"
#include "jit/trap.h"
#include "wasm/limits.h"
#include "wasm/ops.h"

enum { MAX_RUN = 65536 }; /* entries of one list: br_table's limit */

typedef struct Parser {
  Func *f;
  KonTable kons;
  const char *p; /* next character */
  uint32_t line; /* from 1 */
  Ref *names;    /* value number in the text -> Ref */
  uint32_t nnames;
  bool open;      /* inside a block */
  uint32_t *list; /* MAX_RUN entries of scratch */
  Err *err;
} Parser;

/* ---- characters and words ---- */

static Status bad(const Parser *p, const char *what)
{
  lw_fail(p->err, LW_MALFORMED, ERR_NOWHERE, "IR text, line %u: %s", p->line, what);
  return LW_MALFORMED; /* what lw_fail returned, but compilers see that it is not LW_OK */
}

static void skip_blanks(Parser *p)
{
  while (*p->p == ' ' || *p->p == '\t' || *p->p == '\r')
    p->p++;
  if (*p->p == ';')
    while (*p->p && *p->p != '\n')
      p->p++;
}

static bool at_line_end(Parser *p)
{
  skip_blanks(p);
  return *p->p == '\n' || *p->p == '\0';
}

static void next_line(Parser *p)
{
  while (*p->p && *p->p != '\n')
    p->p++;
  if (*p->p) p->p++;
  p->line++;
}

/* Takes `text` if it comes next. */
static bool accept(Parser *p, const char *text)
{
  skip_blanks(p);
  size_t n = strlen(text);
  if (strncmp(p->p, text, n) != 0) return false;
  p->p += n;
  return true;
}

static Status expect(Parser *p, const char *text)
{
  if (accept(p, text)) return LW_OK;
  char what[32] = "expected ";
  strncat(what, text, sizeof what - sizeof "expected ");
  return bad(p, what);
}

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Letters, digits and _: a name or keyword; *len is 0 when none comes next. */
static const char *word(Parser *p, size_t *len)
{
  skip_blanks(p);
  const char *start = p->p;
  while (is_digit(*p->p) || *p->p == '_' || (*p->p >= 'a' && *p->p <= 'z'))
    p->p++;
  *len = (size_t)(p->p - start);
  return start;
}

static bool word_is(const char *w, size_t len, const char *name)
{
  return strlen(name) == len && strncasecmp(w, name, len) == 0;
}

static Status decimal(Parser *p, uint64_t *out)
{
  skip_blanks(p);
  if (!is_digit(*p->p)) return bad(p, "expected a number");
  uint64_t v = 0;
  for (; is_digit(*p->p); p->p++) {
    uint64_t digit = (uint64_t)(*p->p - '0');
    if (v > (UINT64_MAX - digit) / 10) return bad(p, "number too large");
    v = v * 10 + digit;
  }
  *out = v;
  return LW_OK;
}

static Status number(Parser *p, uint32_t *out)
{
  uint64_t v;
  TRY(decimal(p, &v));
  if (v > UINT32_MAX) return bad(p, "number too large");
  *out = (uint32_t)v;
  return LW_OK;
}

/* Hexadecimal digits behind 0x; *n is how many. */
static Status hexadecimal(Parser *p, uint64_t *out, unsigned *n)
{
  *out = 0;
  for (*n = 0; hex_digit(*p->p) >= 0; p->p++, ++*n) {
    if (*n == 16) return bad(p, "number too large");
    *out = *out << 4 | (unsigned)hex_digit(*p->p);
  }
  return *n ? LW_OK : bad(p, "expected hexadecimal digits");
}

/* ---- constants ---- */

/* The inverse of put_float in dump.c. */
static Status floating(Parser *p, unsigned fraction_bits, unsigned exp_bits,
                       uint64_t *out)
{
  uint64_t sign = accept(p, "-"), fraction = 0, e, max = (1u << exp_bits) - 1,
           bias = max / 2;
  unsigned n = 0, digits = (fraction_bits + 3) / 4;
  if (accept(p, "inf")) {
    e = max;
  } else if (accept(p, "nan:0x")) {
    TRY(hexadecimal(p, &fraction, &n));
    e = max;
    if (fraction == 0 || fraction >> fraction_bits) return bad(p, "not a NaN payload");
  } else {
    bool normal = accept(p, "0x1");
    if (!normal) TRY(expect(p, "0x0"));
    if (*p->p == '.') {
      p->p++;
      TRY(hexadecimal(p, &fraction, &n));
      if (n > digits) return bad(p, "too many digits");
      fraction <<= (digits - n) * 4;
      if (fraction & ((1u << (digits * 4 - fraction_bits)) - 1))
        return bad(p, "too many digits");
      fraction >>= digits * 4 - fraction_bits;
    }
    TRY(expect(p, "p"));
    bool negative = accept(p, "-");
    if (!negative) TRY(expect(p, "+"));
    TRY(decimal(p, &e));
    if (e > bias) return bad(p, "exponent out of range");
    e = normal ? (negative ? bias - e : bias + e) : 0;
    if (normal && e == 0) return bad(p, "exponent out of range");
  }
  *out = ((sign << exp_bits | e) << fraction_bits) | fraction;
  return LW_OK;
}

static Status integer(Parser *p, uint64_t *out)
{
  bool negative = accept(p, "-");
  TRY(decimal(p, out));
  if (negative) *out = 0 - *out;
  return LW_OK;
}

/* "0x1:0x2": high and low half. */
static Status wide_kon(Parser *p, Ref *out)
{
  uint64_t high, low;
  unsigned n;
  TRY(expect(p, "0x"));
  TRY(hexadecimal(p, &high, &n));
  TRY(expect(p, ":0x"));
  TRY(hexadecimal(p, &low, &n));
  return lw_make_wide_kon(p->f, &p->kons, low, high, out, p->err);
}

static Status kon(Parser *p, Ref *out)
{
  uint8_t type = VAL_I32;
  uint64_t bits = 0;
  if (accept(p, "x128 ")) return wide_kon(p, out);
  if (accept(p, "null")) {
    type = VAL_REF;
  } else if (accept(p, "i64 ")) {
    type = VAL_I64;
    TRY(integer(p, &bits));
  } else if (accept(p, "f32 ")) {
    type = VAL_F32;
    TRY(floating(p, 23, 8, &bits));
  } else if (accept(p, "f64 ")) {
    type = VAL_F64;
    TRY(floating(p, 52, 11, &bits));
  } else {
    TRY(integer(p, &bits));
    if (bits > UINT32_MAX && bits < (uint64_t)INT64_MIN + INT32_MAX)
      return bad(p, "number too large");
    bits &= UINT32_MAX;
  }
  return lw_make_kon(p->f, &p->kons, type, bits, out, p->err);
}

/* ---- operands ---- */

static Status ref(Parser *p, Ref *out)
{
  if (!accept(p, "v")) return kon(p, out);
  uint32_t n;
  TRY(number(p, &n));
  if (n >= p->nnames || p->names[n] == REF_NONE)
    return bad(p, "a value that is never defined");
  *out = p->names[n];
  return LW_OK;
}

/* Refs separated by commas up to `stop` (NULL: up to the line's end or @), into a new run
   of the pool. An edge's run has its length before it, for check_edges. */
static Status run(Parser *p, const char *stop, bool counted, uint32_t *at, uint32_t *n)
{
  *n = 0;
  while (stop ? !accept(p, stop) : !at_line_end(p) && *p->p != '@') {
    if (*n > 0) TRY(expect(p, ","));
    if (*n == MAX_RUN) return bad(p, "too many values");
    TRY(ref(p, &p->list[(*n)++]));
  }
  TRY(lw_make_pool(p->f, *n + counted, p->err));
  if (counted) p->f->pool[p->f->npool++] = *n;
  *at = p->f->npool;
  memcpy(p->f->pool + *at, p->list, *n * sizeof *p->list);
  p->f->npool += *n;
  return LW_OK;
}

static Status edge(Parser *p, uint32_t *out)
{
  uint32_t to, args, n = 0;
  TRY(expect(p, "b"));
  TRY(number(p, &to));
  if (accept(p, "(")) {
    TRY(run(p, ")", true, &args, &n));
  } else {
    TRY(lw_make_pool(p->f, 1, p->err));
    p->f->pool[p->f->npool++] = 0;
    args = p->f->npool;
  }
  return lw_make_edge(p->f, to, args, out, p->err);
}

/* "v6, 0 1 0, b3(v6), b2" */
static Status table(Parser *p, Ins *ins)
{
  Func *f = p->f;
  uint32_t n = 0, ignored;
  TRY(ref(p, &ins->a));
  TRY(expect(p, ","));
  for (; !accept(p, ","); n++) {
    if (n == MAX_RUN) return bad(p, "too many entries");
    TRY(number(p, &p->list[n]));
  }
  if (n == 0) return bad(p, "expected the number of an edge");
  TRY(lw_make_pool(f, n, p->err));
  ins->b = f->npool;
  ins->c = n - 1;
  memcpy(f->pool + f->npool, p->list, n * sizeof *p->list);
  f->npool += n;
  do
    TRY(edge(p, &ignored));
  while (accept(p, ","));
  const Block *b = &f->blocks[f->nblocks - 1];
  for (uint32_t i = 0; i < n; i++) {
    if (f->pool[ins->b + i] >= b->nedges) return bad(p, "an edge that is not there");
    f->pool[ins->b + i] += b->edges;
  }
  return LW_OK;
}

static Status call(Parser *p, Ins *ins)
{
  const Module *m = p->f->module;
  uint32_t n;
  if (ins->op == IR_CALL || ins->op == IR_TAIL_CALL) {
    TRY(number(p, &ins->a));
    if (ins->a >= m->nfuncs) return bad(p, "unknown function");
    ins->c = m->funcs[ins->a].type;
  } else {
    TRY(ref(p, &ins->a));
    TRY(expect(p, ","));
    TRY(number(p, &ins->c));
    if (ins->c >= m->ntypes) return bad(p, "unknown type");
  }
  if (m->types[ins->c].kind != TYPE_FUNC) return bad(p, "not the type of a function");
  TRY(expect(p, "("));
  TRY(run(p, ")", false, &ins->b, &n));
  return n == lw_module_signature(m, ins->c)->nparams
           ? LW_OK
           : bad(p, "wrong number of arguments");
}

static Status helper(Parser *p, Ins *ins)
{
  size_t len;
  const char *w = word(p, &len);
  while (ins->a < HELPER__MAX && !word_is(w, len, lw_helper_info[ins->a].name))
    ins->a++;
  if (ins->a == HELPER__MAX) return bad(p, "unknown helper");
  TRY(expect(p, "("));
  TRY(run(p, ")", false, &ins->b, &ins->c));
  return ins->c == lw_helper_info[ins->a].nargs ? LW_OK
                                                : bad(p, "wrong number of arguments");
}

static Status trap(Parser *p, Ins *ins)
{
  size_t len;
  const char *w = word(p, &len);
  while (ins->a < TRAP__MAX && !word_is(w, len, lw_trap_name(ins->a)))
    ins->a++;
  return ins->a < TRAP__MAX ? LW_OK : bad(p, "unknown trap");
}

static Status operands(Parser *p, Ins *ins)
{
  switch (ins->op) {
  case IR_TRAP: return trap(p, ins);
  case IR_RETURN: return run(p, NULL, false, &ins->b, &ins->c);
  case IR_BRTABLE: return table(p, ins);
  case IR_CALL:
  case IR_CALL_CELL:
  case IR_TAIL_CALL:
  case IR_TAIL_CELL: return call(p, ins);
  case IR_HELPER: return helper(p, ins);
  default: break;
  }
  uint32_t *operand[3] = {&ins->a, &ins->b, &ins->c};
  bool first = true;
  for (int k = 0; k < 3; k++) {
    char arg = lw_ir_info[ins->op].args[k];
    if (arg == '-') continue;
    if (!first) TRY(expect(p, ","));
    first = false;
    if (arg == 'v' || arg == 'r')
      TRY(ref(p, operand[k]));
    else if (arg == 'e')
      TRY(edge(p, operand[k]));
    else
      TRY(number(p, operand[k]));
  }
  return LW_OK;
}

/* ---- lines ---- */

static Status kind(Parser *p, uint8_t *out)
{
  static const char *const names[] = {"i32", "i64", "f32", "f64", "v128", "ref"};
  _Static_assert(VAL_I32 == 1 && VAL_REF == 6, "the order of names");
  size_t len;
  const char *w = word(p, &len);
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (word_is(w, len, names[i])) {
      *out = (uint8_t)(i + 1);
      return LW_OK;
    }
  return bad(p, "expected a type");
}

/* ".i8x16.add", a vector operator of the standard, whose signature says the type. */
static Status vector(Parser *p, Ins *ins)
{
  size_t len;
  TRY(expect(p, "."));
  const char *w = word(p, &len);
  if (accept(p, ".")) {
    size_t more;
    word(p, &more);
    len += more + 1;
  }
  for (unsigned op = OP_V128_LOAD; op <= OP_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S; op++) {
    const SigInfo *sig = &lw_sig_info[lw_op_info[op].sig];
    if (!word_is(w, len, lw_op_info[op].text) || sig->npush != 1) continue;
    ins->aux = (uint16_t)op;
    ins->type = sig->push[0];
    return LW_OK;
  }
  return bad(p, "unknown vector operator");
}

/* "load8u.i32[1]" */
static Status operation(Parser *p, Ins *ins)
{
  size_t len, stem;
  const char *w = word(p, &len);
  bool found = false;
  for (unsigned op = 0; op < IR__MAX && !found; op++) {
    if (op == IR_PARAM) continue;
    if (op != IR_LOAD && op != IR_STORE) {
      found = word_is(w, len, lw_ir_info[op].text);
    } else {
      stem = strlen(lw_ir_info[op].text);
      if (len <= stem || !word_is(w, stem, lw_ir_info[op].text)) continue;
      for (ins->aux = 0; ins->aux < MEM__MAX && !found; ins->aux++)
        found = word_is(w + stem, len - stem, lw_mem_text[ins->aux]);
      ins->aux = (uint16_t)(found ? ins->aux - 1 : 0); /* "load_lane" is no load */
    }
    if (found) ins->op = (uint8_t)op;
  }
  if (!found) return bad(p, "unknown operation");
  if (ins->op >= IR_VEC1 && ins->op <= IR_VEC3) return vector(p, ins);
  if (accept(p, ".")) TRY(kind(p, &ins->type));
  if (accept(p, "[")) {
    uint32_t n;
    TRY(number(p, &n));
    TRY(expect(p, "]"));
    if (n > (ins->op == IR_LOAD || ins->op == IR_STORE ? UINT8_MAX : UINT16_MAX))
      return bad(p, "number too large");
    ins->aux |= (uint16_t)(ins->op == IR_LOAD || ins->op == IR_STORE ? n << 8 : n);
  }
  return LW_OK;
}

static Status offset(Parser *p, uint32_t *out)
{
  uint64_t v = 0;
  unsigned n;
  TRY(expect(p, "0x"));
  TRY(hexadecimal(p, &v, &n));
  if (v >= WHERE_INLINED) return bad(p, "number too large");
  *out = (uint32_t)v;
  return LW_OK;
}

/* The "@0x2d" that may end a line, or "@0x2d in 0x51": inlined at a call. */
static Status where(Parser *p, uint32_t *out)
{
  uint32_t at[PLACES] = {0}, n = 0;
  if (accept(p, "@")) do {
      if (n == PLACES) return bad(p, "too many calls");
      TRY(offset(p, &at[n++]));
    } while (accept(p, "in"));
  *out = n > 0 ? at[--n] : 0;
  while (n > 0) {
    if (*out == 0) return bad(p, "no call is there");
    TRY(lw_make_inlined(p->f, *out, at[--n], 1, out, p->err));
  }
  return at_line_end(p) ? LW_OK : bad(p, "unexpected text at the end of the line");
}

static Status add(Parser *p, Ins ins, bool named, uint32_t name, uint32_t at)
{
  Ref r;
  TRY(lw_make_ins(p->f, ins, at, &r, p->err));
  assert(!named || p->names[name] == r); /* both walks see the same definitions */
  (void)named, (void)name;
  return LW_OK;
}

/* "b1(v4.i32, v5.i64):" behind the b */
static Status block_line(Parser *p)
{
  uint32_t n, block, at, first = p->f->nins;
  if (p->open) return bad(p, "the block before has no end");
  TRY(number(p, &n));
  if (n != p->f->nblocks) return bad(p, "blocks are numbered in order from 0");
  TRY(lw_make_block(p->f, &block, p->err));
  p->open = true;
  bool more = accept(p, "(");
  while (more) {
    Ins ins = {.op = IR_PARAM};
    uint32_t name;
    TRY(expect(p, "v"));
    TRY(number(p, &name));
    TRY(expect(p, "."));
    TRY(kind(p, &ins.type));
    TRY(add(p, ins, true, name, 0));
    p->f->blocks[block].nparams++;
    more = accept(p, ",");
    if (!more) TRY(expect(p, ")"));
  }
  TRY(expect(p, ":"));
  TRY(where(p, &at));
  for (uint32_t i = first; i < p->f->nins; i++)
    p->f->where[i] = at;
  return LW_OK;
}

static Status ins_line(Parser *p)
{
  Ins ins = {0};
  uint32_t name = 0, at;
  bool named = accept(p, "v") && is_digit(*p->p);
  if (named) {
    TRY(number(p, &name));
    TRY(expect(p, "="));
  }
  if (!p->open) return bad(p, "an instruction outside a block");
  TRY(operation(p, &ins));
  if (named != lw_ir_has_result(&ins))
    return bad(p, named ? "this has no result" : "expected a value for the result");
  TRY(operands(p, &ins));
  TRY(where(p, &at));
  TRY(add(p, ins, named, name, at));
  if (lw_ir_info[ins.op].flags & IRF_E) {
    p->f->blocks[p->f->nblocks - 1].end = p->f->nins;
    p->open = false;
  }
  return LW_OK;
}

/* "func 3 (...) -> ..." and "slot 5 i64" lines: the head. */
static Status head(Parser *p)
{
  uint32_t n;
  Func *f = p->f;
  while (at_line_end(p) && *p->p)
    next_line(p);
  TRY(expect(p, "func"));
  TRY(number(p, &n));
  if (n != f->index) return bad(p, "another function");
  for (next_line(p); *p->p; next_line(p)) {
    if (at_line_end(p)) continue;
    if (!accept(p, "slot ")) break;
    TRY(number(p, &n));
    if (n >= MAX_RUN) return bad(p, "number too large");
    if (!f->slot_types) f->slot_types = ARENA_ARR(f->arena, uint8_t, MAX_RUN);
    if (!f->slot_types) return lw_nomem(p->err, "IR text");
    TRY(kind(p, &f->slot_types[n]));
    if (n >= f->nslots_local) f->nslots_local = n + 1;
    if (!at_line_end(p)) return bad(p, "unexpected text at the end of the line");
  }
  return LW_OK;
}

/* One definition: the next number. */
static Status name_value(Parser *p, uint32_t *count)
{
  uint32_t n;
  TRY(number(p, &n));
  if (n >= p->nnames) return bad(p, "the number of a value is too large");
  if (p->names[n] != REF_NONE) return bad(p, "a value is defined twice");
  p->names[n] = REF_BIAS + (*count)++;
  return LW_OK;
}

/* The first walk. `p` is a copy, so that the second starts at the same place. */
static Status name_values(Parser p)
{
  uint32_t count = 0;
  for (; *p.p; next_line(&p)) {
    if (at_line_end(&p)) continue;
    const char *line = p.p;
    if (*line == 'b' && is_digit(line[1])) {
      while (*p.p != '(' && *p.p != ':' && *p.p != '\n' && *p.p)
        p.p++;
      if (*p.p != '(') continue;
      do {
        p.p++;
        TRY(expect(&p, "v"));
        TRY(name_value(&p, &count));
        while (*p.p != ',' && *p.p != ')' && *p.p != '\n' && *p.p)
          p.p++;
      } while (*p.p == ',');
    } else if (*line == 'v' && is_digit(line[1])) {
      p.p++;
      TRY(name_value(&p, &count));
    } else {
      count++;
    }
  }
  return LW_OK;
}

static Status check_edges(const Parser *p)
{
  const Func *f = p->f;
  if (p->open || f->nblocks == 0) return bad(p, "the last block has no end");
  for (uint32_t e = 0; e < f->nedges; e++) {
    if (f->edges[e].to >= f->nblocks)
      return bad(p, "an edge to a block that is not there");
    if (f->pool[f->edges[e].args - 1] != f->blocks[f->edges[e].to].nparams)
      return bad(p, "an edge with the wrong number of arguments");
  }
  return LW_OK;
}

Status lw_ir_parse(const char *text, const Module *m, uint32_t func, Arena *scratch,
                   Func *f, Err *err)
{
  if (func < m->nfuncs_imported || func >= m->nfuncs)
    return lw_fail(err, LW_INVALID, ERR_NOWHERE, "unknown function");
  size_t size = strlen(text);
  if (size > LIMIT_BODY_BYTES)
    return lw_fail(err, LW_LIMIT, ERR_NOWHERE, "IR text too long");
  TRY(lw_make_begin(f, m, func, scratch, &(MakeSizes){16, 16, 4, 4}, err));
  Parser p = {.f = f, .p = text, .line = 1, .err = err, .nnames = (uint32_t)size};
  p.names = ARENA_RAW(scratch, Ref, size + 1);
  p.list = ARENA_RAW(scratch, uint32_t, MAX_RUN);
  if (!p.names || !p.list) return lw_nomem(err, "IR text");
  memset(p.names, 0xff, (size + 1) * sizeof *p.names);
  TRY(head(&p));
  TRY(name_values(p));
  for (; *p.p; next_line(&p)) {
    if (at_line_end(&p)) continue;
    if (*p.p == 'b' && is_digit(p.p[1])) {
      p.p++;
      TRY(block_line(&p));
    } else {
      TRY(ins_line(&p));
    }
  }
  TRY(check_edges(&p));
  TRY(lw_ir_cfg(f, err));
  return lw_ir_verify(f, err);
}
