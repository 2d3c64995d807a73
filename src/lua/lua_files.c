/*
** lua_files.c -- has a file changed? What a hot reload asks, and Lua cannot; is it a
** terminal, which `luawasm` asks.
** Layer: lua.
*/
#include "lua/bind.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A path without a zero byte inside, which the system would cut. */
static const char *check_path(lua_State *L, int arg)
{
  size_t len;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(path) == len, arg, "a path has no zero byte");
  return path;
}

/*
** core.stat(path) -> a string that changes with the file, seconds since it was last
** written to (negative: in the future) | nil, message
*/
static int files_stat(lua_State *L)
{
  struct stat s;
  const char *path = check_path(L, 1);
  if (stat(path, &s) != 0) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(errno));
    return 2;
  }
  lua_pushfstring(L, "%I:%I:%I:%I.%I", (LUAI_UACINT)s.st_dev, (LUAI_UACINT)s.st_ino,
                  (LUAI_UACINT)s.st_size, (LUAI_UACINT)s.st_mtim.tv_sec,
                  (LUAI_UACINT)s.st_mtim.tv_nsec);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  lua_pushnumber(L, (lua_Number)(now.tv_sec - s.st_mtim.tv_sec) +
                      (lua_Number)(now.tv_nsec - s.st_mtim.tv_nsec) / 1e9);
  return 2;
}

/* core.clock() -> seconds that only rise */
static int files_clock(lua_State *L)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

/* ---- watching a directory: userdata "wasm.watch" ---- */

#define WATCH_NAME "wasm.watch"

static int *check_watch(lua_State *L)
{
  return luaL_checkudata(L, 1, WATCH_NAME);
}

/* core.watch(directory) -> watch | nil: the system has none, or no more of them */
static int files_watch(lua_State *L)
{
  const char *path = check_path(L, 1);
  int *fd = lua_newuserdatauv(L, sizeof *fd, 0);
  *fd = -1;
  luaL_setmetatable(L, WATCH_NAME);
  *fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  uint32_t events = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO |
                    IN_MOVED_FROM | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
  if (*fd < 0 || inotify_add_watch(*fd, path, events) < 0) lua_pushnil(L);
  return 1;
}

/* watch:changed() -> has anything happened in the directory since the last time? */
static int watch_changed(lua_State *L)
{
  enum { READS = 16 }; /* who writes without a pause is seen the next time as well */
  char buffer[4096];
  const int *fd = check_watch(L);
  bool changed = false;
  for (int n = 0; n < READS && *fd >= 0 && read(*fd, buffer, sizeof buffer) > 0; n++)
    changed = true;
  lua_pushboolean(L, changed || *fd < 0);
  return 1;
}

static int watch_close(lua_State *L)
{
  int *fd = check_watch(L);
  if (*fd >= 0) close(*fd);
  *fd = -1;
  return 0;
}

static const luaL_Reg methods[] = {
  {"changed", watch_changed},
  {"close",   watch_close  },
  {NULL,      NULL         },
};
/* core.is_terminal(fd) -> does this descriptor of the process lead to a terminal? */
static int files_is_terminal(lua_State *L)
{
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

static const luaL_Reg functions[] = {
  {"stat",        files_stat       },
  {"clock",       files_clock      },
  {"watch",       files_watch      },
  {"is_terminal", files_is_terminal},
  {NULL,          NULL             },
};

void lw_open_files(lua_State *L)
{
  luaL_newmetatable(L, WATCH_NAME);
  lua_pushcfunction(L, watch_close);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  lw_add_functions(L, functions);
}
