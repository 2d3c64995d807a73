/*
** node.c -- directories and files in memory, as the guest uses them.
**
** The same rules as for those of the host: paths stay below the directory they start
** from, absolute links lead nowhere, and the errors are those the host would give.
** Layer: wasi.
*/
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wasi/call.h"
#include "wasi/tree.h"

enum { LINKS_MAX = 40, REST_MAX = 3 * WASI_PATH_MAX };

static uint64_t now_of(const Wasi *w)
{
  struct timespec t;
  if (w->clock == SOURCE_FAKE) return 1640995200ull * 1000000000 + w->ticks;
  return clock_gettime(CLOCK_REALTIME, &t) == 0 ? lw_ns_of(t) : 0;
}

static void changed(Node *n)
{
  n->mtim = n->ctim = now_of(n->w);
}

static bool is_dir(const Node *n)
{
  return n->type == FILETYPE_DIRECTORY;
}

/* ---- from a path to a place ---- */

typedef struct Spot {
  Node *dir;  /* where the last component is, or would be */
  Node *node; /* what it is; NULL: there is none */
  NodeEntry *entry;
  bool slash;    /* the path ended with one */
  bool here, up; /* the last component is "." or ".." */
  char name[TREE_NAME_MAX + 1];
} Spot;

typedef struct Seeker {
  Node *start;
  unsigned links;
  char rest[REST_MAX + 1];
} Seeker;

static Errno follow_link(Seeker *k, const Node *link, const char *behind)
{
  size_t left = strlen(behind);
  if (++k->links > LINKS_MAX) return WASI_LOOP;
  if (link->size == 0) return WASI_NOENT;
  if (link->size + left > REST_MAX) return WASI_NAMETOOLONG;
  if (link->bytes[0] == '/') return WASI_NOTCAPABLE;
  memmove(k->rest + link->size, behind, left + 1);
  memcpy(k->rest, link->bytes, link->size);
  return WASI_SUCCESS;
}

/* One component of the path; *last when it was the last one. */
static Errno step(Seeker *k, bool follow, Spot *s, bool *last)
{
  size_t skip = strspn(k->rest, "/"), size = strcspn(k->rest + skip, "/");
  const char *behind = k->rest + skip + size;
  if (size > TREE_NAME_MAX) return WASI_NAMETOOLONG;
  memcpy(s->name, k->rest + skip, size);
  s->name[size] = '\0';
  s->here = size == 0 || strcmp(s->name, ".") == 0;
  s->up = strcmp(s->name, "..") == 0;
  s->slash = *behind == '/' || size == 0;
  *last = behind[strspn(behind, "/")] == '\0';
  s->entry = NULL;
  s->node = s->dir;
  if (s->up) {
    if (s->dir == k->start) return WASI_NOTCAPABLE;
    if (!s->dir->parent) return WASI_NOENT; /* it has been removed meanwhile */
    s->node = s->dir = s->dir->parent;
  } else if (!s->here) {
    s->entry = lw_node_find(s->dir, s->name);
    s->node = s->entry ? s->entry->node : NULL;
    if (s->node && s->node->type == FILETYPE_SYMLINK && (!*last || follow || s->slash)) {
      *last = false;
      return follow_link(k, s->node, behind);
    }
    if (*last) return WASI_SUCCESS;
    if (!s->node) return WASI_NOENT;
    if (!is_dir(s->node)) return WASI_NOTDIR;
    s->dir = s->node;
  }
  memmove(k->rest, behind, strlen(behind) + 1);
  return WASI_SUCCESS;
}

/* A link at the end is followed where `follow` says so, or a slash comes behind it. */
static Errno seek_spot(const Desc *d, const char *path, bool follow, Spot *s)
{
  Seeker k = {.start = d->node};
  bool last = false;
  if (path[0] == '/') return WASI_NOTCAPABLE;
  memcpy(k.rest, path, strlen(path) + 1);
  s->dir = d->node;
  while (!last)
    TRY_ERRNO(step(&k, follow, s, &last));
  return WASI_SUCCESS;
}

/* The last component without its slashes, never followed. */
static Errno seek_name(const Desc *d, const char *path, Spot *s)
{
  char bare[WASI_PATH_MAX + 1];
  size_t size = strlen(path);
  if (path[0] == '/') return WASI_NOTCAPABLE;
  memcpy(bare, path, size + 1);
  while (bare[size - 1] == '/')
    bare[--size] = '\0';
  TRY_ERRNO(seek_spot(d, bare, false, s));
  s->slash = path[size] == '/';
  return WASI_SUCCESS;
}

