/*
** call.c -- from a native call of machine code to the function of its row, and the
** memory of the guest.
** Layer: wasi.
*/
#include "wasi/call.h"

#include <assert.h>
#include <limits.h>

static const WasiCall rows[] = {
#define CALL(name, params, function) {#name, params},
#include "wasi/wasi.def"
};

static Errno (*const functions[])(Call *c) = {
#define CALL(name, params, function) function,
#include "wasi/wasi.def"
};

enum { IOVECS_LOOKED_AT = 1 << 20 };
enum { COUNT = sizeof rows / sizeof *rows, UNSTABLE = 1 << 16 };

uint32_t lw_wasi_count(void)
{
  return COUNT;
}

const WasiCall *lw_wasi_call(uint32_t n)
{
  assert(n < COUNT);
  return &rows[n];
}

bool lw_wasi_unstable(uint32_t n)
{
  return functions[n] != lw_call_sock_accept;
}

bool lw_wasi_returns(uint32_t n)
{
  return functions[n] != lw_call_proc_exit;
}

static unsigned run(NativeCall *native)
{
  Call c = {
    .native = native, .w = native->context, .unstable = (native->number & UNSTABLE) != 0};
  uint32_t n = native->number & (UNSTABLE - 1);
  assert(n < COUNT);
  Errno e = functions[n](&c);
  if (e == WASI_ASK) return NATIVE_ASK;
  if (e == WASI_EXIT) return NATIVE_EXIT;
  assert(e < WASI_ERRNO__MAX);
  native->results[0].i64 = e;
  return NATIVE_DONE;
}

static void drop(void *context)
{
  lw_wasi_unref(context);
}

void lw_wasi_bind(HostFunc *h, Wasi *w, uint32_t n, bool unstable)
{
  assert(n < COUNT);
  lw_host_native(h, run, lw_wasi_ref(w), n | (unstable ? UNSTABLE : 0u), drop);
}

const char *lw_wasi_asking(const Activation *a)
{
  uint32_t n = a->callee->number & (UNSTABLE - 1);
  assert(a->callee->native == run && n < COUNT);
  return rows[n].name;
}

/* ---- the guest's memory ---- */

uint8_t *lw_guest(const Call *c, uint32_t at, uint64_t size)
{
  static uint8_t none;
  const Memory *m = c->native->memory;
  if (!m || !lw_memory_has(m, at, size)) return NULL;
  return size ? m->base + at : &none;
}

Errno lw_guest_put32(const Call *c, uint32_t at, uint32_t v)
{
  uint8_t *p = lw_guest(c, at, sizeof v);
  if (!p) return WASI_FAULT;
  put32(p, v);
  return WASI_SUCCESS;
}

Errno lw_guest_put64(const Call *c, uint32_t at, uint64_t v)
{
  uint8_t *p = lw_guest(c, at, sizeof v);
  if (!p) return WASI_FAULT;
  put64(p, v);
  return WASI_SUCCESS;
}

/* Each pair is read once: another thread may change it meanwhile. */
Errno lw_guest_iovecs(const Call *c, uint32_t at, uint32_t count, Iovecs *out)
{
  const uint8_t *list = lw_guest(c, at, (uint64_t)count * 8);
  const uint64_t most = INT_MAX & ~4095; /* as the system has it */
  if (!list) return WASI_FAULT;
  if (count > IOVECS_LOOKED_AT) return WASI_INVAL; /* as a system does for many fewer */
  out->n = 0;
  out->total = 0;
  for (uint32_t k = 0; k < count; k++, list += 8) {
    uint32_t from = get32(list), size = get32(list + 4);
    void *p = lw_guest(c, from, size);
    if (!p) return WASI_FAULT;
    if (size == 0 || out->total == most || out->n == IOVECS_MAX) continue;
    if (size > most - out->total) size = (uint32_t)(most - out->total);
    out->v[out->n++] = (struct iovec){p, size};
    out->total += size;
  }
  return WASI_SUCCESS;
}

Errno lw_guest_path(const Call *c, uint32_t at, uint32_t size,
                    char out[WASI_PATH_MAX + 1])
{
  const uint8_t *p = lw_guest(c, at, size);
  if (!p) return WASI_FAULT;
  if (size == 0) return WASI_NOENT;
  if (size > WASI_PATH_MAX) return WASI_NAMETOOLONG;
  memcpy(out, p, size);
  out[size] = '\0';
  return memchr(out, 0, size) ? WASI_INVAL : WASI_SUCCESS;
}

/* ---- arguments and environment ---- */

static Errno strings_sizes(Call *c, const Strings *s)
{
  TRY_ERRNO(lw_guest_put32(c, arg32(c, 0), s->n));
  return lw_guest_put32(c, arg32(c, 1), (uint32_t)s->size);
}

static Errno strings_get(Call *c, const Strings *s)
{
  uint8_t *pointers = lw_guest(c, arg32(c, 0), (uint64_t)s->n * 4);
  uint8_t *bytes = lw_guest(c, arg32(c, 1), s->size);
  if (!pointers || !bytes) return WASI_FAULT;
  for (size_t at = 0; at < s->size; at += strlen(s->bytes + at) + 1, pointers += 4)
    put32(pointers, arg32(c, 1) + (uint32_t)at);
  if (s->size) memcpy(bytes, s->bytes, s->size);
  return WASI_SUCCESS;
}

Errno lw_call_args_get(Call *c)
{
  return strings_get(c, &c->w->args);
}

Errno lw_call_args_sizes_get(Call *c)
{
  return strings_sizes(c, &c->w->args);
}

Errno lw_call_environ_get(Call *c)
{
  return strings_get(c, &c->w->env);
}

Errno lw_call_environ_sizes_get(Call *c)
{
  return strings_sizes(c, &c->w->env);
}

/* ---- the process ---- */

Errno lw_call_proc_exit(Call *c)
{
  c->native->exit_code = arg32(c, 0);
  return WASI_EXIT;
}

/* There are no signals here; the standard has taken the call out since. */
Errno lw_call_proc_raise(Call *c)
{
  (void)c;
  return WASI_NOTSUP;
}

/* The host's threads are no matter of the guest's. */
Errno lw_call_sched_yield(Call *c)
{
  (void)c;
  return WASI_SUCCESS;
}
