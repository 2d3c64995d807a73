/*
** mutate.c -- see mutate.h.
** Layer: spec.
*/
#include "mutate.h"

#include <string.h>

#include "wasm/instr.h"

/* One operator of a body. */
typedef struct Place {
  Instr instr;
  size_t at, code_end; /* from its first byte to behind its last */
  size_t imm_at;       /* where its immediates begin */
} Place;

typedef struct Mutation {
  ModuleEdit *edit;
  const Module *module;
  Random *random;
  Bytes *body;   /* being changed */
  uint32_t func; /* its funcidx */
  Place *places;
  uint32_t nplaces;
  ValType *locals;
  uint32_t nlocals;
} Mutation;

uint64_t lw_random(Random *r)
{
  uint64_t z = (r->state += 0x9e3779b97f4a7c15u); /* splitmix64 */
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint32_t lw_random_below(Random *r, uint32_t n)
{
  return n ? (uint32_t)(lw_random(r) % n) : 0;
}

/* The locals of the body, then its operators. False: not a body. */
static bool read_body(Mutation *m)
{
  Err err = {0};
  Reader r = lw_reader(m->body->at, 0, m->body->size, &err);
  const FuncType *type = lw_module_functype(m->module, m->func);
  uint32_t runs, n, nlocals = type->nparams;
  m->locals = ARENA_ARR(m->edit->arena, ValType, 4096);
  if (type->nparams > 4096 || lw_leb_u32(&r, &runs) != LW_OK) return false;
  if (type->nparams)
    memcpy(m->locals, type->params, type->nparams * sizeof *type->params);
  for (uint32_t i = 0; i < runs; i++) {
    ValType t;
    if (lw_leb_u32(&r, &n) != LW_OK || lw_read_valtype(&r, FEATS_ALL, &t) != LW_OK)
      return false;
    for (; n && nlocals < 4096; n--)
      m->locals[nlocals++] = t;
  }
  m->nlocals = nlocals;
  m->places = ARENA_ARR(m->edit->arena, Place, m->body->size + 1);
  m->nplaces = 0;
  while (lw_reader_left(&r)) {
    Place *p = &m->places[m->nplaces++];
    p->at = (size_t)lw_reader_at(&r);
    Reader peek = r;
    Opcode op;
    if (lw_opcode_read(&peek, FEATS_ALL, &op) != LW_OK) return false;
    p->imm_at = (size_t)lw_reader_at(&peek);
    if (lw_instr_read(&r, FEATS_ALL, &p->instr) != LW_OK) return false;
    p->code_end = (size_t)lw_reader_at(&r);
  }
  return m->nplaces > 0;
}

static void replace(Mutation *m, size_t from, size_t to, const uint8_t *with, size_t n)
{
  *m->body = lw_edit_splice(m->edit->arena, *m->body, from, to, with, n);
}

static size_t put_opcode(uint8_t *p, Opcode op)
{
  uint32_t code = lw_op_info[op].code;
  if (code <= 0xff) return *p = (uint8_t)code, 1;
  *p = (uint8_t)(code >> 16);
  return 1 + lw_edit_leb(p + 1, code & 0xffff);
}

/* Another operator with the same signature and kind of immediate. */
static void change_operator(Mutation *m, const Place *p)
{
  const OpInfo *was = &lw_op_info[p->instr.op];
  if (was->sig == SIG_CODE) return;
  for (int tries = 0; tries < 40; tries++) {
    Opcode op = (Opcode)lw_random_below(m->random, OP__MAX);
    const OpInfo *info = &lw_op_info[op];
    bool same_imm =
      info->imm == was->imm || (was->imm >= IMM_M0 && was->imm <= IMM_M3 &&
                                info->imm >= was->imm && info->imm <= IMM_M3);
    if (info->sig != was->sig || !same_imm || !(FEATS_ALL >> info->feat & 1)) continue;
    uint8_t with[12];
    replace(m, p->at, p->imm_at, with, put_opcode(with, op));
    return;
  }
}

static const int64_t awkward[] = {
  0,
  1,
  -1,
  2,
  7,
  8,
  31,
  32,
  33,
  63,
  64,
  127,
  128,
  255,
  256,
  0x7fff,
  0x8000,
  0xffff,
  0x10000,
  INT32_MAX,
  INT32_MIN,
  INT32_MIN + 1,
  0x7ffffffe,
  0x80000000,
  0xffffffff,
  0x100000000,
  INT64_MAX,
  INT64_MIN,
  INT64_MIN + 1,
  0x7ff0000000000000,
  0x7f800000,
};

static int64_t awkward_number(Random *r)
{
  if (lw_random_below(r, 4) == 0) return (int64_t)lw_random(r) >> lw_random_below(r, 64);
  return awkward[lw_random_below(r, sizeof awkward / sizeof *awkward)];
}

static const double awkward_floats[] = {0.0,
                                        -0.0,
                                        1.0,
                                        -1.0,
                                        0.5,
                                        2147483647.0,
                                        2147483648.0,
                                        -2147483649.0,
                                        4294967295.0,
                                        4294967296.0,
                                        1e300,
                                        9223372036854775808.0,
                                        18446744073709551616.0};

/* A constant of the type of `op` (OP_I32_CONST ...), opcode included. */
static size_t put_const(Random *r, uint8_t *p, ValType t)
{
  static const Opcode ops[] = {[VAL_I32] = OP_I32_CONST,
                               [VAL_I64] = OP_I64_CONST,
                               [VAL_F32] = OP_F32_CONST,
                               [VAL_F64] = OP_F64_CONST};
  size_t n = put_opcode(p, ops[t]);
  double d = awkward_floats[lw_random_below(r, sizeof awkward_floats / sizeof(double))];
  uint64_t bits = lw_random(r);
  if (t == VAL_I32) return n + lw_edit_sleb(p + n, (int32_t)awkward_number(r));
  if (t == VAL_I64) return n + lw_edit_sleb(p + n, awkward_number(r));
  if (t == VAL_F32) {
    float f = (float)d;
    if (bits & 3) memcpy(&bits, &f, 4);
    memcpy(p + n, &bits, 4);
    return n + 4;
  }
  if (bits & 3) memcpy(&bits, &d, 8);
  memcpy(p + n, &bits, 8);
  return n + 8;
}

static void change_const(Mutation *m, const Place *p)
{
  static const ValType types[] = {VAL_I32, VAL_I64, VAL_F32, VAL_F64};
  uint8_t with[16];
  replace(m, p->at, p->code_end, with,
          put_const(m->random, with, types[lw_op_info[p->instr.op].imm - IMM_I32]));
}

/* A local of type t, or UINT32_MAX. */
static uint32_t some_local(Mutation *m, ValType t)
{
  uint32_t start = lw_random_below(m->random, m->nlocals);
  for (uint32_t i = 0; i < m->nlocals; i++) {
    uint32_t x = (start + i) % m->nlocals;
    if (m->locals[x] == t) return x;
  }
  return UINT32_MAX;
}

static void change_index(Mutation *m, const Place *p)
{
  uint8_t with[12];
  uint32_t x = p->instr.x;
  if (lw_op_info[p->instr.op].imm == IMM_LOCAL && x < m->nlocals)
    x = some_local(m, m->locals[x]);
  else
    x = lw_random_below(m->random, 2) ? x + 1 : x - (x > 0);
  replace(m, p->imm_at, p->code_end, with, lw_edit_leb(with, x));
}

static void change_memarg(Mutation *m, const Place *p)
{
  uint8_t with[32];
  uint32_t memory = p->instr.mem.memory;
  bool wide = memory < m->module->nmemories && m->module->memories[memory].is64;
  uint64_t offset =
    (uint64_t)awkward_number(m->random) & (wide ? UINT64_MAX : UINT32_MAX);
  uint32_t align = lw_random_below(m->random, p->instr.mem.align + 1);
  size_t n = lw_edit_leb(with, align | (memory ? 0x40 : 0));
  if (memory) n += lw_edit_leb(with + n, memory);
  n += lw_edit_leb(with + n, offset);
  replace(m, p->imm_at, p->code_end, with, n);
}

/* Are the immediates numbers one behind the other, indexes and heap types? */
static bool are_numbers(Imm imm)
{
  switch (imm) {
  case IMM_TYPE:
  case IMM_CALL_INDIRECT:
  case IMM_TABLE:
  case IMM_MEM:
  case IMM_HEAP:
  case IMM_DATA:
  case IMM_ELEM:
  case IMM_MEM_INIT:
  case IMM_MEM_COPY:
  case IMM_TABLE_INIT:
  case IMM_TABLE_COPY:
  case IMM_TAG:
  case IMM_FIELD:
  case IMM_TYPE_TYPE:
  case IMM_ARRAY_N:
  case IMM_ARRAY_DATA:
  case IMM_ARRAY_ELEM:
  case IMM_CAST:
  case IMM_BR_CAST: return true;
  default: return false;
  }
}

/* One of them, or the first seven bits of it, a little larger or smaller. */
static void change_number(Mutation *m, const Place *p)
{
  const uint8_t *bytes = m->body->at;
  size_t at = p->imm_at;
  while (lw_random_below(m->random, 2)) {
    while (at < p->code_end && bytes[at] & 0x80)
      at++;
    if (++at >= p->code_end) at = p->imm_at;
  }
  uint8_t step = lw_random_below(m->random, 2) ? 1 : 0x7f;
  uint8_t with = (uint8_t)((bytes[at] & 0x80) | ((bytes[at] + step) & 0x7f));
  replace(m, at, at + 1, &with, 1);
}

/* Code without effect on the operand stack, put before `p`. */
static void insert_neutral(Mutation *m, const Place *p)
{
  uint8_t with[64];
  size_t n = 0;
  static const ValType nums[] = {VAL_I32, VAL_I64, VAL_F32, VAL_F64};
  ValType t = nums[lw_random_below(m->random, 4)];
  uint32_t x = some_local(m, t), y = some_local(m, t);
  switch (lw_random_below(m->random, 6)) {
  case 0: /* const; drop */
    n += put_const(m->random, with, t);
    n += put_opcode(with + n, OP_DROP);
    break;
  case 1: /* const; local.set */
    if (x == UINT32_MAX) return;
    n += put_const(m->random, with, t);
    n += put_opcode(with + n, OP_LOCAL_SET);
    n += lw_edit_leb(with + n, x);
    break;
  case 2: /* local.get x; local.set y */
    if (x == UINT32_MAX) return;
    n += put_opcode(with, OP_LOCAL_GET);
    n += lw_edit_leb(with + n, x);
    n += put_opcode(with + n, OP_LOCAL_SET);
    n += lw_edit_leb(with + n, y);
    break;
  case 3: /* i32.const; br_if 0 inside a block of its own */
    n += put_opcode(with, OP_BLOCK);
    with[n++] = 0x40;
    n += put_const(m->random, with + n, VAL_I32);
    n += put_opcode(with + n, OP_BR_IF);
    with[n++] = 0;
    n += put_opcode(with + n, OP_END);
    break;
  case 4: /* a loop that ends by itself after one turn */
    n += put_opcode(with, OP_LOOP);
    with[n++] = 0x40;
    n += put_opcode(with + n, OP_NOP);
    n += put_opcode(with + n, OP_END);
    break;
  default: /* if (const) { return or unreachable } would change types: keep it empty */
    n += put_const(m->random, with, VAL_I32);
    n += put_opcode(with + n, OP_IF);
    with[n++] = 0x40;
    if (lw_random_below(m->random, 8) == 0) n += put_opcode(with + n, OP_UNREACHABLE);
    n += put_opcode(with + n, OP_ELSE);
    n += put_opcode(with + n, OP_END);
  }
  replace(m, p->at, p->at, with, n);
}

/* A unary operator behind one that leaves a number: x_x. */
static void insert_unary(Mutation *m, const Place *p)
{
  const SigInfo *sig = &lw_sig_info[lw_op_info[p->instr.op].sig];
  if (lw_op_info[p->instr.op].sig == SIG_CODE || sig->npush != 1) return;
  for (int tries = 0; tries < 200; tries++) {
    Opcode op = (Opcode)lw_random_below(m->random, OP__MAX);
    const OpInfo *info = &lw_op_info[op];
    const SigInfo *s = &lw_sig_info[info->sig];
    if (info->sig == SIG_CODE || info->imm != IMM_NONE || s->npop != 1 || s->npush != 1 ||
        s->pop[0] != sig->push[0] || s->push[0] != s->pop[0] ||
        !(FEATS_ALL >> info->feat & 1))
      continue;
    uint8_t with[8];
    replace(m, p->code_end, p->code_end, with, put_opcode(with, op));
    return;
  }
}

static void copy_range(Mutation *m, const Place *p)
{
  const Place *q = &m->places[lw_random_below(m->random, m->nplaces)];
  size_t last = (size_t)(q - m->places) + 1 + lw_random_below(m->random, 4);
  if (last > m->nplaces) last = m->nplaces;
  size_t from = q->at, to = m->places[last - 1].code_end;
  replace(m, p->at, p->at, m->body->at + from, to - from);
}

static void mutate_body(Mutation *m)
{
  uint32_t n = lw_random_below(m->random, m->edit->nbodies);
  m->body = &m->edit->bodies[n];
  m->func = m->module->nfuncs_imported + n;
  if (m->func >= m->module->nfuncs || !read_body(m)) return;
  const Place *p = &m->places[lw_random_below(m->random, m->nplaces)];
  Imm imm = (Imm)lw_op_info[p->instr.op].imm;
  uint32_t dice = lw_random_below(m->random, 100);
  if (dice < 4) {
    copy_range(m, p);
  } else if (dice < 8) {
    replace(m, p->at, p->code_end, NULL, 0);
  } else if (dice < 40) {
    insert_neutral(m, p);
  } else if (imm >= IMM_I32 && imm <= IMM_F64) {
    change_const(m, p);
  } else if (imm >= IMM_M0 && imm <= IMM_M4 && dice < 70) {
    change_memarg(m, p);
  } else if (imm == IMM_LOCAL || imm == IMM_GLOBAL || imm == IMM_FUNC ||
             imm == IMM_LABEL) {
    change_index(m, p);
  } else if (are_numbers(imm)) {
    change_number(m, p);
  } else if (dice < 70) {
    insert_unary(m, p);
  } else {
    change_operator(m, p);
  }
}

static void flip_bytes(Mutation *m, Bytes *b)
{
  if (!b->size) return;
  for (uint32_t i = lw_random_below(m->random, 3) + 1; i; i--)
    b->at[lw_random_below(m->random, (uint32_t)b->size)] ^=
      (uint8_t)(1u << lw_random_below(m->random, 8));
}

static void mutate_sections(Mutation *m)
{
  ModuleEdit *e = m->edit;
  if (!e->nparts) return;
  uint32_t n = lw_random_below(m->random, e->nparts);
  switch (lw_random_below(m->random, 4)) {
  case 0: /* lose one */
    if ((int)n == e->code) return;
    if ((int)n < e->code) e->code--;
    memmove(&e->parts[n], &e->parts[n + 1], (--e->nparts - n) * sizeof *e->parts);
    break;
  case 1: /* cut or grow one */
    if ((int)n != e->code && e->parts[n].bytes.size)
      e->parts[n].bytes.size -=
        1 + lw_random_below(m->random, 2) % e->parts[n].bytes.size;
    break;
  default:
    if ((int)n != e->code) flip_bytes(m, &e->parts[n].bytes);
  }
}

Bytes lw_mutate(const uint8_t *bytes, size_t size, Random *random, Arena *arena)
{
  ModuleEdit edit;
  Module module;
  Err err = {0};
  Bytes out = {lw_arena_raw(arena, size + 1), size};
  memcpy(out.at, bytes, size);
  if (!lw_edit_split(bytes, size, arena, &edit)) return out;
  if (lw_module_decode(bytes, size, &(DecodeOptions){0}, &module, &err) != LW_OK)
    return out;
  Mutation m = {.edit = &edit, .module = &module, .random = random};
  uint32_t changes = 1 + lw_random_below(random, 4), dice = lw_random_below(random, 100);
  for (uint32_t i = 0; i < changes; i++) {
    if (dice < 6)
      mutate_sections(&m);
    else if (edit.nbodies)
      mutate_body(&m);
  }
  out = lw_edit_join(&edit);
  if (dice >= 6 && dice < 10) flip_bytes(&m, &out);
  if (dice == 10) out.size = lw_random_below(random, (uint32_t)out.size + 1);
  lw_module_free(&module);
  return out;
}
