/*
** main.c -- the groups of calls by name: `calls GROUP [argument...]`.
**
** The current directory must be empty; each group removes what it has made.
*/
#include "say.h"

#include <dirent.h>

static const struct {
  const char *name;
  void (*run)(int argc, char **argv);
} groups[] = {
  {"files",       files      },
  {"positions",   positions  },
  {"paths",       paths      },
  {"directories", directories},
  {"renames",     renames    },
  {"links",       links      },
  {"times",       times      },
  {"clocks",      clocks     },
  {"polls",       polls      },
  {"randoms",     randoms    },
  {"arguments",   arguments  },
  {"standard",    standard   },
  {"leaves",      leaves     },
  {"sockets",     sockets    },
#ifdef __wasi__
  {"bare",        bare       }, /* no native program has these calls */
#endif
};

#define NAME(error)                                                                      \
  {                                                                                      \
    error, #error                                                                        \
  }
static const struct {
  int error;
  const char *name;
} errors[] = {
  NAME(E2BIG),        NAME(EACCES),     NAME(EAGAIN),       NAME(EBADF),    NAME(EBUSY),
  NAME(ECONNREFUSED), NAME(ECONNRESET), NAME(EEXIST),       NAME(EFAULT),   NAME(EFBIG),
  NAME(EINTR),        NAME(EINVAL),     NAME(EIO),          NAME(EISDIR),   NAME(ELOOP),
  NAME(EMFILE),       NAME(EMLINK),     NAME(ENAMETOOLONG), NAME(ENODEV),   NAME(ENOENT),
  NAME(ENOMEM),       NAME(ENOSPC),     NAME(ENOSYS),       NAME(ENOTCONN), NAME(ENOTDIR),
  NAME(ENOTEMPTY),    NAME(ENOTSOCK),   NAME(ENOTSUP),      NAME(ENOTTY),   NAME(ENXIO),
  NAME(EOVERFLOW),    NAME(EPERM),      NAME(EPIPE),        NAME(ERANGE),   NAME(EROFS),
  NAME(ESPIPE),       NAME(ETXTBSY),    NAME(EXDEV),
#ifdef ENOTCAPABLE
  NAME(ENOTCAPABLE),
#endif
};

const char *error_name(int error)
{
  for (size_t n = 0; n < sizeof errors / sizeof *errors; n++)
    if (errors[n].error == error) return errors[n].name;
  return strerror(error);
}

void said(const char *what, int error)
{
  printf("%s: %s\n", what, error ? error_name(error) : "ok");
}

void counted(const char *what, long long result)
{
  if (result < 0)
    said(what, errno);
  else
    printf("%s: %lld\n", what, result);
}

void make_file(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) said(path, errno);
  close(fd);
}

void describe(const char *path, bool follow)
{
  struct stat st;
  if ((follow ? stat(path, &st) : lstat(path, &st)) != 0)
    said(path, errno);
  else if (S_ISDIR(st.st_mode))
    printf("%s: directory\n", path);
  else
    printf("%s: %s of %lld bytes, names: %d\n", path,
           S_ISLNK(st.st_mode)   ? "link"
           : S_ISREG(st.st_mode) ? "file"
                                 : "something",
           (long long)st.st_size, (int)st.st_nlink);
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void list(const char *path)
{
  char *names[64];
  size_t n = 0;
  DIR *dir = opendir(path);
  if (!dir) {
    said(path, errno);
    return;
  }
  for (const struct dirent *e; n < 64 && (e = readdir(dir));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      names[n++] = strdup(e->d_name);
  closedir(dir);
  qsort(names, n, sizeof *names, by_name);
  printf("%s has", path);
  for (size_t k = 0; k < n; k++) {
    printf(" %s", names[k]);
    free(names[k]);
  }
  printf("\n");
}

int main(int argc, char **argv)
{
  for (size_t n = 0; argc > 1 && n < sizeof groups / sizeof *groups; n++)
    if (strcmp(groups[n].name, argv[1]) == 0) {
      groups[n].run(argc - 2, argv + 2);
      return 0;
    }
  return 64;
}
