/*
** module.h -- what a module says, decoded once: the facts every later room reads.
**
** lw_module_decode fills a Module from bytes; lw_module_validate checks it, bodies
** included. Afterwards a Module never changes and may be read by any thread.
** Invariants: `bytes` is borrowed and must outlive the Module (in practice Code owns
** both); all arrays live in `arena`; index spaces start with the imports; names
** point into `bytes` and are valid UTF-8.
** Layer: wasm.
*/
#ifndef LW_MODULE_H
#define LW_MODULE_H

#include "base/arena.h"
#include "base/status.h"
#include "wasm/types.h"

typedef struct Name {
  const char *text; /* not zero-terminated; may contain zeros */
  uint32_t len;
} Name;

typedef struct Span { /* a byte range of the module */
  uint32_t at, size;
} Span;

typedef struct Import {
  Name module, name;
  ExternKind kind;
  uint32_t index; /* in the index space of its kind */
  uint32_t at;    /* byte offset, for messages */
} Import;

typedef struct Export {
  Name name;
  ExternKind kind;
  uint32_t index;
} Export;

typedef struct FuncDef {
  uint32_t type;   /* typeidx */
  uint32_t escape; /* dense number among the functions a reference can be taken of
                      (exported, in an element segment, ref.func), or NO_ESCAPE */
  Span body;       /* locals and code, after the size field; empty for imports */
  uint8_t small;   /* BodyTraits.small */
} FuncDef;
#define NO_ESCAPE UINT32_MAX

typedef struct Global {
  GlobalType type;
  Span init;     /* constant expression, `end` included; empty for imports */
  bool exported; /* other instances may see it, so it lives in a cell of its own */
} Global;

typedef struct TableDef {
  TableType type;
  Span init;   /* 3.0: initializer expression; empty = null */
  uint32_t at; /* byte offset, for messages */
} TableDef;

typedef enum { SEG_ACTIVE, SEG_PASSIVE, SEG_DECLARED } SegMode;

typedef struct Elem {
  SegMode mode;
  ValType type;
  uint32_t table;
  Span offset; /* constant expression; active only */
  uint32_t count;
  const uint32_t *funcs; /* count function indexes, or NULL when `exprs` is used */
  const Span *exprs;     /* count constant expressions */
} Elem;

typedef struct Data {
  SegMode mode;
  uint32_t memory;
  Span offset; /* constant expression; active only */
  Span bytes;
} Data;

typedef struct Custom {
  Name name;
  Span bytes;
} Custom;

typedef struct Module {
  const uint8_t *bytes;
  size_t size;
  uint64_t features; /* bit per FEAT_* that code may use */

  TypeDef *types;
  uint32_t ntypes;
  Import *imports;
  uint32_t nimports;
  Export *exports;
  uint32_t nexports;
  Custom *customs;
  uint32_t ncustoms;

  /* index spaces, imports first */
  FuncDef *funcs;
  uint32_t nfuncs, nfuncs_imported, nescapes;
  uint32_t *escapes; /* escape number -> function index */
  TableDef *tables;
  uint32_t ntables, ntables_imported;
  Limits *memories;
  uint32_t nmemories, nmemories_imported;
  Global *globals;
  uint32_t nglobals, nglobals_imported;
  uint32_t *tags; /* typeidx of each */
  uint32_t ntags, ntags_imported;

  Elem *elems;
  uint32_t nelems;
  Data *datas;
  uint32_t ndatas;
  bool has_data_count;
  bool tail_leaves; /* some body may tail-call a function of another instance: known
                       once bodies are validated */
  bool keeps_types; /* objects, tables or globals of its types may be made, and outlive
                       it */
  uint32_t start;   /* function index, or UINT32_MAX */
  Span code;        /* the whole code section, for sizes and offsets */

  /* name section; empty where there is none. Damaged ones are ignored. */
  Name name;
  Name *func_names; /* nfuncs entries, or NULL */

  Arena arena;
} Module;

typedef struct DecodeOptions {
  uint64_t features; /* bit per FEAT_* that is allowed; 0 = all */
} DecodeOptions;

/*
** Decode the binary format (standard, section 5). LW_MALFORMED, LW_UNSUPPORTED,
** LW_LIMIT or LW_NOMEM; err->at is the byte offset. On failure everything is freed.
*/
Status lw_module_decode(const uint8_t *bytes, size_t size, const DecodeOptions *opts,
                        Module *m, Err *err);
/*
** Validate (standard, section 3), function bodies included. Also computes escapes.
** LW_INVALID, and LW_MALFORMED for bodies that do not decode.
*/
Status lw_module_validate(Module *m, Err *err);
/* The same in two steps, in this order: all but the bodies, for which the time does not
   depend on how much code there is; then the bodies. */
Status lw_module_validate_outside(Module *m, Err *err);
Status lw_module_validate_bodies(Module *m, Err *err);
void lw_module_free(Module *m);

/* A function type by its typeidx, of a validated module. */
static inline const FuncType *lw_module_signature(const Module *m, uint32_t typeidx)
{
  return &m->types[typeidx].func;
}
static inline const FuncType *lw_module_functype(const Module *m, uint32_t func)
{
  return lw_module_signature(m, m->funcs[func].type);
}
/* The defined function whose body has the byte at this offset; for an offset in none,
   some defined function. There must be one. */
uint32_t lw_module_func_at(const Module *m, uint32_t offset);
/* The name section's name of a function, else an export's, else empty. */
Name lw_module_func_name(const Module *m, uint32_t func);
/* The global that the name section (subsection 7) calls `name`: its index, or -1. Used to
   find "__stack_pointer". */
int64_t lw_module_global_named(const Module *m, const char *name);
/* The exported item called `name`, or NULL. Linear; Lua keeps its own index. */
const Export *lw_module_export(const Module *m, const char *name, size_t len);

#endif
