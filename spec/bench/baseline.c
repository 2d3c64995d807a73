/*
** baseline.c -- what the benchmarks measure against: a plain Lua C module.
**
**   clock()           nanoseconds, monotonic
**   native(path)      run(n) of a kernel compiled natively, as a Lua C function
**   add(a, b)         the plainest C function of two integers
**   callback(f, n)    calls f(i) n times from C with lua_call; returns the last result
**   writes(path, n)   writes 64 bytes to a new file n times; the file's size
**   copy(from, to)    copies a file 64 KiB at a time; the copy's size
**   peak()            the largest resident size of this process so far, in bytes
*/
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef uint32_t (*Run)(uint32_t n);

static int bench_clock(lua_State *L)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushinteger(L, (lua_Integer)t.tv_sec * 1000000000 + t.tv_nsec);
  return 1;
}

static int native_run(lua_State *L)
{
  Run run;
  void *p = lua_touserdata(L, lua_upvalueindex(1));
  memcpy(&run, &p, sizeof run);
  lua_pushinteger(L, run((uint32_t)luaL_checkinteger(L, 1)));
  return 1;
}

static int bench_native(lua_State *L)
{
  void *lib = dlopen(luaL_checkstring(L, 1), RTLD_NOW | RTLD_LOCAL);
  void *run = lib ? dlsym(lib, "run") : NULL;
  if (!run) return luaL_error(L, "%s", dlerror());
  lua_pushlightuserdata(L, run);
  lua_pushcclosure(L, native_run, 1);
  return 1;
}

static int bench_add(lua_State *L)
{
  lua_pushinteger(L, luaL_checkinteger(L, 1) + luaL_checkinteger(L, 2));
  return 1;
}

static int bench_callback(lua_State *L)
{
  lua_Integer n = luaL_checkinteger(L, 2), last = 0;
  for (lua_Integer i = 0; i < n; i++) {
    lua_pushvalue(L, 1);
    lua_pushinteger(L, i);
    lua_call(L, 1, 1);
    last = lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_pushinteger(L, last);
  return 1;
}

static int bench_writes(lua_State *L)
{
  char bytes[64] = {1};
  lua_Integer n = luaL_checkinteger(L, 2), size = 0;
  int fd = open(luaL_checkstring(L, 1), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return luaL_error(L, "%s", strerror(errno));
  for (lua_Integer i = 0; i < n; i++)
    size += write(fd, bytes, sizeof bytes);
  close(fd);
  lua_pushinteger(L, size);
  return 1;
}

static int bench_copy(lua_State *L)
{
  static _Alignas(4096) char bytes[65536];
  lua_Integer size = 0;
  int from = open(luaL_checkstring(L, 1), O_RDONLY | O_CLOEXEC);
  int to = open(luaL_checkstring(L, 2), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (from < 0 || to < 0) return luaL_error(L, "%s", strerror(errno));
  for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
    size += write(to, bytes, (size_t)n);
  close(from);
  close(to);
  lua_pushinteger(L, size);
  return 1;
}

static int bench_peak(lua_State *L)
{
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  lua_pushinteger(L, (lua_Integer)use.ru_maxrss * 1024);
  return 1;
}

static const luaL_Reg functions[] = {
  {"clock",    bench_clock   },
  {"native",   bench_native  },
  {"add",      bench_add     },
  {"callback", bench_callback},
  {"writes",   bench_writes  },
  {"copy",     bench_copy    },
  {"peak",     bench_peak    },
  {NULL,       NULL          },
};

__attribute__((visibility("default"))) int luaopen_baseline(lua_State *L);
int luaopen_baseline(lua_State *L)
{
  luaL_newlib(L, functions);
  return 1;
}
