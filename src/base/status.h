/*
** status.h -- how a failure travels through the C core.
**
** Every function that can fail returns a Status. LW_OK is zero, so the
** happy path is a plain `if (!s)`. The human sentence is written once, at
** the spot that knows most, into the caller's Err; the frames above only
** hand the Status on with TRY. The core never prints, exits or longjmps.
**
** Invariant: a non-zero Status implies err->msg is filled (first one wins).
** Layer: base (may include nothing of ours).
*/
#ifndef LW_STATUS_H
#define LW_STATUS_H

#include <stdint.h>

/* C name, text. The text is the `kind` of the wasm.error that Lua sees. */
/* clang-format off */
#define LW_STATUS_LIST(_)                                                     \
  _(OK,          "ok")          /* must stay first: zero means success */     \
  _(MALFORMED,   "malformed")   /* bytes are not a wasm binary */             \
  _(INVALID,     "invalid")     /* well-formed, but fails validation */       \
  _(UNSUPPORTED, "unsupported") /* uses a feature this build lacks */         \
  _(LINK,        "link")        /* an import is missing or has another type */\
  _(TRAP,        "trap")        /* wasm code trapped while running */         \
  _(EXIT,        "exit")        /* the guest asked to end (proc_exit) */      \
  _(FUEL,        "fuel")        /* the fuel given to the call is used up */   \
  _(TIMEOUT,     "timeout")     /* the time given to the call is used up */   \
  _(INTERRUPT,   "interrupt")   /* somebody asked the running call to end */  \
  _(EXCEPTION,   "exception")   /* a wasm exception or Lua error, uncaught */ \
  _(CLOSED,      "closed")      /* the object was closed */                   \
  _(BUSY,        "busy")        /* calls are active, or out of order */       \
  _(IO,          "io")          /* the operating system said no to a file */  \
  _(LIMIT,       "limit")       /* beyond a limit of ours */                  \
  _(NOMEM,       "nomem")       /* memory or a mapping was refused */

typedef enum {
#define LW_ENUM(kind, text) LW_##kind,
  LW_STATUS_LIST(LW_ENUM)
#undef LW_ENUM
  LW_STATUS__MAX
} Status;
/* clang-format on */

#define ERR_NOWHERE UINT64_MAX

typedef struct Err {
  uint64_t at;   /* byte offset in the module, or ERR_NOWHERE */
  char msg[480]; /* one sentence, no trailing dot or newline */
} Err;

/* Hand a failure to the caller. The only macro here that hides a return. */
#define TRY(expr)                                                                        \
  do {                                                                                   \
    Status try_s_ = (expr);                                                              \
    if (try_s_ != LW_OK) return try_s_;                                                  \
  } while (0)

const char *lw_status_text(Status s);

/* Fill `err` unless it already holds a message; returns `s` for tail use. */
Status lw_fail(Err *err, Status s, uint64_t at, const char *fmt, ...)
  __attribute__((format(printf, 4, 5)));

/* The message for a failed allocation of `what`. */
Status lw_nomem(Err *err, const char *what);

#endif
