/*
** frames.c -- a guest with large stack frames in linear memory, for API row 11.
**
** clang keeps arrays of C in linear memory below the global __stack_pointer: each level
** of `dive` takes FRAME bytes there and writes marks over all of it. What happens at the
** bottom ends the call without a return, so the levels above never give their frames
** back: the host must. A host that forgets has used up the stack after a few hundred
** calls; one that gives back the wrong value shows in `where` or in a caller's marks.
*/
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define NOINLINE     __attribute__((noinline))

__attribute__((import_module("env"), import_name("hook"))) int32_t hook(int32_t value);

enum { FRAME = 6000, STEP = 250, MARKS = FRAME / STEP };

enum bottom {
  RETURN,      /* the ordinary way */
  UNREACHABLE, /* traps ... */
  BEYOND,
  DIVIDE,
  NULL_CALL,
  HOOK,     /* env.hook: returns, raises, yields or calls in again */
  FOR_EVER, /* env.hook once, then a loop that only an interrupt ends */
};

typedef int32_t (*Function)(int32_t);
static Function volatile no_function;
static volatile int32_t zero;

/* Where the stack in linear memory is now. */
EXPORT(where) NOINLINE int32_t where(void)
{
  volatile char here[16];
  volatile char *volatile address = here;
  return (int32_t)(intptr_t)address;
}

NOINLINE static int32_t at_bottom(int32_t kind, int32_t seed)
{
  switch (kind) {
  case UNREACHABLE: __builtin_trap();
  case BEYOND: return *(volatile int32_t *)(intptr_t)0xfffffff0u;
  case DIVIDE: return seed / zero;
  case NULL_CALL: return no_function(seed);
  case HOOK: return hook(seed);
  case FOR_EVER:
    hook(seed);
    for (;;)
      zero = 0;
  default: return seed;
  }
}

/*
** `depth` frames down, then `kind`. Returns a checksum of every mark in every frame and
** of what the bottom returned; -1 when a mark changed, which no call may cause.
*/
EXPORT(dive) NOINLINE int32_t dive(int32_t kind, int32_t depth, int32_t seed)
{
  volatile unsigned char frame[FRAME];
  for (int i = 0; i < MARKS; i++)
    frame[i * STEP] = (unsigned char)(seed + i * 7 + depth);
  uint32_t below =
    (uint32_t)(depth > 0 ? dive(kind, depth - 1, seed + 1) : at_bottom(kind, seed));
  uint32_t sum = below;
  for (int i = 0; i < MARKS; i++) {
    if (frame[i * STEP] != (unsigned char)(seed + i * 7 + depth)) return -1;
    sum = sum * 31 + frame[i * STEP];
  }
  return (int32_t)(sum & 0x7fffffff);
}
