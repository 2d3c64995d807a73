/*
** ops.h -- what the rest of the program may know about a WebAssembly operator.
**
** Everything here is made from ops.def, so decoder, validator, IR builder, printer and
** the Lua listing cannot disagree. Opcode is a dense index, not the wire code: tables
** stay small and free of gaps.
** Invariant: rows are sorted by wire code, so enum order is wire order and the operators
** of one family (loads, stores, comparisons) are neighbours.
** Layer: wasm.
*/
#ifndef LW_OPS_H
#define LW_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Immediates in the binary format. C name, text for the Lua listing. */
/* clang-format off */
#define LW_IMM_LIST(_)                                                                   \
  _(NONE,          "none")                                                               \
  _(BLOCK,         "block")         /* blocktype */                                      \
  _(LABEL,         "label")         /* labelidx */                                       \
  _(LABELS,        "labels")        /* vec(labelidx) labelidx */                         \
  _(FUNC,          "func")          /* funcidx */                                        \
  _(TYPE,          "type")          /* typeidx */                                        \
  _(CALL_INDIRECT, "call_indirect") /* typeidx tableidx */                               \
  _(LOCAL,         "local")         /* localidx */                                       \
  _(GLOBAL,        "global")        /* globalidx */                                      \
  _(TABLE,         "table")         /* tableidx */                                       \
  _(MEM,           "mem")           /* memidx */                                         \
  _(M0,            "m0")            /* memarg; natural alignment 2^0 */                  \
  _(M1,            "m1")            /* the five stay in this order: IMM_M0 + n is 2^n */ \
  _(M2,            "m2")                                                                 \
  _(M3,            "m3")                                                                 \
  _(M4,            "m4")                                                                 \
  _(L0,            "l0")            /* memarg laneidx; the order as above */             \
  _(L1,            "l1")                                                                 \
  _(L2,            "l2")                                                                 \
  _(L3,            "l3")                                                                 \
  _(LANE,          "lane")          /* laneidx */                                        \
  _(LANES16,       "lanes16")       /* laneidx x 16 */                                   \
  _(I32,           "i32")           /* s32 */                                            \
  _(I64,           "i64")           /* s64 */                                            \
  _(F32,           "f32")           /* 4 bytes */                                        \
  _(F64,           "f64")           /* 8 bytes */                                        \
  _(V128,          "v128")          /* 16 bytes */                                       \
  _(HEAP,          "heap")          /* heaptype */                                       \
  _(SELECT_T,      "select_t")      /* vec(valtype) */                                   \
  _(DATA,          "data")          /* dataidx */                                        \
  _(ELEM,          "elem")          /* elemidx */                                        \
  _(MEM_INIT,      "mem_init")      /* dataidx memidx */                                 \
  _(MEM_COPY,      "mem_copy")      /* memidx memidx: destination, source */             \
  _(TABLE_INIT,    "table_init")    /* elemidx tableidx */                               \
  _(TABLE_COPY,    "table_copy")    /* tableidx tableidx: destination, source */         \
  _(TAG,           "tag")           /* tagidx */                                         \
  _(TRY_TABLE,     "try_table")     /* blocktype vec(catch) */                           \
  _(CATCH,         "catch")         /* tagidx (legacy) */                                \
  _(DELEGATE,      "delegate")      /* labelidx (legacy) */                              \
  _(RETHROW,       "rethrow")       /* labelidx (legacy) */                              \
  _(FIELD,         "field")         /* typeidx fieldidx */                               \
  _(TYPE_TYPE,     "type_type")     /* typeidx typeidx: destination, source */           \
  _(ARRAY_N,       "array_n")       /* typeidx u32 */                                    \
  _(ARRAY_DATA,    "array_data")    /* typeidx dataidx */                                \
  _(ARRAY_ELEM,    "array_elem")    /* typeidx elemidx */                                \
  _(CAST,          "cast")          /* heaptype; the operator says if it is nullable */  \
  _(BR_CAST,       "br_cast")       /* castflags labelidx heaptype heaptype */           \
  _(FENCE,         "fence")         /* one zero byte */

