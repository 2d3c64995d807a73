/*
** errno.c -- the error numbers of the system, as the guest sees them.
** Layer: wasi.
*/
#include "wasi/errno.h"

#include <errno.h>

static const int host_of[] = {
#define ERRNO(name, host) [WASI_##name] = (host),
#include "wasi/errno.def"
};

Errno lw_errno_of(int host)
{
  if (host == 0) return WASI_SUCCESS;
  for (int n = 0; n < WASI_ERRNO__MAX; n++)
    if (host_of[n] == host) return (Errno)n;
  return WASI_IO;
}
