/*
** dir.h -- a directory that entries are kept in, with nothing believed about it.
**
** Everything goes through one descriptor of the directory, so that what was checked is
** what is used. The directory must be ours and writable by us alone; so must each entry,
** a plain file with one name. Entries are written to a temporary file, synced and
** renamed: a reader sees all of the old or all of the new one. A temporary file is locked
** (flock) as long as its writer lives; others are swept.
** Other files in the directory are left alone.
** Layer: cache.
*/
#ifndef LW_DIR_H
#define LW_DIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "cache/entry.h"

typedef struct Dir {
  int fd; /* -1: none */
  char *path;
  dev_t device;
  ino_t inode;
} Dir;

/* `create`: make what is missing of it, for us alone. LW_IO with the reason. */
Status lw_dir_open(const char *path, bool create, Dir *out, Err *err);
void lw_dir_close(Dir *d);

/* A descriptor of the entry and its size; -1: there is none that may be used. *bad: there
   is something in its place that is ours to remove. `note`: this is a use of it, which
   is noted once a minute. */
int lw_dir_find(const Dir *d, const char *name, bool note, uint64_t *size, bool *bad);
/* Remove what has that name, if it is ours and `fd` (unless -1) is still the same file.
 */
bool lw_dir_remove(const Dir *d, const char *name, int fd);
/* Write or replace an entry; LW_IO. A directory that was deleted meanwhile is made again.
 */
Status lw_dir_write(const Dir *d, const char *name, const EntryParts *parts, Err *err);

typedef struct DirItem {
  char name[33];
  uint64_t size;
  int64_t used; /* seconds since 1970 */
} DirItem;
/* All entries, the longest unused first; the caller frees *out. 0 on failure. */
size_t lw_dir_list(const Dir *d, DirItem **out);
/* Remove temporary files whose writers are gone. */
void lw_dir_sweep(const Dir *d);

#endif