/* The proposals that brought operators, types and sections. C name, text in messages
   and in Lua. The number is a bit of DecodeOptions.features. */
#define LW_FEAT_LIST(_)                                                                  \
  _(MVP,               "mvp")                                                            \
  _(SIGN_EXT,          "sign-extension")                                                 \
  _(SAT_FLOAT,         "nontrapping-float-to-int")                                       \
  _(MULTI_VALUE,       "multi-value")                                                    \
  _(BULK,              "bulk-memory")                                                    \
  _(REF_TYPES,         "reference-types")                                                \
  _(SIMD,              "simd")                                                           \
  _(RELAXED_SIMD,      "relaxed-simd")                                                   \
  _(TAIL_CALL,         "tail-call")                                                      \
  _(EXCEPTIONS,        "exceptions")                                                     \
  _(LEGACY_EXCEPTIONS, "legacy-exceptions")                                              \
  _(FUNC_REFS,         "function-references")                                            \
  _(GC,                "gc")                                                             \
  _(THREADS,           "threads")                                                        \
  _(MEMORY64,          "memory64")                                                       \
  _(MULTI_MEMORY,      "multi-memory")                                                   \
  _(EXTENDED_CONST,    "extended-const")                                                 \
  _(WIDE_ARITHMETIC,   "wide-arithmetic")                                                \
  _(CUSTOM_PAGE_SIZES, "custom-page-sizes")
/* clang-format on */

typedef enum {
#define LW_ENUM(name, text) IMM_##name,
  LW_IMM_LIST(LW_ENUM)
#undef LW_ENUM
    IMM__MAX
} Imm;

typedef enum {
#define LW_ENUM(name, text) FEAT_##name,
  LW_FEAT_LIST(LW_ENUM)
#undef LW_ENUM
    FEAT__MAX
} Feat;

/* What DecodeOptions.features = 0 stands for. */
enum { FEATS_ALL = (1 << FEAT__MAX) - 1 };

typedef enum {
  SIG_CODE, /* the validator has code of its own */
#define SIG(name, npop, a, b, c, d, npush, e, f) SIG_##name,
#include "wasm/sigs.def"
  SIG__MAX
} Sig;

typedef enum {
#define OP(name, code, text, imm, sig, feat) OP_##name,
#include "wasm/ops.def"
  OP__MAX /* also: no such operator */
} Opcode;

typedef struct OpInfo {
  const char *text;
  uint32_t code; /* on the wire: a byte, or prefix << 16 | number */
  uint8_t imm;   /* Imm */
  uint8_t sig;   /* Sig */
  uint8_t feat;  /* Feat */
} OpInfo;

enum { SIG_ADDR = 15 }; /* in SigInfo, beside VAL_*: i32 or i64, as the memory says */

typedef struct SigInfo {
  const char *text; /* "ii_i"; "CODE" */
  uint8_t npop, npush;
  uint8_t pop[4]; /* VAL_* or SIG_ADDR; the last one is on top of the stack */
  uint8_t push[2];
} SigInfo;

extern const OpInfo lw_op_info[OP__MAX];
extern const SigInfo lw_sig_info[SIG__MAX];
/* The body decoder's first look: lw_op_slots[byte] is the Opcode + 1 of an unprefixed
   operator, 0 for prefixes and for bytes that mean nothing. */
extern const uint16_t lw_op_slots[];

/* The operator with this wire code, or OP__MAX if there is none. O(1). */
Opcode lw_op_find(uint32_t code);

const char *lw_imm_text(Imm imm);    /* "m2" */
const char *lw_feat_text(Feat feat); /* "tail-call" */
/* The feature called `text` (len bytes), or FEAT__MAX. For options from Lua. */
Feat lw_feat_find(const char *text, size_t len);

/*
** LW_OK if `features` (bits of FEAT_*) has `feat`; else LW_UNSUPPORTED with a message
** that names the feature and `what` needed it.
*/
Status lw_feat_need(uint64_t features, Feat feat, const char *what, uint64_t at,
                    Err *err);

#endif
