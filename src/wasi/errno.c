/*
** errno.c -- the error numbers of the system, as the guest sees them.
** Layer: wasi.
*/
#include "wasi/errno.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>

static const int host_of[] = {
#define ERRNO(name, host) [WASI_##name] = (host),
#include "wasi/errno.def"
};

static const char *const names[] = {
#define ERRNO(name, host) [WASI_##name] = #name,
#include "wasi/errno.def"
};

Errno lw_errno_named(const char *name)
{
  for (int n = 1; n < WASI_ERRNO__MAX; n++) {
    size_t k = 0;
    while (name[k] && tolower((unsigned char)names[n][k]) == name[k])
      k++;
    if (name[k] == '\0' && names[n][k] == '\0') return (Errno)n;
  }
  return WASI_SUCCESS;
}

Errno lw_errno_of(int host)
{
  if (host == 0) return WASI_SUCCESS;
  for (int n = 0; n < WASI_ERRNO__MAX; n++)
    if (host_of[n] == host) return (Errno)n;
  return WASI_IO;
}
