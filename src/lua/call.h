/*
** call.h -- how a plain function lays out its Lua stack while wasm has called out.
**
** Slot 1 has the anchor (where the host function may yield) or the Activation as light
** userdata, slot 2 the table of host functions, slot 3 the message handler; then come the
** host function and its arguments. lua_trace.c finds the activation there.
** Layer: lua.
*/
#ifndef LW_CALL_H
#define LW_CALL_H

#include "lua/bind.h"

/* Owns an activation that may be parked: whoever collects or closes the coroutine finds
   this on its stack. Keeps the coroutine as user value, so that `L` is never stale. */
typedef struct Anchor {
  Handle h;
  Activation *act; /* NULL: the call has ended */
  lua_State *L;
} Anchor;

enum {
  UV_ANCHOR_THREAD = 1,
  UV_ANCHOR_KEEPS
}; /* the latter: an instance's older version */
enum { SLOT_ACT = 1, SLOT_HOSTS, SLOT_HANDLER };

/* The activation of the level `ar` (a plain function), or NULL if it has not called out.
 */
const Activation *lw_call_activation(lua_State *L, lua_Debug *ar);

/* The C function between a plain function and what it calls out to (lua_call.c). */
int lw_run_covered(lua_State *L);

#endif
