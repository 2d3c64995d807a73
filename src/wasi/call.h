/*
** call.h -- what the files of this room share: a call under way, descriptors, the guest's
** memory.
**
** Nothing that the guest says is believed: every address goes through lw_guest, which
** checks its range against what the memory has just then, in 64 bits. The pointer is good
** until the function asks for something or returns.
** Layer: wasi.
*/
#ifndef LW_WASI_CALL_H
#define LW_WASI_CALL_H

#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "wasi/errno.h"
#include "wasi/wasi.h"

typedef struct Desc Desc;

/* One call. `unstable`: the guest imported it from wasi_unstable, where a filestat has
   nlink as u32, whence counts from CUR, and a subscription to a clock has one field more.
*/
typedef struct Call {
  NativeCall *native;
  Wasi *w;
  bool unstable;
} Call;

/* ---- numbers of the standard ---- */

enum {
  FILETYPE_UNKNOWN,
  FILETYPE_BLOCK,
  FILETYPE_CHARACTER,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR,
  FILETYPE_DGRAM,
  FILETYPE_STREAM,
  FILETYPE_SYMLINK
};
enum {
  FDFLAG_APPEND = 1,
  FDFLAG_DSYNC = 2,
  FDFLAG_NONBLOCK = 4,
  FDFLAG_RSYNC = 8,
  FDFLAG_SYNC = 16,
  FDFLAGS_ALL = 31
};
enum {
  OFLAG_CREAT = 1,
  OFLAG_DIRECTORY = 2,
  OFLAG_EXCL = 4,
  OFLAG_TRUNC = 8,
  OFLAGS_ALL = 15
};
enum { LOOKUP_FOLLOW = 1 };
enum { TIMES_ATIM = 1, TIMES_ATIM_NOW = 2, TIMES_MTIM = 4, TIMES_MTIM_NOW = 8 };
enum { CLOCK_REAL, CLOCK_MONO, CLOCK_PROCESS, CLOCK_THREAD, CLOCKS };

#define RIGHT(n)                      ((uint64_t)1 << (n))
#define RIGHT_FD_DATASYNC             RIGHT(0)
#define RIGHT_FD_READ                 RIGHT(1)
#define RIGHT_FD_SEEK                 RIGHT(2)
#define RIGHT_FD_FDSTAT_SET_FLAGS     RIGHT(3)
#define RIGHT_FD_SYNC                 RIGHT(4)
#define RIGHT_FD_TELL                 RIGHT(5)
#define RIGHT_FD_WRITE                RIGHT(6)
#define RIGHT_FD_ADVISE               RIGHT(7)
#define RIGHT_FD_ALLOCATE             RIGHT(8)
#define RIGHT_PATH_CREATE_DIRECTORY   RIGHT(9)
#define RIGHT_PATH_CREATE_FILE        RIGHT(10)
#define RIGHT_PATH_LINK_SOURCE        RIGHT(11)
#define RIGHT_PATH_LINK_TARGET        RIGHT(12)
#define RIGHT_PATH_OPEN               RIGHT(13)
#define RIGHT_FD_READDIR              RIGHT(14)
#define RIGHT_PATH_READLINK           RIGHT(15)
#define RIGHT_PATH_RENAME_SOURCE      RIGHT(16)
#define RIGHT_PATH_RENAME_TARGET      RIGHT(17)
#define RIGHT_PATH_FILESTAT_GET       RIGHT(18)
#define RIGHT_PATH_FILESTAT_SET_SIZE  RIGHT(19)
#define RIGHT_PATH_FILESTAT_SET_TIMES RIGHT(20)
#define RIGHT_FD_FILESTAT_GET         RIGHT(21)
#define RIGHT_FD_FILESTAT_SET_SIZE    RIGHT(22)
#define RIGHT_FD_FILESTAT_SET_TIMES   RIGHT(23)
#define RIGHT_PATH_SYMLINK            RIGHT(24)
#define RIGHT_PATH_REMOVE_DIRECTORY   RIGHT(25)
#define RIGHT_PATH_UNLINK_FILE        RIGHT(26)
#define RIGHT_POLL_FD_READWRITE       RIGHT(27)
#define RIGHT_SOCK_SHUTDOWN           RIGHT(28)
#define RIGHT_SOCK_ACCEPT             RIGHT(29)