/* One that must be there. */
static Errno seek_node(const Desc *d, const char *path, bool follow, Spot *s)
{
  TRY_ERRNO(seek_spot(d, path, follow, s));
  if (!s->node) return WASI_NOENT;
  return s->slash && !is_dir(s->node) ? WASI_NOTDIR : WASI_SUCCESS;
}

/* ---- itself ---- */

static void stat_node(const Node *n, FileStat *out)
{
  *out = (FileStat){.dev = 1,
                    .ino = n->ino,
                    .nlink = n->nlink ? n->nlink : 1,
                    .size = n->size,
                    .atim = n->atim,
                    .mtim = n->mtim,
                    .ctim = n->ctim,
                    .type = n->type};
}

static void time_node(Node *n, const struct timespec times[2])
{
  uint64_t now = now_of(n->w);
  uint64_t *to[] = {&n->atim, &n->mtim};
  for (int k = 0; k < 2; k++)
    if (times[k].tv_nsec != UTIME_OMIT)
      *to[k] = times[k].tv_nsec == UTIME_NOW ? now : lw_ns_of(times[k]);
  n->ctim = now;
}

static void node_close(Wasi *w, Desc *d)
{
  (void)w;
  lw_node_unref(d->node);
}

static Errno node_stat(Call *c, Desc *d, FileStat *out)
{
  (void)c;
  stat_node(d->node, out);
  return WASI_SUCCESS;
}

static Errno node_set_times(Call *c, Desc *d, const struct timespec times[2])
{
  (void)c;
  time_node(d->node, times);
  return WASI_SUCCESS;
}

static Errno node_read(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                       uint64_t *n)
{
  const Node *f = d->node;
  uint64_t from = at ? *at : d->at;
  (void)c;
  for (uint32_t k = 0; k < io->n && from < f->size; k++) {
    uint64_t size = f->size - from;
    if (size > io->v[k].iov_len) size = io->v[k].iov_len;
    memcpy(io->v[k].iov_base, f->bytes + from, size);
    from += size;
    *n += size;
  }
  if (!at) d->at = from;
  return WASI_SUCCESS;
}

static Errno node_write(Call *c, Desc *d, const Iovecs *io, const uint64_t *at,
                        uint64_t *n)
{
  Node *f = d->node;
  (void)c;
  if (io->total == 0) return WASI_SUCCESS;
  uint64_t to = at ? *at : d->flags & FDFLAG_APPEND ? f->size : d->at;
  if (to > INT64_MAX - io->total) return WASI_FBIG;
  if (to + io->total > f->size && !lw_node_set_size(f, to + io->total)) return WASI_NOSPC;
  for (uint32_t k = 0; k < io->n; k++) {
    memcpy(f->bytes + to, io->v[k].iov_base, io->v[k].iov_len);
    to += io->v[k].iov_len;
    *n += io->v[k].iov_len;
  }
  if (!at) d->at = to;
  changed(f);
  return WASI_SUCCESS;
}

static Errno node_seek(Call *c, Desc *d, int64_t by, int whence, uint64_t *now)
{
  (void)c;
  uint64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d->at : d->node->size;
  if (by < 0 ? (uint64_t)0 - (uint64_t)by > from : (uint64_t)by > INT64_MAX - from)
    return WASI_INVAL;
  d->at = *now = from + (uint64_t)by;
  return WASI_SUCCESS;
}

static Errno node_set_size(Call *c, Desc *d, uint64_t size)
{
  (void)c;
  if (!lw_node_set_size(d->node, size)) return WASI_NOSPC;
  changed(d->node);
  return WASI_SUCCESS;
}

static Errno node_allocate(Call *c, Desc *d, uint64_t at, uint64_t size)
{
  return at + size > d->node->size ? node_set_size(c, d, at + size) : WASI_SUCCESS;
}

static Errno node_sync(Call *c, Desc *d, bool data_only)
{
  (void)c;
  (void)d;
  (void)data_only;
  return WASI_SUCCESS;
}

static Errno node_set_flags(Call *c, Desc *d, unsigned flags)
{
  (void)c;
  d->flags = (uint16_t)flags;
  return WASI_SUCCESS;
}

