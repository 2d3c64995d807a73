/*
** wasi.c -- what a program may see and touch: making it, and giving it up.
** Layer: wasi.
*/
#include "wasi/wasi.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "wasi/call.h"
#include "wasi/tree.h"

enum { KEPT_DEFAULT = 256 << 20, FILES_DEFAULT = 1024, FILES_LEAST = 16 };

uint32_t lw_wasi_files_default(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 >= FILES_DEFAULT)
    return FILES_DEFAULT;
  uint32_t half = (uint32_t)(limit.rlim_cur / 2);
  return half < FILES_LEAST ? FILES_LEAST : half;
}

Wasi *lw_wasi_new(void)
{
  Wasi *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->refs = 1;
  w->max_fds = lw_wasi_files_default();
  w->kept_max = KEPT_DEFAULT;
  struct rlimit limit;
  w->limited = getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
  for (unsigned n = 0; n < WASI_STREAMS; n++) {
    if (lw_fd_take(w) != (int64_t)n) {
      lw_wasi_unref(w);
      return NULL;
    }
    uint64_t may = n == WASI_STDIN ? RIGHT_FD_READ : RIGHT_FD_WRITE;
    w->fds[n] = (Desc){.ops = &lw_ops_stream, .type = FILETYPE_UNKNOWN, .host = -1};
    w->fds[n].base =
      may | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE | RIGHT_FD_FDSTAT_SET_FLAGS;
    w->fds[n].stream = n;
  }
  return w;
}

Wasi *lw_wasi_ref(Wasi *w)
{
  assert(w->refs > 0 && w->refs < UINT32_MAX);
  w->refs++;
  return w;
}

void lw_wasi_close(Wasi *w)
{
  for (uint32_t fd = 0; fd < w->nfds; fd++)
    if (w->fds[fd].ops) lw_desc_close(w, &w->fds[fd]);
}

void lw_wasi_unref(Wasi *w)
{
  assert(w->refs > 0);
  if (--w->refs > 0) return;
  lw_wasi_close(w);
  lw_trees_free(w);
  for (unsigned n = 0; n < WASI_STREAMS; n++)
    free(w->streams[n].bytes);
  free(w->args.bytes);
  free(w->env.bytes);
  free(w->fds);
  free(w);
}

static bool strings_add(Strings *s, const char *text, size_t size)
{
  if (size >= INT32_MAX - s->size) return false; /* a guest has 32 bits */
  size_t wanted = s->size + size + 1;
  if (wanted > s->cap) {
    size_t cap = wanted + wanted / 2;
    char *bytes = realloc(s->bytes, cap);
    if (!bytes) return false;
    s->bytes = bytes;
    s->cap = cap;
  }
  if (size) memcpy(s->bytes + s->size, text, size);
  s->bytes[wanted - 1] = '\0';
  s->size = wanted;
  s->n++;
  return true;
}

bool lw_wasi_add_arg(Wasi *w, const char *text, size_t size)
{
  return strings_add(&w->args, text, size);
}

bool lw_wasi_add_env(Wasi *w, const char *text, size_t size)
{
  return strings_add(&w->env, text, size);
}

/* The guest gets a duplicate, so that its fd_close leaves the process's own open. */
static bool inherit(Desc *d, int host)
{
  struct stat st;
  d->host = fcntl(host, F_DUPFD_CLOEXEC, 3);
  if (d->host < 0) return errno == EBADF; /* the process has none: nothing to inherit */
  d->ops = &lw_ops_file;
  d->shared = true;
  if (fstat(d->host, &st) == 0) d->type = lw_type_of_mode(st.st_mode);
  if (lw_desc_seeks(d)) d->base |= RIGHT_FD_SEEK | RIGHT_FD_TELL;
  return true;
}

bool lw_wasi_set_stream(Wasi *w, unsigned which, StreamKind kind, const char *bytes,
                        size_t size)
{
  Stream *s = &w->streams[which];
  assert(which < WASI_STREAMS && s->kind == STREAM_NOTHING);
  s->kind = kind;
  if (kind == STREAM_INHERIT) {
    bool done = inherit(&w->fds[which], (int)which);
    if (w->fds[which].ops == &lw_ops_stream) s->kind = STREAM_NOTHING;
    return done;
  }
  if (size == 0) return true;
  s->bytes = malloc(size);
  if (!s->bytes) return false;
  memcpy(s->bytes, bytes, size);
  s->size = s->cap = size;
  return true;
}