/* What one can do to a file or a directory at all, and what changes it. */
#define RIGHTS_FILE                                                                      \
  (RIGHT_FD_DATASYNC | RIGHT_FD_READ | RIGHT_FD_SEEK | RIGHT_FD_FDSTAT_SET_FLAGS |       \
   RIGHT_FD_SYNC | RIGHT_FD_TELL | RIGHT_FD_WRITE | RIGHT_FD_ADVISE |                    \
   RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_SIZE |              \
   RIGHT_FD_FILESTAT_SET_TIMES | RIGHT_POLL_FD_READWRITE)
#define RIGHTS_DIRECTORY                                                                 \
  (RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_SYNC | RIGHT_FD_ADVISE | RIGHT_FD_DATASYNC |     \
   RIGHT_PATH_CREATE_DIRECTORY | RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE |       \
   RIGHT_PATH_LINK_TARGET | RIGHT_PATH_OPEN | RIGHT_FD_READDIR | RIGHT_PATH_READLINK |   \
   RIGHT_PATH_RENAME_SOURCE | RIGHT_PATH_RENAME_TARGET | RIGHT_PATH_FILESTAT_GET |       \
   RIGHT_PATH_FILESTAT_SET_SIZE | RIGHT_PATH_FILESTAT_SET_TIMES |                        \
   RIGHT_FD_FILESTAT_GET | RIGHT_FD_FILESTAT_SET_TIMES | RIGHT_PATH_SYMLINK |            \
   RIGHT_PATH_REMOVE_DIRECTORY | RIGHT_PATH_UNLINK_FILE | RIGHT_POLL_FD_READWRITE)
#define RIGHTS_ALL (RIGHT(28) - 1) /* but for sockets */
#define RIGHTS_CHANGE_FILE                                                               \
  (RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE)
#define RIGHTS_CHANGE                                                                    \
  (RIGHTS_CHANGE_FILE | RIGHT_FD_FILESTAT_SET_TIMES | RIGHT_PATH_CREATE_DIRECTORY |      \
   RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE | RIGHT_PATH_LINK_TARGET |            \
   RIGHT_PATH_RENAME_SOURCE | RIGHT_PATH_RENAME_TARGET | RIGHT_PATH_FILESTAT_SET_SIZE |  \
   RIGHT_PATH_FILESTAT_SET_TIMES | RIGHT_PATH_SYMLINK | RIGHT_PATH_REMOVE_DIRECTORY |    \
   RIGHT_PATH_UNLINK_FILE)

/* ---- descriptors ---- */

/* At most so many pieces of one read or write are looked at; the rest is for another. */
enum { IOVECS_MAX = 1024 };
typedef struct Iovecs {
  uint32_t n;
  uint64_t total;
  struct iovec v[IOVECS_MAX];
} Iovecs;

typedef struct FileStat {
  uint64_t dev, ino, nlink, size, atim, mtim, ctim;
  uint8_t type;
} FileStat;

/* How path_open wants it. */
typedef struct OpenHow {
  bool follow;
  unsigned oflags, fdflags;
  bool read, write;
} OpenHow;

/* A directory's listing as fd_readdir gives it. */
typedef struct Listing {
  uint8_t *to;
  uint32_t size, used;
} Listing;

/* What a kind of descriptor can do; NULL: it cannot. Paths have no NUL and are not empty.
   `at`: where to read or write, or NULL for the descriptor's own position. */
