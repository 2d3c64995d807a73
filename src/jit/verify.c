/*
** verify.c -- is this IR what ir.h and ir.def promise? For debug builds, specs, fuzzing.
**
** Shape first (blocks, edges, what stands where), because the rest indexes by it; then
** dominators; then every operand: it exists, has the right type, and its definition
** dominates the use. The dominator tree has skew-binary jump pointers, so that a common
** ancestor costs a logarithm however deep the tree is: br_if chains make trees as deep
** as the function is long.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/helper.h"
#include "jit/ir.h"
#include "jit/trap.h"
#include "wasm/ops.h"

typedef struct Dom {
  uint32_t parent, jump, depth;
} Dom;

typedef struct Verifier {
  const Func *f;
  Dom *doms;      /* by block */
  uint32_t block; /* at hand */
  uint32_t i;     /* the instruction at hand */
  Err *err;
} Verifier;

/* Sets of types, a bit per VAL_* kind. */
enum {
  T_I32 = 1 << VAL_I32,
  T_I64 = 1 << VAL_I64,
  T_F32 = 1 << VAL_F32,
  T_F64 = 1 << VAL_F64,
  T_REF = 1 << VAL_REF,
  T_NONE = 1 << VAL_NONE,
  T_INT = T_I32 | T_I64,
  T_FLOAT = T_F32 | T_F64,
  T_NUM = T_INT | T_FLOAT,
  T_VALUE = T_NUM | T_REF | 1 << VAL_V128,
};

static Status bad(const Verifier *v, const char *what)
{
  const Func *f = v->f;
  uint32_t call, at = v->i < f->nins ? lw_ir_offset(f, f->where[v->i], &call) : 0;
  return lw_fail(v->err, LW_INVALID, v->i < f->nins ? at : ERR_NOWHERE,
                 "IR of function %u, b%u, v%u (%s): %s", f->index, v->block, v->i,
                 v->i < f->nins ? lw_ir_info[f->ins[v->i].op].text : "end", what);
}

/* ---- shape ---- */

static Status check_terminator(Verifier *v, const Block *b)
{
  const Func *f = v->f;
  const Ins *ins = &f->ins[b->end - 1];
  uint32_t want = 0;
  switch (ins->op) {
  case IR_JUMP:
    want = 1;
    if (ins->a != b->edges) return bad(v, "the edge of another block");
    break;
  case IR_BRIF:
    want = 2;
    if (ins->b - b->edges > 1 || ins->c - b->edges > 1 || ins->b == ins->c)
      return bad(v, "the edges are not this block's two");
    break;
  case IR_TRY:
    want = 2;
    if (ins->a != b->edges || ins->b != b->edges + 1)
      return bad(v, "the edges are not this block's two");
    break;
  case IR_BRTABLE:
    want = b->nedges;
    if (ins->c >= f->npool || ins->b > f->npool - ins->c - 1)
      return bad(v, "entries outside the pool");
    for (uint32_t k = 0; k <= ins->c; k++)
      if (f->pool[ins->b + k] - b->edges >= b->nedges)
        return bad(v, "the edge of another block");
    break;
  default: break;
  }
  return b->nedges == want ? LW_OK : bad(v, "the block has another number of edges");
}

static Status check_block_shape(Verifier *v, uint32_t at)
{
  const Func *f = v->f;
  const Block *b = &f->blocks[v->block];
  bool args = v->block == 0;
  v->i = at;
  if (b->first != at || b->end <= at || b->end > f->nins)
    return bad(v, "blocks do not cover the instructions in order");
  if (b->nparams >= b->end - b->first) return bad(v, "only parameters");
  for (uint32_t i = b->first; i < b->end; i++) {
    const Ins *ins = &f->ins[v->i = i];
    if (ins->op >= IR__MAX) return bad(v, "unknown operation");
    if ((ins->op == IR_PARAM) != (i - b->first < b->nparams))
      return bad(v, "parameters stand at the start of a block, and nothing else does");
    if (ins->op != IR_ARG)
      args = false;
    else if (!args)
      return bad(v, "arguments stand at the start of the entry");
    if (((lw_ir_info[ins->op].flags & IRF_E) != 0) != (i == b->end - 1))
      return bad(v, "a block ends with the one instruction that ends it");
  }
  if (b->nedges && (b->edges >= f->nedges || b->nedges > f->nedges - b->edges))
    return bad(v, "edges that are not there");
  return check_terminator(v, b);
}

