/*
** lua_type.c -- types as text, read from Lua: "i32", "(i32, f64) -> (i32, i64)".
** Layer: lua.
*/
#include "lua/bind.h"
#include "wasm/limits.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static const struct {
  const char *text;
  ValType type;
} numbers[] = {
  {"i32",  VAL_I32 },
  {"i64",  VAL_I64 },
  {"f32",  VAL_F32 },
  {"f64",  VAL_F64 },
  {"v128", VAL_V128},
};

/* Heap types, and what (ref null of them) is for short. */
static const struct {
  const char *text, *ref;
  uint32_t heap;
} heaps[] = {
  {"func",     "funcref",       HEAP_FUNC    },
  {"extern",   "externref",     HEAP_EXTERN  },
  {"any",      "anyref",        HEAP_ANY     },
  {"eq",       "eqref",         HEAP_EQ      },
  {"i31",      "i31ref",        HEAP_I31     },
  {"struct",   "structref",     HEAP_STRUCT  },
  {"array",    "arrayref",      HEAP_ARRAY   },
  {"none",     "nullref",       HEAP_NONE    },
  {"nofunc",   "nullfuncref",   HEAP_NOFUNC  },
  {"noextern", "nullexternref", HEAP_NOEXTERN},
};

static bool is_word(const char *text, size_t len, const char *word)
{
  return strlen(word) == len && memcmp(word, text, len) == 0;
}

static ValType type_called(const char *text, size_t len)
{
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (is_word(text, len, numbers[i].text)) return numbers[i].type;
  for (size_t i = 0; i < sizeof heaps / sizeof *heaps; i++)
    if (is_word(text, len, heaps[i].ref)) return VAL_REF_TO(heaps[i].heap, 1);
  return VAL_NONE;
}

static const char *skip_space(const char *p)
{
  while (isspace((unsigned char)*p))
    p++;
  return p;
}

/* The word at *p, which moves behind it and the space there. */
static size_t read_word(const char **p, const char **word)
{
  const char *end = *word = *p;
  while (isalnum((unsigned char)*end))
    end++;
  *p = skip_space(end);
  return (size_t)(end - *word);
}

/* "ref null? heap)", *p being behind the parenthesis; VAL_NONE: it is not. */
static ValType read_reference(const char **p)
{
  const char *word;
  size_t len = read_word(p, &word);
  if (!is_word(word, len, "ref")) return VAL_NONE;
  len = read_word(p, &word);
  bool nullable = is_word(word, len, "null");
  if (nullable) len = read_word(p, &word);
  for (size_t i = 0; i < sizeof heaps / sizeof *heaps; i++)
    if (**p == ')' && is_word(word, len, heaps[i].text)) {
      *p = skip_space(*p + 1);
      return VAL_REF_TO(heaps[i].heap, nullable);
    }
  return VAL_NONE;
}

/* One type at *p, which moves behind it; VAL_NONE: there is none. */
static ValType read_type_at(const char **p)
{
  *p = skip_space(*p);
  if (**p == '(') {
    *p = skip_space(*p + 1);
    return read_reference(p);
  }
  const char *word;
  size_t len = read_word(p, &word);
  return type_called(word, len);
}

ValType lw_check_valtype(lua_State *L, int arg)
{
  const char *text = luaL_checkstring(L, arg), *p = text;
  ValType t = read_type_at(&p);
  if (t == VAL_NONE || *p)
    luaL_argerror(L, arg, lua_pushfstring(L, "unknown type '%s'", text));
  return t;
}

static ValType read_type(lua_State *L, int arg, const char **p)
{
  const char *start = skip_space(*p);
  ValType t = read_type_at(p);
  if (t == VAL_NONE)
    luaL_argerror(L, arg, lua_pushfstring(L, "a type expected near '%s'", start));
  return t;
}

/* "(a, b)" at *p into out; the number of types. */
static uint32_t read_list(lua_State *L, int arg, const char **p, ValType *out)
{
  uint32_t n = 0;
  assert(**p == '(');
  *p = skip_space(*p + 1);
  if (**p != ')') {
    for (;;) {
      out[n++] = read_type(L, arg, p);
      if (**p != ',') break;
      *p = *p + 1;
    }
  }
  if (**p != ')') luaL_argerror(L, arg, lua_pushfstring(L, "')' expected near '%s'", *p));
  *p = skip_space(*p + 1);
  return n;
}

FuncType lw_check_functype(lua_State *L, int arg)
{
  size_t len;
  const char *p = skip_space(luaL_checklstring(L, arg, &len));
  ValType *types = lua_newuserdatauv(L, (len + 2) * sizeof *types, 0);
  FuncType t = {.params = types};
  if (*p != '(')
    luaL_argerror(L, arg, "a function type such as \"(i32) -> i32\" expected");
  t.nparams = read_list(L, arg, &p, types);
  t.results = types + t.nparams;
  if (p[0] == '-' && p[1] == '>') {
    p = skip_space(p + 2);
    if (*p == '(' && strncmp(skip_space(p + 1), "ref", 3) != 0)
      t.nresults = read_list(L, arg, &p, types + t.nparams);
    else {
      types[t.nparams] = read_type(L, arg, &p);
      t.nresults = 1;
    }
  }
  if (*p) luaL_argerror(L, arg, lua_pushfstring(L, "function type ends before '%s'", p));
  luaL_argcheck(L, t.nparams <= LIMIT_PARAMS && t.nresults <= LIMIT_RESULTS, arg,
                "too many parameters or results");
  return t;
}
