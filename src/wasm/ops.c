/*
** ops.c -- the tables behind ops.h.
** Layer: wasm.
*/
#include "wasm/ops.h"

#include <assert.h>
#include <string.h>

#include "base/cpu.h"
#include "wasm/types.h"

const OpInfo lw_op_info[OP__MAX] = {
#define OP(name, code, text, imm, sig, feat)                                             \
  [OP_##name] = {text, code, IMM_##imm, SIG_##sig, FEAT_##feat},
#include "wasm/ops.def"
};

enum { VAL_ADDR = SIG_ADDR }; /* so that sigs.def can paste it like the others */
_Static_assert((int)SIG_ADDR > (int)VAL_I16, "not a ValType kind");

/* clang-format off */
const SigInfo lw_sig_info[SIG__MAX] = {
  [SIG_CODE] = {.text = "CODE"},
#define SIG(name, npop, a, b, c, d, npush, e, f)                                         \
  [SIG_##name] = {#name, npop, npush,                                                    \
                  {VAL_##a, VAL_##b, VAL_##c, VAL_##d}, {VAL_##e, VAL_##f}},
#include "wasm/sigs.def"
};
/* clang-format on */

/*
** Wire codes to Opcodes: the five code spaces laid one after the other. Slots hold
** Opcode + 1, so that a hole is 0.
*/
enum {
  SPACE_GC = 256, /* 0xfb */
  SPACE_MISC = SPACE_GC + 0x40,
  SPACE_VECTOR = SPACE_MISC + 0x20,
  SPACE_ATOMIC = SPACE_VECTOR + 0x120,
  SPACE_END = SPACE_ATOMIC + 0x50,
};
#define SPACE(code)                                                                      \
  ((code) < 0x10000       ? 0                                                            \
   : (code) >> 16 == 0xfb ? SPACE_GC                                                     \
   : (code) >> 16 == 0xfc ? SPACE_MISC                                                   \
   : (code) >> 16 == 0xfd ? SPACE_VECTOR                                                 \
                          : SPACE_ATOMIC)
#define SLOT(code) (SPACE(code) + ((code)&0xffff))

const uint16_t lw_op_slots[SPACE_END] = {
#define OP(name, code, text, imm, sig, feat) [SLOT(code)] = OP_##name + 1,
#include "wasm/ops.def"
};

/* A code outside its space would silently land in the next one. */
_Static_assert(SLOT(0xfb001e) < SPACE_MISC && SLOT(0xfc0016) < SPACE_VECTOR &&
                 SLOT(0xfd0113) < SPACE_ATOMIC && SLOT(0xfe004e) < SPACE_END,
               "the last operator of each space fits");
_Static_assert(OP_UNREACHABLE == 0 && OP_I64_EXTEND32_S > OP_I32_EQZ &&
                 OP_STRUCT_NEW > OP_BR_ON_NON_NULL && OP_V128_LOAD > OP_I64_MUL_WIDE_U &&
                 OP_I64_ATOMIC_RMW32_CMPXCHG_U == OP__MAX - 1,
               "rows are in wire order");

Opcode lw_op_find(uint32_t code)
{
  uint32_t prefix = code >> 16, number = code & 0xffff, from, to;
  switch (prefix) {
  case 0: from = 0, to = SPACE_GC; break;
  case 0xfb: from = SPACE_GC, to = SPACE_MISC; break;
  case 0xfc: from = SPACE_MISC, to = SPACE_VECTOR; break;
  case 0xfd: from = SPACE_VECTOR, to = SPACE_ATOMIC; break;
  case 0xfe: from = SPACE_ATOMIC, to = SPACE_END; break;
  default: return OP__MAX;
  }
  if (number >= to - from || !lw_op_slots[from + number]) return OP__MAX;
  Opcode op = (Opcode)(lw_op_slots[from + number] - 1);
  assert(lw_op_info[op].code == code);
  return op;
}

const char *lw_imm_text(Imm imm)
{
  static const char *const text[] = {
#define LW_TEXT(name, word) word,
    LW_IMM_LIST(LW_TEXT)
#undef LW_TEXT
  };
  assert(imm < IMM__MAX);
  return text[imm];
}

static const char *const feat_text[FEAT__MAX] = {
#define LW_TEXT(name, word) word,
  LW_FEAT_LIST(LW_TEXT)
#undef LW_TEXT
};

const char *lw_feat_text(Feat feat)
{
  assert(feat < FEAT__MAX);
  return feat_text[feat];
}

Feat lw_feat_find(const char *text, size_t len)
{
  for (unsigned i = 0; i < FEAT__MAX; i++)
    if (strlen(feat_text[i]) == len && memcmp(feat_text[i], text, len) == 0)
      return (Feat)i;
  return FEAT__MAX;
}

Status lw_feat_need(uint64_t features, Feat feat, const char *what, uint64_t at, Err *err)
{
  if (features >> feat & 1) return LW_OK;
  if ((feat == FEAT_SIMD || feat == FEAT_RELAXED_SIMD) &&
      !(lw_cpu_features() & CPU_SSE41))
    return lw_fail(err, LW_UNSUPPORTED, at,
                   "feature %s needs a processor with SSE4.1: %s", lw_feat_text(feat),
                   what);
  return lw_fail(err, LW_UNSUPPORTED, at, "feature switched off: %s (%s)",
                 lw_feat_text(feat), what);
}
