/*
** types.c -- types as text, and comparing function types.
** Layer: wasm.
*/
#include "wasm/types.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_text[] = {
  [VAL_NONE] = "none", [VAL_I32] = "i32", [VAL_I64] = "i64",
  [VAL_F32] = "f32",   [VAL_F64] = "f64", [VAL_V128] = "v128",
  [VAL_REF] = "ref",   [VAL_I8] = "i8",   [VAL_I16] = "i16",
};

/* Heap type in a reference, and the short form of its nullable reference. */
static const struct {
  const char *heap, *ref;
} heap_text[] = {
  [HEAP_FUNC - HEAP_ABSTRACT] = {"func",     "funcref"          },
  [HEAP_EXTERN - HEAP_ABSTRACT] = {"extern",   "externref"        },
  [HEAP_ANY - HEAP_ABSTRACT] = {"any",      "anyref"           },
  [HEAP_EQ - HEAP_ABSTRACT] = {"eq",       "eqref"            },
  [HEAP_I31 - HEAP_ABSTRACT] = {"i31",      "i31ref"           },
  [HEAP_STRUCT - HEAP_ABSTRACT] = {"struct",   "structref"        },
  [HEAP_ARRAY - HEAP_ABSTRACT] = {"array",    "arrayref"         },
  [HEAP_EXN - HEAP_ABSTRACT] = {"exn",      "exnref"           },
  [HEAP_NONE - HEAP_ABSTRACT] = {"none",     "nullref"          },
  [HEAP_NOFUNC - HEAP_ABSTRACT] = {"nofunc",   "nullfuncref"      },
  [HEAP_NOEXTERN - HEAP_ABSTRACT] = {"noextern", "nullexternref"    },
  [HEAP_NOEXN - HEAP_ABSTRACT] = {"noexn",    "nullexnref"       },
  [HEAP_BOTTOM - HEAP_ABSTRACT] = {"bottom",   "(ref null bottom)"},
};
_Static_assert(sizeof heap_text / sizeof *heap_text == HEAP_BOTTOM - HEAP_ABSTRACT + 1,
               "every abstract heap type has a text");

const char *lw_val_text(ValType t, char *buf, size_t cap)
{
  assert(cap > 0);
  unsigned kind = lw_val_kind(t);
  if (kind != VAL_REF) {
    assert(kind < sizeof kind_text / sizeof *kind_text);
    snprintf(buf, cap, "%s", kind_text[kind]);
    return buf;
  }
  uint32_t heap = lw_val_heap(t);
  const char *null = t & VAL_NULLABLE ? "null " : "";
  if (heap < HEAP_ABSTRACT)
    snprintf(buf, cap, "(ref %s%u)", null, (unsigned)heap);
  else if (t & VAL_NULLABLE)
    snprintf(buf, cap, "%s", heap_text[heap - HEAP_ABSTRACT].ref);
  else
    snprintf(buf, cap, "(ref %s)", heap_text[heap - HEAP_ABSTRACT].heap);
  return buf;
}

typedef struct Out { /* text so far; len may run beyond cap */
  char *buf;
  size_t cap, len;
} Out;

static void put(Out *o, const char *text)
{
  size_t n = strlen(text);
  for (size_t i = 0; i < n && o->len + i + 1 < o->cap; i++)
    o->buf[o->len + i] = text[i];
  o->len += n;
}

static void put_types(Out *o, const ValType *types, uint32_t n, bool parens)
{
  char one[40];
  if (parens) put(o, "(");
  for (uint32_t i = 0; i < n && o->len < o->cap; i++) {
    if (i) put(o, ", ");
    put(o, lw_val_text(types[i], one, sizeof one));
  }
  if (parens) put(o, ")");
}

const char *lw_functype_text(const FuncType *t, char *buf, size_t cap)
{
  assert(cap >= 4);
  Out o = {buf, cap, 0};
  put_types(&o, t->params, t->nparams, true);
  put(&o, " -> ");
  put_types(&o, t->results, t->nresults, t->nresults != 1);
  if (o.len < cap)
    buf[o.len] = '\0';
  else
    memcpy(buf + cap - 4, "...", 4);
  return buf;
}

const char *lw_extern_text(ExternKind k)
{
  static const char *const text[EXTERN__MAX] = {"function", "table", "memory", "global",
                                                "tag"};
  assert(k < EXTERN__MAX);
  return text[k];
}

bool lw_functype_equal(const FuncType *a, const FuncType *b)
{
  if (a == b) return true;
  if (a->nparams != b->nparams || a->nresults != b->nresults) return false;
  return (!a->nparams || !memcmp(a->params, b->params, a->nparams * sizeof *a->params)) &&
         (!a->nresults ||
          !memcmp(a->results, b->results, a->nresults * sizeof *a->results));
}

/* ---- objects ---- */

uint32_t lw_storage_size(ValType t)
{
  switch (lw_val_kind(t)) {
  case VAL_I8: return 1;
  case VAL_I16: return 2;
  case VAL_I32:
  case VAL_F32: return 4;
  case VAL_V128: return 16;
  default: return 8;
  }
}

uint32_t lw_fields_lay_out(FieldType *fields, uint32_t n)
{
  uint32_t at = OBJECT_HEADER;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t size = lw_storage_size(fields[i].type);
    at = (at + size - 1) & ~(size - 1);
    fields[i].offset = at;
    at += size; /* at most 10,000 fields of 16 bytes */
  }
  return at;
}

/* ---- subtypes among abstract heap types ---- */

uint32_t lw_kind_heap(TypeKind kind)
{
  return kind == TYPE_FUNC ? HEAP_FUNC : kind == TYPE_STRUCT ? HEAP_STRUCT : HEAP_ARRAY;
}

uint32_t lw_heap_top(uint32_t heap)
{
  switch (heap) {
  case HEAP_FUNC:
  case HEAP_NOFUNC: return HEAP_FUNC;
  case HEAP_EXTERN:
  case HEAP_NOEXTERN: return HEAP_EXTERN;
  case HEAP_EXN:
  case HEAP_NOEXN: return HEAP_EXN;
  default: return HEAP_ANY;
  }
}

bool lw_heap_below(uint32_t a, uint32_t b)
{
  assert(a >= HEAP_ABSTRACT && b >= HEAP_ABSTRACT);
  if (a == b || a == HEAP_BOTTOM) return true;
  switch (a) {
  case HEAP_NONE: return lw_heap_top(b) == HEAP_ANY && b != HEAP_BOTTOM;
  case HEAP_I31:
  case HEAP_STRUCT:
  case HEAP_ARRAY: return b == HEAP_EQ || b == HEAP_ANY;
  case HEAP_EQ: return b == HEAP_ANY;
  case HEAP_NOFUNC: return b == HEAP_FUNC;
  case HEAP_NOEXTERN: return b == HEAP_EXTERN;
  case HEAP_NOEXN: return b == HEAP_EXN;
  default: return false;
  }
}
