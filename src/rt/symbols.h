/*
** symbols.h -- names of machine code, for tools outside: perf and gdb.
**
** Off unless asked for; then whoever makes code known to texts.h says so here as well,
** and each tool that is on is told. What was there before is told when a tool is
** switched on. A name is `module!function`, made of what the module says it is called:
** anybody's bytes, so all but printable ASCII is replaced and length is cut. All but
** the switch with LOCK_CODES held.
** Layer: rt.
*/
#ifndef LW_SYMBOLS_H
#define LW_SYMBOLS_H

#include "rt/texts.h"

typedef enum { SYMBOLS_PERF, SYMBOLS_GDB, SYMBOLS__MAX } SymbolsTool;

typedef struct TextSymbol {
  const uint8_t *at;
  size_t size;
  uint32_t func; /* 0-based among defined functions; NO_FUNC: the thunks */
} TextSymbol;
#define NO_FUNC UINT32_MAX

/* Takes the lock itself. LW_IO, LW_NOMEM. */
Status lw_symbols_switch(SymbolsTool tool, bool on, Err *err);
bool lw_symbols_on(SymbolsTool tool); /* also without the lock */
/* A range has come with all its functions: an eager image, or thunks. */
void lw_symbols_range(const TextRange *range);
/* A function has been placed in a chunk. */
void lw_symbols_func(const TextSymbol *symbol);

enum { SYMBOL_NAME = 256 };
void lw_symbol_name(const Code *c, uint32_t func, char out[SYMBOL_NAME]);

/* ---- perf.c ---- */
/* Opens /tmp/perf-PID.map, or closes it. */
Status lw_perf_switch(bool on, Err *err);
/* The file belongs to another process: there has been a fork. */
bool lw_perf_is_stale(void);
/* False: the file could not be written to, and is closed. */
bool lw_perf_tell(const Code *c, const TextSymbol *symbols, uint32_t n);

/* ---- gdb.c ---- */
typedef struct GdbObject GdbObject;
/* One more object of these symbols, in front of *list; when memory is out, none. */
void lw_gdb_tell(const Code *c, const TextSymbol *symbols, uint32_t n, GdbObject **list);
void lw_gdb_forget(GdbObject *list);

#endif