static Status check_edges(Verifier *v)
{
  const Func *f = v->f;
  for (uint32_t e = 0; e < f->nedges; e++) {
    const Edge *edge = &f->edges[e];
    v->block = edge->from;
    v->i = f->nins;
    if (edge->from >= f->nblocks || edge->to >= f->nblocks)
      return bad(v, "an edge between blocks that are not there");
    const Block *from = &f->blocks[edge->from], *to = &f->blocks[edge->to];
    if (e - from->edges >= from->nedges) return bad(v, "an edge that is not its block's");
    if (edge->to == 0) return bad(v, "the entry has a predecessor");
    if (to->nparams && (edge->args > f->npool || to->nparams > f->npool - edge->args))
      return bad(v, "an edge's arguments are outside the pool");
  }
  for (uint32_t block = 0; block < f->nblocks; block++) {
    const Block *b = &f->blocks[block];
    v->block = block;
    v->i = b->first;
    if (b->npreds > f->nedges || b->preds > f->nedges - b->npreds)
      return bad(v, "predecessors that are not there");
    for (uint32_t p = b->preds; p < b->preds + b->npreds; p++)
      if (f->preds[p] >= f->nedges || f->edges[f->preds[p]].to != block)
        return bad(v, "a predecessor that goes elsewhere");
  }
  return LW_OK;
}

static Status check_shape(Verifier *v)
{
  const Func *f = v->f;
  uint32_t at = 0, npreds = 0;
  for (v->block = 0; v->block < f->nblocks; v->block++) {
    TRY(check_block_shape(v, at));
    at = f->blocks[v->block].end;
    npreds += f->blocks[v->block].npreds;
  }
  v->i = at;
  v->block = f->nblocks;
  if (at != f->nins) return bad(v, "instructions behind the last block");
  if (f->nblocks == 0 || f->blocks[0].nparams)
    return bad(v, "no entry without parameters");
  if (npreds != f->nedges) return bad(v, "edges without a place among predecessors");
  return check_edges(v);
}

/* ---- dominators ---- */

static uint32_t ancestor_at(const Dom *d, uint32_t b, uint32_t depth)
{
  while (d[b].depth > depth)
    b = d[d[b].jump].depth >= depth ? d[b].jump : d[b].parent;
  return b;
}

static uint32_t common_ancestor(const Dom *d, uint32_t a, uint32_t b)
{
  a = ancestor_at(d, a, d[b].depth);
  b = ancestor_at(d, b, d[a].depth);
  while (a != b) {
    bool far = d[a].jump != d[b].jump;
    a = far ? d[a].jump : d[a].parent;
    b = far ? d[b].jump : d[b].parent;
  }
  return a;
}

static bool dominates(const Verifier *v, uint32_t a, uint32_t b)
{
  if (!v->f->blocks[a].reachable) return false;
  return ancestor_at(v->doms, b, v->doms[a].depth) == a;
}

/* Forward edges decide alone, as long as each loop is entered by its header only, which
   is then checked. */
