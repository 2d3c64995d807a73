/*
** wide.c -- 64-bit addresses: pointers, sizes and the memory itself beyond 4 GiB.
*/
#include "chain.h"

#ifdef __wasm__
#define PAGE 65536

/* A fresh block of `size` bytes, all zero; the memory ends where it ends. */
static void *block(size_t size)
{
  size_t pages = (size + PAGE - 1) / PAGE;
  size_t old = __builtin_wasm_memory_grow(0, pages);
  return old == (size_t)-1 ? NULL : (void *)(old * PAGE);
}
#else
#include <sys/mman.h>

static void *block(size_t size)
{
  void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? NULL : at;
}
#endif

typedef struct Node {
  struct Node *next, *left, *right;
  uint64_t key;
  uint32_t count;
} Node;

enum { NODES = 20000, BUCKETS = 1 << 12 };

static Node *nodes;
static size_t used;

static Node *new_node(uint64_t key)
{
  if (nodes == NULL) nodes = block(NODES * sizeof *nodes);
  Node *node = nodes + used++ % NODES;
  *node = (Node){.key = key};
  return node;
}

/* Keys counted in a hash table of lists. */
EXPORT(table)
{
  static Node *buckets[BUCKETS];
  uint32_t state = n + 1, sum = 0;
  used = 0;
  for (int i = 0; i < BUCKETS; i++)
    buckets[i] = NULL;
  for (uint32_t i = 0; i < n % NODES; i++) {
    uint64_t key = (uint64_t)(next_random(&state) % 3000) << 33 | 7;
    Node **at = &buckets[(key * 0x9e3779b97f4a7c15u) >> 52];
    while (*at != NULL && (*at)->key != key)
      at = &(*at)->next;
    if (*at == NULL) *at = new_node(key);
    (*at)->count++;
  }
  for (int i = 0; i < BUCKETS; i++)
    for (Node *node = buckets[i]; node != NULL; node = node->next)
      sum = mix(mix(sum, (uint32_t)(node->key >> 32)), node->count);
  return sum;
}

static uint32_t fold(const Node *node, uint32_t depth)
{
  if (node == NULL) return depth;
  uint32_t sum = mix(fold(node->left, depth + 1), (uint32_t)(node->key >> 16));
  return mix(sum, fold(node->right, depth + 1));
}

/* An unbalanced tree, walked recursively. */
EXPORT(tree)
{
  uint64_t state = n + 1;
  Node *root = NULL;
  used = 0;
  for (uint32_t i = 0; i < n % NODES; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    Node **at = &root;
    while (*at != NULL)
      at = state < (*at)->key ? &(*at)->left : &(*at)->right;
    *at = new_node(state);
  }
  return fold(root, 0);
}

static void sort(int64_t *low, int64_t *high)
{
  while (high - low > 1) {
    int64_t pivot = low[(high - low) / 2], *i = low, *j = high - 1;
    for (;; i++, j--) {
      while (*i < pivot)
        i++;
      while (*j > pivot)
        j--;
      if (i >= j) break;
      int64_t kept = *i;
      *i = *j;
      *j = kept;
    }
    sort(low, i);
    low = i > low ? i : low + 1;
  }
}

/* 64-bit numbers sorted in place. */
EXPORT(sorted)
{
  static int64_t numbers[4096];
  size_t count = n % 4096;
  uint32_t state = n + 1, sum = 0;
  for (size_t i = 0; i < count; i++) {
    numbers[i] = (int64_t)((uint64_t)next_random(&state) << 32);
    numbers[i] |= next_random(&state);
  }
  sort(numbers, numbers + count);
  for (size_t i = 0; i < count; i++)
    sum = mix(mix(sum, (uint32_t)(numbers[i] >> 32)), (uint32_t)numbers[i]);
  return sum;
}

/*
** A block of more than 4 GiB of which few pages are touched. Two places 4 GiB apart must
** not be the same, and a size must not lose its upper half. 1: there is no such memory.
*/
EXPORT(far)
{
  static uint8_t *space;
  const size_t size = (4ull << 30) + (64u << 20), apart = 4ull << 30;
  if (space == NULL) space = block(size);
  if (space == NULL) return 1;
  uint32_t state = n + 1, sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    size_t at = next_random(&state) % (1u << 20) & ~7u;
    *(uint64_t *)(space + at) = i * 3ull + 1;
    *(uint64_t *)(space + at + apart) = (uint64_t)i << 40 | at;
    *(space + size - 1 - i) = (uint8_t)i;
  }
  __builtin_memcpy(space + apart - 4, space + 8, 8);
  __builtin_memset(space + size - 300, (int)n, 20);
  for (size_t at = 0; at < 1u << 20; at += 8)
    if (*(uint64_t *)(space + at + apart) != 0)
      sum = mix(mix(sum, (uint32_t) * (uint64_t *)(space + at)),
                (uint32_t)(*(uint64_t *)(space + at + apart) >> 32));
  return mix_bytes(mix_bytes(sum, space + size - 320, 320), space + apart - 8, 16);
}