/* The first entry whose own cookie is greater. */
static uint32_t entry_behind(const Node *dir, uint64_t cookie)
{
  uint32_t low = 0, high = dir->n;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (dir->entries[middle].number + 2 <= cookie)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Cookies: 0 at the start, 1 behind ".", 2 behind "..", then an entry's number + 2. */
static Errno node_list(Call *c, Desc *d, uint64_t cookie, Listing *out)
{
  const Node *dir = d->node;
  (void)c;
  if (out->size == 0) return WASI_SUCCESS;
  if (cookie < 1 && !lw_listing_add(out, 1, dir->ino, dir->type, "."))
    return WASI_SUCCESS;
  const Node *up = dir->parent ? dir->parent : dir;
  if (cookie < 2 && !lw_listing_add(out, 2, up->ino, up->type, "..")) return WASI_SUCCESS;
  for (uint32_t k = entry_behind(dir, cookie); k < dir->n; k++) {
    const NodeEntry *e = &dir->entries[k];
    if (!lw_listing_add(out, e->number + 2, e->node->ino, e->node->type, e->name)) break;
  }
  return WASI_SUCCESS;
}

/* ---- paths ---- */

/* A new node where the spot is free. */
static Errno make(Spot *s, uint8_t type, Node **out)
{
  if (lw_node_depth(s->dir) + 1 >= TREE_DEPTH) return WASI_NAMETOOLONG;
  if (s->dir->nlink == 0 && !s->dir->root) return WASI_NOENT; /* it has been removed */
  Node *n = lw_node_new(s->dir->w, type);
  if (!n) return WASI_NOSPC;
  n->atim = n->mtim = n->ctim = now_of(n->w);
  bool added = lw_node_add(s->dir, s->name, n);
  lw_node_unref(n); /* the entry has it */
  if (!added) return WASI_NOSPC;
  changed(s->dir);
  *out = n;
  return WASI_SUCCESS;
}

static Errno node_open(Call *c, Desc *d, const char *path, const OpenHow *how, Desc *out)
{
  Spot s;
  bool create = how->oflags & OFLAG_CREAT, alone = create && how->oflags & OFLAG_EXCL;
  (void)c;
  TRY_ERRNO(seek_spot(d, path, how->follow && !alone, &s));
  if (s.node && alone) return WASI_EXIST;
  if (!s.node) {
    if (!create) return WASI_NOENT;
    if (s.slash) return WASI_ISDIR;
    TRY_ERRNO(make(&s, FILETYPE_REGULAR, &s.node));
  }
  if (s.node->type == FILETYPE_SYMLINK) return WASI_LOOP;
  bool directory = is_dir(s.node);
  if (!directory && (s.slash || how->oflags & OFLAG_DIRECTORY)) return WASI_NOTDIR;
  if (directory && (how->write || create || how->oflags & OFLAG_TRUNC)) return WASI_ISDIR;
  if (how->oflags & OFLAG_TRUNC) {
    lw_node_set_size(s.node, 0); /* that needs no room */
    changed(s.node);
  }
  out->ops = directory ? &lw_ops_node : &lw_ops_leaf;
  out->type = s.node->type;
  out->node = lw_node_ref(s.node);
  return WASI_SUCCESS;
}

static Errno node_path_stat(Call *c, Desc *d, const char *path, bool follow,
                            FileStat *out)
{
  Spot s;
  (void)c;
  TRY_ERRNO(seek_node(d, path, follow, &s));
  stat_node(s.node, out);
  return WASI_SUCCESS;
}

static Errno node_path_set_times(Call *c, Desc *d, const char *path, bool follow,
                                 const struct timespec times[2])
{
  Spot s;
  (void)c;
  TRY_ERRNO(seek_node(d, path, follow, &s));
  time_node(s.node, times);
  return WASI_SUCCESS;
}

static Errno node_make_dir(Call *c, Desc *d, const char *path)
{
  Spot s;
  Node *n;
  (void)c;
  TRY_ERRNO(seek_name(d, path, &s));
  return s.node ? WASI_EXIST : make(&s, FILETYPE_DIRECTORY, &n);
}

static Errno node_remove_dir(Call *c, Desc *d, const char *path)
{
  Spot s;
  (void)c;
  TRY_ERRNO(seek_name(d, path, &s));
  if (s.here) return WASI_INVAL;
  if (s.up) return WASI_NOTEMPTY;
  if (!s.node) return WASI_NOENT;
  if (!is_dir(s.node)) return WASI_NOTDIR;
  if (s.node->n > 0) return WASI_NOTEMPTY;
  lw_node_remove(s.dir, s.entry);
  changed(s.dir);
  return WASI_SUCCESS;
}

static Errno node_unlink(Call *c, Desc *d, const char *path)
{
  Spot s;
  (void)c;
  TRY_ERRNO(seek_name(d, path, &s));
  if (!s.node) return WASI_NOENT;
  if (is_dir(s.node)) return WASI_ISDIR;
  if (s.slash) return WASI_NOTDIR;
  lw_node_remove(s.dir, s.entry);
  changed(s.dir);
  return WASI_SUCCESS;
}

static bool inside(const Node *n, const Node *dir)
{
  for (; n; n = n->parent)
    if (n == dir) return true;
  return false;
}

/* May `from` take the place that `to` names? */
static Errno may_rename(const Spot *from, const Spot *to)
{
  if (from->here || from->up || to->here || to->up) return WASI_BUSY;
  if (!from->node) return WASI_NOENT;
  if (from->dir->w != to->dir->w) return WASI_XDEV;
  if (!is_dir(from->node)) {
    if (from->slash || to->slash) return WASI_NOTDIR;
    return to->node && is_dir(to->node) ? WASI_ISDIR : WASI_SUCCESS;
  }
  if (inside(to->dir, from->node)) return WASI_INVAL;
  if (to->node && !is_dir(to->node)) return WASI_NOTDIR;
  if (to->node && to->node->n > 0 && to->node != from->node) return WASI_NOTEMPTY;
  if (lw_node_depth(to->dir) + lw_node_height(from->node) >= TREE_DEPTH)
    return WASI_NAMETOOLONG;
  return WASI_SUCCESS;
}

static Errno node_rename(Call *c, Desc *d, const char *path, Desc *to_dir,
                         const char *to_path)
{
  Spot from, to;
  (void)c;
  TRY_ERRNO(seek_name(d, path, &from));
  TRY_ERRNO(seek_name(to_dir, to_path, &to));
  TRY_ERRNO(may_rename(&from, &to));
  if (to.node == from.node) return WASI_SUCCESS; /* as for two links to one file */
  if (to.dir->nlink == 0 && !to.dir->root) return WASI_NOENT;
  Node *moved = lw_node_ref(from.node);
  if (to.node) lw_node_remove(to.dir, to.entry);
  bool added = lw_node_add(to.dir, to.name, moved);
  if (added) {
    /* the entries may have moved */
    lw_node_remove(from.dir, lw_node_find(from.dir, from.name));
    if (is_dir(moved)) moved->parent = to.dir;
    changed(from.dir);
    changed(to.dir);
  }
  lw_node_unref(moved);
  return added ? WASI_SUCCESS : WASI_NOSPC;
}

static Errno node_link(Call *c, Desc *d, const char *path, bool follow, Desc *to_dir,
                       const char *to_path)
{
  Spot from, to;
  (void)c;
  TRY_ERRNO(seek_node(d, path, follow, &from));
  TRY_ERRNO(seek_name(to_dir, to_path, &to));
  if (from.dir->w != to.dir->w) return WASI_XDEV;
  if (to.node) return WASI_EXIST;
  if (is_dir(from.node)) return WASI_PERM;
  if (to.slash || (to.dir->nlink == 0 && !to.dir->root)) return WASI_NOENT;
  if (!lw_node_add(to.dir, to.name, from.node)) return WASI_NOSPC;
  from.node->ctim = now_of(c->w);
  changed(to.dir);
  return WASI_SUCCESS;
}

static Errno node_symlink(Call *c, Desc *d, const char *target, const char *path)
{
  Spot s;
  Node *n;
  size_t size = strlen(target);
  (void)c;
  TRY_ERRNO(seek_name(d, path, &s));
  if (s.node) return WASI_EXIST;
  if (s.slash) return WASI_NOENT;
  TRY_ERRNO(make(&s, FILETYPE_SYMLINK, &n));
  if (!lw_node_set_size(n, size)) {
    lw_node_remove(s.dir, lw_node_find(s.dir, s.name));
    return WASI_NOSPC;
  }
  memcpy(n->bytes, target, size);
  return WASI_SUCCESS;
}

static Errno node_readlink(Call *c, Desc *d, const char *path, char *to, size_t *size)
{
  Spot s;
  (void)c;
  TRY_ERRNO(seek_node(d, path, false, &s));
  if (s.node->type != FILETYPE_SYMLINK) return WASI_INVAL;
  if (*size > s.node->size) *size = s.node->size;
  memcpy(to, s.node->bytes, *size);
  return WASI_SUCCESS;
}

const Ops lw_ops_leaf = {
  .close = node_close,
  .stat = node_stat,
  .read = node_read,
  .write = node_write,
  .seek = node_seek,
  .set_size = node_set_size,
  .allocate = node_allocate,
  .set_times = node_set_times,
  .sync = node_sync,
  .set_flags = node_set_flags,
};

const Ops lw_ops_node = {
  .close = node_close,
  .stat = node_stat,
  .set_times = node_set_times,
  .sync = node_sync,
  .set_flags = node_set_flags,
  .list = node_list,
  .open = node_open,
  .path_stat = node_path_stat,
  .path_set_times = node_path_set_times,
  .make_dir = node_make_dir,
  .remove_dir = node_remove_dir,
  .unlink = node_unlink,
  .rename = node_rename,
  .link = node_link,
  .symlink = node_symlink,
  .readlink = node_readlink,
};