static Status find_dominators(Verifier *v)
{
  const Func *f = v->f;
  Dom *d = v->doms;
  for (uint32_t i = 1; i < f->nblocks; i++) {
    const Block *b = &f->blocks[i];
    uint32_t parent = NO_BLOCK;
    if (!b->reachable) continue;
    for (uint32_t p = b->preds; p < b->preds + b->npreds; p++) {
      uint32_t from = f->edges[f->preds[p]].from;
      if (from >= i || !f->blocks[from].reachable) continue;
      parent = parent == NO_BLOCK ? from : common_ancestor(d, parent, from);
    }
    v->block = i;
    v->i = b->first;
    if (parent == NO_BLOCK) return bad(v, "only reached from further down");
    const Dom *up = &d[parent], *jump = &d[up->jump];
    bool level = up->depth - jump->depth == jump->depth - d[jump->jump].depth;
    d[i] = (Dom){parent, level ? jump->jump : parent, up->depth + 1};
  }
  for (uint32_t e = 0; e < f->nedges; e++) {
    const Edge *edge = &f->edges[e];
    v->block = edge->from;
    v->i = f->blocks[edge->from].end - 1;
    if (edge->to > edge->from || !f->blocks[edge->from].reachable) continue;
    if (!dominates(v, edge->to, edge->from))
      return bad(v, "goes back into a loop, but not to its header");
    if (f->blocks[edge->to].loop_end == NO_BLOCK ||
        f->blocks[edge->to].loop_end < edge->from)
      return bad(v, "goes back from behind the end of the loop");
  }
  return LW_OK;
}

/* ---- operands ---- */

/* `r` exists, has a type of the set, and is defined where instruction `i` can see it.
   RESULT alone may name an instruction without looking at its type. */
static Status check_ref(Verifier *v, Ref r, unsigned types)
{
  const Func *f = v->f;
  if (ref_is_kon(r)) {
    if (r >= f->nkons) return bad(v, "a constant that is not there");
  } else {
    uint32_t d = r - REF_BIAS;
    if (d >= f->nins) return bad(v, "a value that is not there");
    if (!lw_ir_has_result(&f->ins[d])) return bad(v, "an operand that is not a value");
    const Block *b = &f->blocks[v->block];
    if (b->reachable && d >= v->i) return bad(v, "a value used before it is defined");
    if (b->reachable && d < b->first) {
      uint32_t low = 0, high = v->block; /* low: begins at or before d */
      while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (f->blocks[middle].first <= d)
          low = middle;
        else
          high = middle;
      }
      if (!dominates(v, low, v->block))
        return bad(v, "a value whose definition does not dominate its use");
    }
  }
  if (!(types >> lw_ir_type(f, r) & 1)) return bad(v, "an operand of the wrong type");
  return LW_OK;
}

static Status check_run(Verifier *v, const Ins *ins, uint32_t n, const ValType *types)
{
  const Func *f = v->f;
  if (n && (ins->b > f->npool || n > f->npool - ins->b))
    return bad(v, "arguments outside the pool");
  for (uint32_t i = 0; i < n; i++)
    TRY(check_ref(v, f->pool[ins->b + i],
                  types ? 1u << lw_val_kind(types[i]) : (unsigned)(T_INT | T_REF)));
  return LW_OK;
}

