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
  [HEAP_FUNC - HEAP_ABSTRACT] = {"func",     "funcref"      },
  [HEAP_EXTERN - HEAP_ABSTRACT] = {"extern",   "externref"    },
  [HEAP_ANY - HEAP_ABSTRACT] = {"any",      "anyref"       },
  [HEAP_EQ - HEAP_ABSTRACT] = {"eq",       "eqref"        },
  [HEAP_I31 - HEAP_ABSTRACT] = {"i31",      "i31ref"       },
  [HEAP_STRUCT - HEAP_ABSTRACT] = {"struct",   "structref"    },
  [HEAP_ARRAY - HEAP_ABSTRACT] = {"array",    "arrayref"     },
  [HEAP_EXN - HEAP_ABSTRACT] = {"exn",      "exnref"       },
  [HEAP_NONE - HEAP_ABSTRACT] = {"none",     "nullref"      },
  [HEAP_NOFUNC - HEAP_ABSTRACT] = {"nofunc",   "nullfuncref"  },
  [HEAP_NOEXTERN - HEAP_ABSTRACT] = {"noextern", "nullexternref"},
  [HEAP_NOEXN - HEAP_ABSTRACT] = {"noexn",    "nullexnref"   },
};
_Static_assert(sizeof heap_text / sizeof *heap_text == HEAP_NOEXN - HEAP_ABSTRACT + 1,
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
