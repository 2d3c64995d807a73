/*
** path.h -- from a directory of the host and a guest's path to a descriptor, never out of
** that directory.
**
** The kernel does it (openat2 with RESOLVE_BENEATH), or we do, component by component,
** where it cannot. Absolute paths, absolute links and ".." that leads out give
** NOTCAPABLE; links of /proc that jump anywhere are not followed.
** Layer: wasi.
*/
#ifndef LW_WASI_PATH_H
#define LW_WASI_PATH_H

#include "wasi/call.h"

/* `flags` and `mode` of openat; O_NOFOLLOW: the last component is not followed. */
Errno lw_path_open(const Wasi *w, int dir, const char *path, int flags, unsigned mode,
                   int *out);

/* A directory and one component below it, for what must not follow a link. */
typedef struct Parent {
  int host;
  bool mine;     /* to be closed */
  bool slash;    /* the path ended with one, so that it must be a directory */
  bool here, up; /* the component is "." or "..": not for the system */
  char name[256];
} Parent;
Errno lw_path_parent(const Wasi *w, int dir, const char *path, Parent *out);
void lw_path_done(Parent *p); /* keeps errno */

#endif