void lw_wasi_set_clock(Wasi *w, SourceKind kind)
{
  w->clock = kind;
}

void lw_wasi_set_random(Wasi *w, SourceKind kind, uint64_t seed)
{
  w->random = kind;
  w->seed = seed;
}

void lw_wasi_set_limits(Wasi *w, uint32_t files, uint64_t kept_bytes)
{
  assert(files >= WASI_STREAMS && files <= WASI_FILES_MAX);
  w->max_fds = files;
  w->kept_max = kept_bytes;
}

void lw_wasi_set_pipe_ends(Wasi *w)
{
  w->pipe_ends = true;
}

void lw_wasi_set_block(Wasi *w)
{
  w->asks_block = true;
}

void lw_wasi_set_walk(Wasi *w)
{
  w->walk = true;
}

/* A slot with that name; NULL: no memory, or no more slots. */
static Desc *preopen(Wasi *w, const char *name, bool read_only)
{
  int64_t fd = lw_fd_take(w);
  char *copy = fd < 0 ? NULL : strdup(name);
  if (!copy) return NULL;
  uint64_t lost = read_only ? RIGHTS_CHANGE : 0;
  w->fds[fd] = (Desc){.type = FILETYPE_DIRECTORY,
                      .host = -1,
                      .read_only = read_only,
                      .base = RIGHTS_DIRECTORY & ~lost,
                      .inheriting = RIGHTS_ALL & ~lost,
                      .preopen = copy};
  return &w->fds[fd];
}

Status lw_wasi_add_dir(Wasi *w, const char *name, const char *path, bool read_only,
                       Err *err)
{
  int host = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY);
  if (host < 0)
    return lw_fail(err, LW_IO, ERR_NOWHERE, "directory '%s': %s", path, strerror(errno));
  Desc *d = preopen(w, name, read_only);
  if (!d) {
    close(host);
    return lw_nomem(err, "a directory");
  }
  d->ops = &lw_ops_dir;
  d->host = host;
  return LW_OK;
}

Node *lw_wasi_new_tree(Wasi *w, const char *name, bool read_only)
{
  Node *root = lw_node_new(w, FILETYPE_DIRECTORY);
  if (!root) return NULL;
  bool named = lw_tree_name(w, name, root);
  lw_node_unref(root); /* it is kept under its name */
  Desc *d = named ? preopen(w, name, read_only) : NULL;
  if (!d) return NULL;
  d->ops = &lw_ops_node;
  d->node = lw_node_ref(root);
  return root;
}

int lw_wasi_add_served(Wasi *w, const char *name, bool read_only, uint32_t can)
{
  char *path = strdup("");
  Desc *d = path ? preopen(w, name, read_only || !(can & DIR_CHANGES)) : NULL;
  if (!d) {
    free(path);
    return -1;
  }
  d->ops = &lw_ops_served;
  d->path = path;
  d->served = w->nserved++;
  d->can = can | (can >> DIR_WRITE & 1) << DIR_CREATE;
  return (int)d->served;
}

const char *lw_wasi_written(const Wasi *w, unsigned which, size_t *size)
{
  const Stream *s = &w->streams[which];
  assert(which == WASI_STDOUT || which == WASI_STDERR);
  *size = s->size;
  if (s->kind != STREAM_BYTES) return NULL;
  return s->bytes ? s->bytes : "";
}

uint64_t lw_wasi_kept(const Wasi *w)
{
  return w->kept;
}

bool lw_wasi_keep(Wasi *w, uint64_t bytes)
{
  if (bytes > w->kept_max || w->kept > w->kept_max - bytes) return false;
  w->kept += bytes;
  return true;
}

void lw_wasi_unkeep(Wasi *w, uint64_t bytes)
{
  assert(bytes <= w->kept);
  w->kept -= bytes;
}