/* The types that a row's Ins.type may have. */
static unsigned own_types(uint8_t op)
{
  switch (op) {
  case IR_ADD:
  case IR_SUB:
  case IR_MUL: return T_NUM;
  case IR_EQ:
  case IR_NE: return T_NUM | T_REF;
  case IR_EQZ: return T_INT | T_REF;
  case IR_EXTEND32_S:
  case IR_EXTEND_S:
  case IR_EXTEND_U: return T_I64;
  case IR_WRAP: return T_I32;
  case IR_MEMORY_SIZE:
  case IR_TABLE_SIZE:
  case IR_TRUNC_S:
  case IR_TRUNC_U:
  case IR_TRUNC_SAT_S:
  case IR_TRUNC_SAT_U: return T_INT;
  case IR_CONVERT_S:
  case IR_CONVERT_U: return T_FLOAT;
  case IR_DEMOTE: return T_F32;
  case IR_PROMOTE: return T_F64;
  case IR_BITCAST: return T_NUM;
  case IR_REF_TEST:
  case IR_REF_WORD: return T_I32;
  case IR_TABLE_GET:
  case IR_TABLE_SET:
  case IR_WORD_REF:
  case IR_LANDING:
  case IR_FUNC_REF: return T_REF;
  case IR_POLL_PAGE:
  case IR_TAG: return T_I64;
  case IR_JUMP:
  case IR_BRIF:
  case IR_BRTABLE:
  case IR_RETURN:
  case IR_TAIL_CALL:
  case IR_TAIL_CELL:
  case IR_TRY:
  case IR_TRAP:
  case IR_CHECK_INDEX:
  case IR_CHECK_NULL:
  case IR_CHECK_SIG:
  case IR_ATOMIC_CHECK:
  case IR_FENCE:
  case IR_FUEL:
  case IR_POLL: return T_NONE;
  case IR_MULH_S:
  case IR_MULH_U: return T_I64;
  case IR_ATOMIC_LOAD:
  case IR_ATOMIC_STORE:
  case IR_ATOMIC_RMW:
  case IR_ATOMIC_CAS: return T_INT;
  case IR_CALL:
  case IR_CALL_CELL:
  case IR_HELPER: return T_VALUE | T_NONE;
  default:
    if (op >= IR_DIV_S && op <= IR_GE_U) return T_INT;
    if (op >= IR_FDIV && op <= IR_FGE) return T_FLOAT;
    return T_VALUE;
  }
}
_Static_assert(IR_EQZ == IR_GE_U + 1 && IR_FDIV == IR_EQZ + 1, "the families of ir.def");

static bool is_vector(unsigned op)
{
  return op >= OP_V128_LOAD && op <= OP_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S;
}

static unsigned vector_operand(const Ins *ins, int k)
{
  if (!is_vector(ins->aux)) return 0;
  if (ins->aux == OP_I8X16_SHUFFLE) return 1 << VAL_V128;
  const SigInfo *sig = &lw_sig_info[lw_op_info[ins->aux].sig];
  return k < sig->npop ? 1u << sig->pop[k] : 0;
}

/* The operator belongs to the instruction, and its result is that of the operator. */
static Status check_vector(Verifier *v, const Ins *ins)
{
  if (!is_vector(ins->aux)) return bad(v, "not a vector operator");
  const SigInfo *sig = &lw_sig_info[lw_op_info[ins->aux].sig];
  unsigned n = ins->aux == OP_I8X16_SHUFFLE ? 3 : sig->npop;
  if (n != ins->op - IR_VEC1 + 1u || sig->push[0] != ins->type)
    return bad(v, "not the vector operator's signature");
  if (ins->aux == OP_I8X16_SHUFFLE && !ref_is_kon(ins->c))
    return bad(v, "lanes that are no constant");
  return LW_OK;
}

/* The types that operand k (0..2) may have. */
static unsigned operand_types(const Ins *ins, int k)
{
  unsigned own = 1u << ins->type;
  switch (ins->op) {
  case IR_SELECT: return k == 2 ? (unsigned)T_I32 : own;
  case IR_VEC1:
  case IR_VEC2:
  case IR_VEC3: return vector_operand(ins, k);
  case IR_BRIF:
  case IR_BRTABLE:
  case IR_EXTEND_S:
  case IR_EXTEND_U: return T_I32;
  case IR_ATOMIC_CHECK:
  case IR_ATOMIC_LOAD:
  case IR_LOAD: /* addresses and table indexes: check_address says which */
  case IR_TABLE_GET: return T_INT;
  case IR_LOAD_LANE:
  case IR_STORE_LANE:
  case IR_ATOMIC_STORE:
  case IR_ATOMIC_RMW:
  case IR_ATOMIC_CAS:
  case IR_STORE:
  case IR_TABLE_SET: return k == 0 ? (unsigned)T_INT : own;
  case IR_WRAP: return T_I64;
  case IR_TRUNC_S:
  case IR_TRUNC_U:
  case IR_TRUNC_SAT_S:
  case IR_TRUNC_SAT_U: return T_FLOAT;
  case IR_CONVERT_S:
  case IR_CONVERT_U: return T_INT;
  case IR_DEMOTE: return T_F64;
  case IR_PROMOTE: return T_F32;
  case IR_BITCAST:
    return own == T_I32 ? T_F32 : own == T_F32 ? T_I32 : own == T_I64 ? T_F64 : T_I64;
  case IR_CALL_CELL:
  case IR_TAIL_CELL:
  case IR_OBJ_LOAD:
  case IR_REF_TEST:
  case IR_REF_WORD:
  case IR_CHECK_SIG: return T_REF;
  case IR_CHECK_NULL: return T_REF | T_I32;
  case IR_POLL: return T_I64;
  case IR_CHECK_INDEX:
  case IR_WORD_REF: return T_I32;
  case IR_OBJ_STORE: return k == 0 ? (unsigned)T_REF : own;
  case IR_ELEM_LOAD:
  case IR_ELEM_STORE: return k == 0 ? T_REF : k == 1 ? (unsigned)T_I32 : own;
  default: return own;
  }
}