typedef struct Ops {
  void (*close)(Wasi *w, Desc *d);
  Errno (*stat)(Call *c, Desc *d, FileStat *out);
  Errno (*read)(Call *c, Desc *d, const Iovecs *io, const uint64_t *at, uint64_t *n);
  Errno (*write)(Call *c, Desc *d, const Iovecs *io, const uint64_t *at, uint64_t *n);
  Errno (*seek)(Call *c, Desc *d, int64_t by, int whence, uint64_t *now);
  Errno (*set_size)(Call *c, Desc *d, uint64_t size);
  Errno (*allocate)(Call *c, Desc *d, uint64_t at, uint64_t size);
  Errno (*set_times)(Call *c, Desc *d, const struct timespec times[2]);
  Errno (*sync)(Call *c, Desc *d, bool data_only);
  Errno (*set_flags)(Call *c, Desc *d, unsigned flags);
  Errno (*advise)(Call *c, Desc *d, uint64_t at, uint64_t size, unsigned advice);
  /* directories */
  Errno (*list)(Call *c, Desc *d, uint64_t cookie, Listing *out);
  Errno (*open)(Call *c, Desc *d, const char *path, const OpenHow *how, Desc *out);
  Errno (*path_stat)(Call *c, Desc *d, const char *path, bool follow, FileStat *out);
  Errno (*path_set_times)(Call *c, Desc *d, const char *path, bool follow,
                          const struct timespec times[2]);
  Errno (*make_dir)(Call *c, Desc *d, const char *path);
  Errno (*remove_dir)(Call *c, Desc *d, const char *path);
  Errno (*unlink)(Call *c, Desc *d, const char *path);
  Errno (*rename)(Call *c, Desc *d, const char *path, Desc *to, const char *to_path);
  Errno (*link)(Call *c, Desc *d, const char *path, bool follow, Desc *to,
                const char *to_path);
  Errno (*symlink)(Call *c, Desc *d, const char *target, const char *path);
  Errno (*readlink)(Call *c, Desc *d, const char *path, char *to, size_t *size);
} Ops;

struct Desc {
  const Ops *ops; /* NULL: the slot is free */
  uint8_t type;   /* FILETYPE_* */
  bool read_only; /* found below a directory that is */
  bool shared;    /* the host's own stream: its flags are left alone */
  uint16_t flags; /* FDFLAG_* */
  uint32_t stream;
  int host;                  /* the system's descriptor */
  uint64_t base, inheriting; /* rights */
  char *preopen;             /* its name for the guest, or NULL */
  Node *node;                /* in a tree */
  uint64_t at;               /* likewise, and where the binding answers: position */
  char *path;                /* there: below directory number `served` */
  uint32_t served, can;      /* 1 << DIR_STAT and so on */
};

extern const Ops lw_ops_stream, lw_ops_file, lw_ops_dir, lw_ops_node, lw_ops_leaf,
  lw_ops_socket, lw_ops_served, lw_ops_served_file;

/* Strings one after the other, each with its NUL. */
typedef struct Strings {
  char *bytes;
  size_t size, cap;
  uint32_t n;
} Strings;

typedef struct Stream {
  StreamKind kind;
  char *bytes; /* stdin: what is left, from `at`; else what was written */
  size_t size, cap, at;
} Stream;

typedef struct NamedTree {
  char *name;
  Node *root;
  struct NamedTree *next;
} NamedTree;

struct Wasi {
  uint32_t refs;
  bool walk;       /* never openat2 */
  bool asks_block; /* before it waits */
  bool limited;    /* the process has a limit for the size of files */
  bool pipe_ends;  /* who goes on writing to the process's own broken pipe is ended */
  uint32_t pipe_broken; /* how often it has been told */
  Strings args, env;
  Stream streams[WASI_STREAMS];
  SourceKind clock, random;
  uint64_t ticks; /* of the fake clock, ns */
  uint64_t seed;
  uint64_t kept, kept_max; /* bytes in streams and trees */
  NamedTree *trees;
  uint32_t nserved; /* directories that the binding answers for */
  uint64_t inodes;  /* of trees, so far */
  Desc *fds;
  uint32_t nfds, max_fds;
  uint32_t lowest; /* no slot below it is free */
};

/* fd.c */
/* A free slot below the limit: its number, or -1. Moves w->fds. */
int64_t lw_fd_take(Wasi *w);
Desc *lw_fd_get(const Wasi *w, uint32_t fd); /* NULL: badf */
void lw_desc_close(Wasi *w, Desc *d);
/* Has it all of these rights? */
Errno lw_desc_may(const Desc *d, uint64_t rights);
/* More bytes of the host's memory for the guest; false: that would be too many. */
bool lw_wasi_keep(Wasi *w, uint64_t bytes);
void lw_wasi_unkeep(Wasi *w, uint64_t bytes);
uint64_t lw_ns_of(struct timespec t);

