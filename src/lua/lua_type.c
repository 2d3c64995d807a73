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
} names[] = {
  {"i32",       VAL_I32      },
  {"i64",       VAL_I64      },
  {"f32",       VAL_F32      },
  {"f64",       VAL_F64      },
  {"v128",      VAL_V128     },
  {"funcref",   VAL_FUNCREF  },
  {"externref", VAL_EXTERNREF},
};

static ValType type_called(const char *text, size_t len)
{
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i].text) == len && memcmp(names[i].text, text, len) == 0)
      return names[i].type;
  return VAL_NONE;
}

ValType lw_check_valtype(lua_State *L, int arg)
{
  size_t len;
  const char *text = luaL_checklstring(L, arg, &len);
  ValType t = type_called(text, len);
  if (t == VAL_NONE) luaL_argerror(L, arg, lua_pushfstring(L, "unknown type '%s'", text));
  if (t == VAL_V128) luaL_argerror(L, arg, "v128 is not supported yet");
  return t;
}

static const char *skip_space(const char *p)
{
  while (isspace((unsigned char)*p))
    p++;
  return p;
}

/* One type name at *p, which moves behind it. */
static ValType read_type(lua_State *L, int arg, const char **p)
{
  const char *start = skip_space(*p), *end = start;
  while (isalnum((unsigned char)*end))
    end++;
  assert(end >= start);
  ValType t = type_called(start, (size_t)(end - start));
  if (t == VAL_NONE || t == VAL_V128)
    luaL_argerror(L, arg, lua_pushfstring(L, "a type expected near '%s'", start));
  *p = skip_space(end);
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
    if (*p == '(')
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