/* An i32 is clean, see ir.h, and what is wider belongs to what has 64-bit addresses. */
static Status check_address(Verifier *v, Ref address, bool is64)
{
  return lw_ir_type(v->f, address) == (is64 ? VAL_I64 : VAL_I32)
           ? LW_OK
           : bad(v, "an address of the wrong width");
}

static Status check_memory(Verifier *v, const Ins *ins)
{
  const Module *m = v->f->module;
  uint32_t memory = ins->aux >> 8;
  if (memory >= m->nmemories) return bad(v, "a memory that is not there");
  return check_address(v, ins->a, m->memories[memory].is64);
}

static Status check_access(Verifier *v, const Ins *ins)
{
  static const unsigned loads[MEM_128] = {
    [MEM_8S] = T_INT,         [MEM_8U] = T_INT,  [MEM_16S] = T_INT,
    [MEM_16U] = T_INT,        [MEM_32S] = T_I64, [MEM_32] = T_I32 | T_F32 | T_I64,
    [MEM_64] = T_I64 | T_F64,
  };
  unsigned access = ins->aux & 0xff;
  bool object = ins->op >= IR_OBJ_LOAD && ins->op <= IR_ELEM_STORE;
  bool ref = object && access == MEM_64 && ins->type == VAL_REF;
  bool store = lw_ir_info[ins->op].flags & IRF_W;
  bool wide = access >= MEM_128 && access < MEM__MAX && ins->type == VAL_V128;
  if (!ref && !wide && (access >= MEM_128 || !(loads[access] >> ins->type & 1)))
    return bad(v, "an access of the wrong width");
  if (store &&
      (access > MEM_128 || access == MEM_8S || access == MEM_16S || access == MEM_32S))
    return bad(v, "stores use the unsigned forms");
  return object ? LW_OK : check_memory(v, ins);
}

static Status check_atomic(Verifier *v, const Ins *ins)
{
  unsigned size = ins->aux & 15, kind = ins->aux >> 4 & 15;
  bool cas = ins->op == IR_ATOMIC_CAS;
  if (size > 3 || (size == 3 && ins->type != VAL_I64) ||
      (cas ? kind != 0 : kind >= ATOMIC__MAX))
    return bad(v, "an access of the wrong width");
  /* the offset of a CAS is in its address, which may be wider for that */
  if (cas && ins->aux >> 8 < v->f->module->nmemories &&
      lw_ir_type(v->f, ins->a) == VAL_I64)
    return LW_OK;
  return check_memory(v, ins);
}

static Status check_tail(Verifier *v, const Ins *ins, const FuncType *t)
{
  const FuncType *own = v->f->type;
  bool same = t->nresults == own->nresults;
  for (uint32_t k = 0; same && k < t->nresults; k++)
    same = lw_val_kind(t->results[k]) == lw_val_kind(own->results[k]);
  return same ? check_run(v, ins, t->nparams, t->params)
              : bad(v, "a tail call with other results");
}