/* ---- the guest's memory ---- */

static inline uint32_t arg32(const Call *c, int n)
{
  return c->native->args[n].i32;
}
static inline uint64_t arg64(const Call *c, int n)
{
  return c->native->args[n].i64;
}

/* Where [at, at + size) is, or NULL. */
uint8_t *lw_guest(const Call *c, uint32_t at, uint64_t size);
Errno lw_guest_iovecs(const Call *c, uint32_t at, uint32_t count, Iovecs *out);
/* A path, with its NUL. */
Errno lw_guest_path(const Call *c, uint32_t at, uint32_t size,
                    char out[WASI_PATH_MAX + 1]);

static inline void put8(uint8_t *p, uint8_t v)
{
  *p = v;
}
static inline void put16(uint8_t *p, uint16_t v)
{
  memcpy(p, &v, sizeof v);
}
static inline void put32(uint8_t *p, uint32_t v)
{
  memcpy(p, &v, sizeof v);
}
static inline void put64(uint8_t *p, uint64_t v)
{
  memcpy(p, &v, sizeof v);
}
static inline uint16_t get16(const uint8_t *p)
{
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline uint32_t get32(const uint8_t *p)
{
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline uint64_t get64(const uint8_t *p)
{
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}
/* A result; WASI_FAULT when it lies outside. */
Errno lw_guest_put32(const Call *c, uint32_t at, uint32_t v);
Errno lw_guest_put64(const Call *c, uint32_t at, uint64_t v);

#define TRY_ERRNO(expr)                                                                  \
  do {                                                                                   \
    Errno try_e_ = (expr);                                                               \
    if (try_e_ != WASI_SUCCESS) return try_e_;                                           \
  } while (0)

/* ---- questions to the binding ---- */

static inline NativeAsk *ask_of(const Call *c)
{
  return &c->native->act->ask;
}
/* Has this been asked last, and is the answer there? */
static inline bool answered(const Call *c, AskWhat what)
{
  return ask_of(c)->answered && ask_of(c)->what == what;
}
/* WASI_ASK. The call is made again from its start when the answer is there. */
static inline Errno ask(Call *c, AskWhat what, uint32_t which, uint64_t number)
{
  lw_ask_again(ask_of(c), what, which, number);
  return WASI_ASK;
}

/* ---- clocks, waiting ---- */

/* Ask for the time of clock `id`, or take it. */
Errno lw_clock_now(Call *c, uint32_t id, uint64_t *ns);
/* Somebody wants the call to end (lw_act_wants_end): WASI_INTR, or WASI_ASK where it is
   only late and may yield. */
Errno lw_wasi_end(Call *c);
/* Wait until the system's descriptor is ready for `events` (poll.h); WASI_INTR: the call
   is to end; WASI_ASK. */
Errno lw_wait_ready(Call *c, int host, short events);

/* ---- transfers: file.c ---- */

/* With a host descriptor that is no regular file: waits until it is ready, unless
   `nonblock`, and never raises SIGPIPE. What is written before a question is in
   ask_of(c)->done. */
Errno lw_host_write(Call *c, int host, const Iovecs *io, bool nonblock, uint64_t *n);
/* At most `most` bytes of io from byte `from` on; how many pieces. */
int lw_iovecs_part(const Iovecs *io, uint64_t from, uint64_t most,
                   struct iovec out[IOVECS_MAX]);
Errno lw_host_read(Call *c, int host, const Iovecs *io, bool nonblock, uint64_t *n);
/* Copy bytes to the pieces, as many as fit. */
uint64_t lw_scatter(const Iovecs *io, const char *from, size_t size);
void lw_stat_of(const struct stat *st, FileStat *out);
uint8_t lw_type_of_mode(mode_t mode);
/* Has it a place to read from? A character device without one is a terminal to the guest,
   whose C library has no other way to ask (so /dev/null has one). */
bool lw_desc_seeks(const Desc *d);
/* Append an entry; false: no more fit. */
bool lw_listing_add(Listing *l, uint64_t next, uint64_t ino, uint8_t type,
                    const char *name);

/* ---- the calls ---- */

#define CALL(name, params, function) Errno function(Call *c);
#include "wasi/wasi.def"

#endif
