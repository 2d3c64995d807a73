/*
** types.h -- the types of WebAssembly as small values.
**
** A ValType is one u32 that holds any value type of WebAssembly 3.0, so types
** compare with `==` inside one module. Layout, low bits first:
**   bits 0-3  kind (VAL_I32 ...; VAL_REF for every reference)
**   bit  4    nullable (references only)
**   bits 8-31 heap type (references only): a type index, or HEAP_* when
**             it is abstract
** Invariant: numeric types have nothing above bit 3.
** Layer: wasm.
*/
#ifndef LW_TYPES_H
#define LW_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t ValType;

enum {
  VAL_NONE = 0, /* no type; also the bottom type of unreachable operands */
  VAL_I32,
  VAL_I64,
  VAL_F32,
  VAL_F64,
  VAL_V128,
  VAL_REF,
  VAL_I8, /* packed storage types, fields only */
  VAL_I16,
  VAL_KIND_MASK = 0xf,
  VAL_NULLABLE = 0x10,
};

/* Abstract heap types live above every possible type index. */
enum {
  HEAP_ABSTRACT = 0xffff00,
  HEAP_FUNC = HEAP_ABSTRACT,
  HEAP_EXTERN,
  HEAP_ANY,
  HEAP_EQ,
  HEAP_I31,
  HEAP_STRUCT,
  HEAP_ARRAY,
  HEAP_EXN,
  HEAP_NONE,
  HEAP_NOFUNC,
  HEAP_NOEXTERN,
  HEAP_NOEXN,
  HEAP_BOTTOM, /* below all of them: a reference that unreachable code would have */
};

#define VAL_REF_TO(heap, nullable)                                                       \
  ((ValType)(VAL_REF | ((nullable) ? VAL_NULLABLE : 0) | ((uint32_t)(heap) << 8)))
#define VAL_FUNCREF   VAL_REF_TO(HEAP_FUNC, 1)
#define VAL_EXTERNREF VAL_REF_TO(HEAP_EXTERN, 1)

static inline unsigned lw_val_kind(ValType t)
{
  return t & VAL_KIND_MASK;
}
static inline bool lw_val_is_ref(ValType t)
{
  return lw_val_kind(t) == VAL_REF;
}
static inline bool lw_val_is_num(ValType t)
{
  return t >= VAL_I32 && t <= VAL_F64;
}
static inline uint32_t lw_val_heap(ValType t)
{
  return t >> 8;
}
static inline bool lw_val_is_float(ValType t) /* lives in a vector register */
{
  return t >= VAL_F32 && t <= VAL_V128;
}

typedef struct FuncType {
  const ValType *params, *results;
  uint32_t nparams, nresults;
} FuncType;

/* A field of a struct, or what all elements of an array are. */
typedef struct FieldType {
  ValType type;    /* VAL_I8 and VAL_I16 too: packed */
  uint32_t offset; /* bytes from the start of the object (lw_fields_lay_out) */
  bool mutable_;
} FieldType;

typedef enum { TYPE_FUNC, TYPE_STRUCT, TYPE_ARRAY } TypeKind;
#define NO_TYPE UINT32_MAX

/* One entry of a module's type section. */
typedef struct TypeDef {
  uint8_t kind;            /* TypeKind */
  bool final;              /* nothing may be a subtype of it */
  uint8_t depth;           /* how many supertypes it has; set by validation */
  bool defaults;           /* all fields have a default value */
  uint32_t super;          /* typeidx or NO_TYPE */
  uint32_t group;          /* first type of its recursion group */
  uint32_t ngroup;         /* how many are in it */
  uint32_t canon;          /* the first type here that is equal; set by validation */
  uint32_t jump;           /* itself, or one of its supertypes; likewise (match.c) */
  FuncType func;           /* TYPE_FUNC */
  const FieldType *fields; /* TYPE_STRUCT; TYPE_ARRAY has one */
  uint32_t nfields;
  uint32_t size; /* bytes of a struct, its header included */
} TypeDef;

/* Bytes before the first field of a struct, before the first element of an array. */
enum { OBJECT_HEADER = 8, ARRAY_HEADER = 16 };

typedef struct Limits {
  uint64_t min, max; /* pages or elements; max is UINT64_MAX when absent */
  bool has_max;
  bool is64;   /* i64 index type (memory64, table64) */
  bool shared; /* memories only, as is the next */
  bool bytes;  /* its pages have 1 byte (custom-page-sizes), not 64 KiB */
} Limits;

static inline unsigned lw_page_log2(const Limits *memory)
{
  return memory->bytes ? 0 : 16;
}

typedef struct TableType {
  ValType elem;
  Limits limits;
} TableType;

typedef struct GlobalType {
  ValType type;
  bool mutable_;
} GlobalType;

/* The kinds of import and export, in the binary format's numbering. */
typedef enum {
  EXTERN_FUNC,
  EXTERN_TABLE,
  EXTERN_MEMORY,
  EXTERN_GLOBAL,
  EXTERN_TAG,
  EXTERN__MAX
} ExternKind;

/* "i32", "funcref", "(ref null 3)" ...; writes at most `cap` bytes, returns buf. */
const char *lw_val_text(ValType t, char *buf, size_t cap);
/* "(i32, f64) -> i32"; shortened with "..." when it does not fit. Returns buf. */
const char *lw_functype_text(const FuncType *t, char *buf, size_t cap);
const char *lw_extern_text(ExternKind k); /* "function", "table", "memory", ... */
bool lw_functype_equal(const FuncType *a, const FuncType *b);

/* Bytes of a value of storage type `t` in an object or array. */
uint32_t lw_storage_size(ValType t);
/* Give each field its offset: in order, aligned to its size, so that a subtype has the
   fields of its supertype where they were. Returns the size of the object. */
uint32_t lw_fields_lay_out(FieldType *fields, uint32_t n);
/* The abstract heap type right above a concrete type of this kind. */
uint32_t lw_kind_heap(TypeKind kind);
/* Is the abstract heap type `a` a subtype of the abstract `b`? (standard, 3.3.3) */
bool lw_heap_below(uint32_t a, uint32_t b);
/* The top of the hierarchy of an abstract heap type: func, extern, any or exn. */
uint32_t lw_heap_top(uint32_t heap);

#endif