static Status check_call(Verifier *v, const Ins *ins)
{
  const Module *m = v->f->module;
  bool direct = ins->op == IR_CALL || ins->op == IR_TAIL_CALL;
  if (direct && (ins->a >= m->nfuncs || ins->a < m->nfuncs_imported ||
                 m->funcs[ins->a].type != ins->c))
    return bad(v, "not a function of this module with that type");
  if (ins->c >= m->ntypes) return bad(v, "a type that is not there");
  if (m->types[ins->c].kind != TYPE_FUNC) return bad(v, "not the type of a function");
  const FuncType *t = lw_module_signature(m, ins->c);
  if (ins->op == IR_TAIL_CALL || ins->op == IR_TAIL_CELL) return check_tail(v, ins, t);
  if (ins->type != (t->nresults ? lw_val_kind(t->results[0]) : VAL_NONE))
    return bad(v, "a call whose type is not that of its first result");
  TRY(check_run(v, ins, t->nparams, t->params));
  for (uint32_t k = 1; k < t->nresults; k++) {
    const Ins *result = ins + k; /* the block's end is an instruction of its own */
    if (v->i + k >= v->f->nins || result->op != IR_RESULT || result->b != k)
      return bad(v, "a call without the RESULTs of its other results behind it");
    if (result->type != lw_val_kind(t->results[k])) return bad(v, "a RESULT's type");
  }
  return LW_OK;
}

/* RESULT b stands b instructions behind its call; check_call has seen to the rest. */
static Status check_result(Verifier *v, const Ins *ins)
{
  const Func *f = v->f;
  if (ins->b == 0 || ins->b > v->i || ins->a != REF_BIAS + v->i - ins->b)
    return bad(v, "not behind its call");
  const Ins *call = &f->ins[v->i - ins->b];
  if (call->op != IR_CALL && call->op != IR_CALL_CELL) return bad(v, "not behind a call");
  return ins->b < lw_module_signature(f->module, call->c)->nresults
           ? LW_OK
           : bad(v, "a result too many");
}

