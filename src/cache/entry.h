/*
** entry.h -- one compiled image as bytes: what lies in a cache directory or a store.
**
**   EntryHeader | module bytes | text | func_at | saves_ctx, padded to 4 | lines | check
**
** Numbers are the machine's own: the key tells machines apart. `check` is XXH3-128 over
** everything but the module bytes, which the header has the hash of; on a hit they are
** compared with those that are wanted, so nothing is hashed twice.
** Trust: who can write an entry can run code, so directories and stores are guarded
** (dir.h, mac.h). The checks here are for accidents, and for all of them: no damaged
** entry is executed. An entry is read into memory of its own, checked there, then
** protected; nothing is mapped from a file.
** Same input, options, CPU and build give the same bytes.
** Layer: cache.
*/
#ifndef LW_ENTRY_H
#define LW_ENTRY_H

#include "base/str.h"
#include "rt/code.h"

enum { ENTRY_VERSION = 1, ENTRY_COUNTERS = 9 };

typedef struct EntryHeader {
  char magic[8];
  uint32_t version;
  uint8_t explicit_bounds, effort, fuel, unused;
  uint8_t build[32]; /* of the sources that make machine code, and their flags */
  uint64_t features; /* CodeOptions.features */
  uint64_t cpu;      /* lw_cpu_features */
  uint64_t hash[2];  /* XXH3-128 of the module bytes, low half first */
  uint64_t module_size, text_size;
  uint32_t nfuncs, nlines;
  uint64_t counters[ENTRY_COUNTERS]; /* CompileStats but for the time */
} EntryHeader;

/* The name of an entry: 32 hex digits. */
typedef struct EntryKey {
  char text[33];
} EntryKey;
EntryKey lw_entry_key(Hash128 bytes, uint64_t size, const CodeOptions *opts,
                      bool explicit_bounds);

/* The parts of the entry for an image of `c`, to be written one behind the other; they
   point into the image, the module and `out` itself. */
enum { ENTRY_PARTS = 7 };
typedef struct EntryParts {
  EntryHeader header;
  uint8_t pad[4];
  uint64_t check[2];
  struct {
    const void *at;
    size_t size;
  } part[ENTRY_PARTS];
  uint64_t size; /* of all */
} EntryParts;
void lw_entry_parts(const Code *c, bool explicit_bounds, const Image *image,
                    EntryParts *out);

/* Where an entry is read from. False: there is no more, or it cannot be read. */
typedef struct EntrySource {
  bool (*read)(void *user, void *to, size_t size);
  void *user;
  uint64_t size; /* of the whole entry */
} EntrySource;

typedef enum {
  ENTRY_OK,
  ENTRY_DAMAGED, /* cut short, changed, or its tables make no sense */
  ENTRY_OTHER,   /* sound as far as looked at, but of another module, build or CPU */
  ENTRY_NOMEM
} EntryVerdict;

/* Fill *image, text published, if the entry is for this Code and sound. */
EntryVerdict lw_entry_read(const EntrySource *from, const Code *c, bool explicit_bounds,
                           Image *image);
/* Is it sound, whatever it is for? */
EntryVerdict lw_entry_verify(const EntrySource *from, EntryHeader *header);

/* For specs and fuzzers: make the checks of an entry right again. False: too short. */
bool lw_entry_mend(uint8_t *entry, size_t size);

#endif
