/*
** errno.h -- the error numbers that the guest sees.
** Layer: wasi.
*/
#ifndef LW_WASI_ERRNO_H
#define LW_WASI_ERRNO_H

typedef enum {
#define ERRNO(name, host) WASI_##name,
#include "wasi/errno.def"
  WASI_ERRNO__MAX,
  WASI_ASK = 0x10000, /* not for the guest: NATIVE_ASK, with act->ask filled in */
  WASI_EXIT           /* likewise: NATIVE_EXIT */
} Errno;

_Static_assert(WASI_NOTCAPABLE == 76, "errno.def is in the order of the standard");

/* The number for one of the system's; WASI_IO for those that have none. */
Errno lw_errno_of(int host);

/* That of a name in small letters: "noent"; WASI_SUCCESS: there is none. */
Errno lw_errno_named(const char *name);

#endif