/* The numbers in a, b, c that index something of the module or the function. */
static Status check_numbers(Verifier *v, const Ins *ins)
{
  const Func *f = v->f;
  const Module *m = f->module;
  bool ok = true;
  switch (ins->op) {
  case IR_ARG:
    ok = ins->a < f->type->nparams && ins->a == v->i &&
         lw_val_kind(f->type->params[ins->a]) == ins->type;
    break;
  case IR_RESULT: return check_result(v, ins);
  case IR_RETURN:
    if (ins->c != f->type->nresults) return bad(v, "the wrong number of results");
    return check_run(v, ins, ins->c, f->type->results);
  case IR_TRAP: ok = ins->a > TRAP_NONE && ins->a < TRAP__MAX; break;
  case IR_ATOMIC_RMW:
  case IR_ATOMIC_CAS: return check_atomic(v, ins);
  case IR_ATOMIC_CHECK: ok = ins->aux >= 1 && ins->aux <= 3; break;
  case IR_ATOMIC_LOAD:
  case IR_ATOMIC_STORE:
  case IR_LOAD:
  case IR_STORE:
  case IR_OBJ_LOAD:
  case IR_OBJ_STORE:
  case IR_ELEM_LOAD:
  case IR_ELEM_STORE: return check_access(v, ins);
  case IR_VEC1:
  case IR_VEC2:
  case IR_VEC3: return check_vector(v, ins);
  case IR_LOAD_LANE:
  case IR_STORE_LANE: {
    unsigned size = ins->aux & 15, lane = ins->aux >> 4 & 15;
    TRY(check_memory(v, ins));
    ok = size <= 3 && lane < 16u >> size && ins->type == VAL_V128;
    break;
  }
  case IR_REF_TEST: ok = ins->b < m->ntypes || ins->b == 0; break;
  case IR_GLOBAL_GET:
  case IR_GLOBAL_SET:
    ok = ins->a < m->nglobals && lw_val_kind(m->globals[ins->a].type.type) == ins->type;
    break;
  case IR_SLOT_GET:
  case IR_SLOT_SET:
    ok = ins->a < f->nslots_local && f->slot_types[ins->a] == ins->type;
    break;
  case IR_MEMORY_SIZE:
    ok = ins->a < m->nmemories &&
         ins->type == (m->memories[ins->a].is64 ? VAL_I64 : VAL_I32);
    break;
  case IR_TABLE_SIZE:
    ok = ins->a < m->ntables &&
         ins->type == (m->tables[ins->a].type.limits.is64 ? VAL_I64 : VAL_I32);
    break;
  case IR_TABLE_GET:
    if (ins->b >= m->ntables || ins->aux > 1) return bad(v, "a table that is not there");
    return check_address(v, ins->a, m->tables[ins->b].type.limits.is64);
  case IR_TABLE_SET:
    if (ins->c >= m->ntables) return bad(v, "a table that is not there");
    return check_address(v, ins->a, m->tables[ins->c].type.limits.is64);
  case IR_FUNC_REF: ok = ins->a < m->nfuncs; break;
  case IR_TAG: ok = ins->a < m->ntags; break;
  case IR_CHECK_NULL: ok = ins->b > TRAP_NONE && ins->b < TRAP__MAX; break;
  case IR_CHECK_SIG: ok = ins->b < m->ntypes; break;
  case IR_HELPER:
    if (ins->a >= HELPER__MAX || ins->c != lw_helper_info[ins->a].nargs ||
        ins->type != lw_helper_info[ins->a].result)
      return bad(v, "not the helper's signature");
    return check_run(v, ins, ins->c, NULL);
  case IR_CALL:
  case IR_CALL_CELL:
  case IR_TAIL_CALL:
  case IR_TAIL_CELL: return check_call(v, ins);
  default: break;
  }
  return ok ? LW_OK : bad(v, "a number out of range, or of something of another type");
}

static Status check_ins(Verifier *v)
{
  const Ins *ins = &v->f->ins[v->i];
  if (ins->type > VAL_REF || !(own_types(ins->op) >> ins->type & 1))
    return bad(v, "not a type for this operation");
  TRY(check_numbers(v, ins));
  if (ins->op == IR_RESULT) return LW_OK;
  const uint32_t operands[3] = {ins->a, ins->b, ins->c};
  for (int k = 0; k < 3; k++)
    if (lw_ir_info[ins->op].args[k] == 'v')
      TRY(check_ref(v, operands[k], operand_types(ins, k)));
  return LW_OK;
}

/* Arguments are used where the block ends: v->i is past its last instruction. */
static Status check_edge_args(Verifier *v, const Block *b)
{
  const Func *f = v->f;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const Block *to = &f->blocks[f->edges[e].to];
    for (uint32_t k = 0; k < to->nparams; k++)
      TRY(check_ref(v, f->pool[f->edges[e].args + k], 1u << f->ins[to->first + k].type));
  }
  return LW_OK;
}

Status lw_ir_verify(const Func *f, Err *err)
{
  assert(f->preds);
  Verifier v = {.f = f, .err = err};
  v.doms = ARENA_ARR(f->arena, Dom, f->nblocks);
  if (!v.doms) return lw_nomem(err, "the verifier");
  TRY(check_shape(&v));
  TRY(find_dominators(&v));
  for (v.block = 0; v.block < f->nblocks; v.block++) {
    const Block *b = &f->blocks[v.block];
    for (v.i = b->first; v.i < b->end; v.i++)
      TRY(check_ins(&v));
    v.i = b->end - 1;
    TRY(check_edge_args(&v, b));
  }
  return LW_OK;
}
