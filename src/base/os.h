/*
** os.h -- what differs between operating systems: mappings, executable text, time.
**
** Address space is reserved without access and given pages by commit, so a reservation
** costs nothing until it is used. All executable memory comes from the text functions:
** one region reserved at first use, so "is this pc ours" is one comparison, safe in a
** signal handler, and direct calls always reach.
** Layer: base.
*/
#ifndef LW_OS_H
#define LW_OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t lw_os_page_size(void);
uint64_t lw_os_now_ns(void); /* monotonic */
/* The clock of the processor time of the calling thread, which others may read. */
typedef int OsClock;
bool lw_os_cpu_clock(OsClock *out);
bool lw_os_clock_now(OsClock clock, uint64_t *ns); /* false: its thread is no more */
/* Wait while *word is `value`, until somebody wakes it, a signal arrives, or `ns` have
   passed (UINT64_MAX: for ever); may return for no reason. wake: all who wait on it;
   async-signal-safe. */
void lw_os_wait(_Atomic(uint32_t) *word, uint32_t value, uint64_t ns);
void lw_os_wake(_Atomic(uint32_t) *word);
/* Events: descriptors that poll finds readable from the first signal on. -1: there is
   none to be had. signal: async-signal-safe. */
int lw_os_event_new(void);
void lw_os_event_signal(int event);
void lw_os_event_free(int event);
bool lw_os_random(void *to, size_t size); /* at most 256 bytes, not to be guessed */
/* `size` rounded up to whole pages; 0 when that overflows. */
size_t lw_os_pages(size_t size);

/* Mappings; sizes are rounded up to pages by the caller. NULL or false when refused. */
void *lw_os_reserve(size_t size);               /* no access, no memory */
bool lw_os_commit(void *at, size_t size);       /* readable and writable, zero if fresh */
bool lw_os_protect_none(void *at, size_t size); /* keeps contents; async-signal-safe */
bool lw_os_protect_read(void *at, size_t size); /* likewise */
bool lw_os_protect_write(void *at, size_t size); /* likewise; readable as well */
bool lw_os_discard(void *at, size_t size);  /* keep access, forget contents: anonymous
                                               pages become zero, image pages the image */
bool lw_os_decommit(void *at, size_t size); /* no access, no memory, as after reserve */
/* Moves committed pages over a reserved range, which gives up what it held. */
bool lw_os_move(void *from, size_t size, void *to);
void lw_os_release(void *at, size_t size);

/* Memory for something that may be large and is filled at once: from malloc, or in large
   pages, which come several times as fast. Not zeroed. NULL: no memory. */
void *lw_os_bulk_alloc(size_t size);
void lw_os_bulk_free(void *at, size_t size);
/* Ask for large pages where they pay: pages that are about to be written as a whole. */
void lw_os_large_pages(void *at, size_t size);

/*
** Images: contents that many mappings share until they write (copy-on-write).
** new gives a number >= 0 and a zeroed writable view of `size` bytes, or -1; seal ends
** writing and unmaps the view, after which map lays private copies over any range.
*/
int lw_os_image_new(size_t size, void **view);
bool lw_os_image_seal(int image, void *view, size_t size);
bool lw_os_image_map(int image, void *at, size_t size);
void lw_os_image_free(int image);

/*
** Written pages (Linux 6.7: userfaultfd and PAGEMAP_SCAN, without privileges). watch
** notes every write to [at, at + size) from now on; written calls `run` for each run
** of pages written since it was last asked, and goes on watching. False: the system
** cannot, or it was before a fork: then any page may have been written. Whole pages.
*/
bool lw_os_watch(void *at, size_t size);
void lw_os_unwatch(void *at, size_t size);
bool lw_os_written(void *at, size_t size,
                   void (*run)(void *user, uint8_t *from, uint8_t *to), void *user);
/* For specs: false makes all of that unavailable from now on. */
void lw_os_watch_enable(bool enabled);

/*
** Text: alloc gives writable pages inside the text region (rounded up to pages), publish
** makes them executable and read-only, free returns them. W^X: never both. The same
** `size` goes to all three.
*/
void *lw_os_text_alloc(size_t size);
bool lw_os_text_publish(void *at, size_t size);
void lw_os_text_free(void *at, size_t size);
bool lw_os_text_contains(const void *pc); /* async-signal-safe */
/*
** Text that arrives piece by piece: two views of the same pages, one that may be written
** and, inside the region, one that may be executed. NULL when the system refuses; then
** each piece needs pages of its own. A fork shares the pages with the child, so neither
** side may write after it (lw_fork_count tells). `size` in whole pages.
*/
void *lw_os_text_twin(size_t size, void **writable);
void lw_os_text_twin_free(void *at, void *writable, size_t size);

#endif
