/*
** names.c -- the texts behind ir.def, trap.def and helper.def.
**
** Tables only: IR text, error messages and goldens read them.
** Layer: jit.
*/
#include <assert.h>

#include "jit/helper.h"
#include "jit/ir.h"
#include "jit/trap.h"

const char *const lw_mem_text[MEM__MAX] = {
  [MEM_8S] = "8s",           [MEM_8U] = "8u",           [MEM_16S] = "16s",
  [MEM_16U] = "16u",         [MEM_32S] = "32s",         [MEM_32] = "32",
  [MEM_64] = "64",           [MEM_128] = "128",         [MEM_8X8S] = "8x8s",
  [MEM_8X8U] = "8x8u",       [MEM_16X4S] = "16x4s",     [MEM_16X4U] = "16x4u",
  [MEM_32X2S] = "32x2s",     [MEM_32X2U] = "32x2u",     [MEM_SPLAT8] = "splat8",
  [MEM_SPLAT16] = "splat16", [MEM_SPLAT32] = "splat32", [MEM_SPLAT64] = "splat64",
  [MEM_ZERO32] = "zero32",   [MEM_ZERO64] = "zero64",
};

static const char *const trap_text[TRAP__MAX] = {
#define TRAP(name, text) text,
#include "jit/trap.def"
};

static const char *const trap_name[TRAP__MAX] = {
#define TRAP(name, text) #name,
#include "jit/trap.def"
};

_Static_assert(TRAP_NONE == 0, "a fresh activation has not trapped");
_Static_assert(TRAP__MAX <= 256, "the code is one byte behind ud2");

const char *lw_trap_text(unsigned code)
{
  return code < TRAP__MAX ? trap_text[code] : "unknown trap";
}

const char *lw_trap_name(unsigned code)
{
  return code < TRAP__MAX ? trap_name[code] : NULL;
}

const HelperInfo lw_helper_info[HELPER__MAX] = {
#define HELPER(name, nargs, result) {#name, nargs, VAL_##result},
#include "jit/helper.def"
};

#define HELPER(name, nargs, result)                                                      \
  _Static_assert((nargs) <= HELPER_MAX_ARGS, "arguments of " #name " fit in registers");
#include "jit/helper.def"
