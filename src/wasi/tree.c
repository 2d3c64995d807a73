/*
** tree.c -- files and directories in memory: the nodes.
** Layer: wasi.
*/
#include "wasi/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wasi/call.h"

enum { NODE_COST = sizeof(Node), ENTRY_COST = 2 * sizeof(NodeEntry) };

Node *lw_node_new(Wasi *w, uint8_t type)
{
  if (!lw_wasi_keep(w, NODE_COST)) return NULL;
  Node *n = calloc(1, sizeof *n);
  if (!n) {
    lw_wasi_unkeep(w, NODE_COST);
    return NULL;
  }
  n->w = w;
  n->refs = 1;
  n->type = type;
  n->ino = ++w->inodes;
  return n;
}

Node *lw_node_ref(Node *n)
{
  assert(n->refs > 0 && n->refs < UINT32_MAX);
  n->refs++;
  return n;
}

void lw_node_unref(Node *n)
{
  if (!n || --n->refs > 0) return;
  while (n->n > 0)
    lw_node_remove(n, &n->entries[n->n - 1]);
  lw_wasi_unkeep(n->w, NODE_COST + n->cap);
  free(n->entries);
  free(n->bytes);
  free(n);
}

bool lw_node_room(Node *n, uint64_t size)
{
  if (size <= n->cap) return true;
  uint64_t cap = n->cap + n->cap / 2;
  if (cap < size || !lw_wasi_keep(n->w, cap - n->cap)) {
    cap = size;
    if (!lw_wasi_keep(n->w, cap - n->cap)) return false;
  }
  /* much more at once is zeroed by the system, as it is touched */
  bool fresh = cap > 2 * n->cap;
  char *bytes = fresh ? calloc(1, cap) : realloc(n->bytes, cap);
  if (!bytes) {
    lw_wasi_unkeep(n->w, cap - n->cap);
    return false;
  }
  if (!fresh)
    memset(bytes + n->cap, 0, cap - n->cap);
  else if (n->cap)
    memcpy(bytes, n->bytes, n->cap);
  if (fresh) free(n->bytes);
  n->bytes = bytes;
  n->cap = cap;
  return true;
}

bool lw_node_set_size(Node *n, uint64_t size)
{
  if (!lw_node_room(n, size)) return false;
  if (size == 0 && n->cap > 0) {
    lw_wasi_unkeep(n->w, n->cap);
    free(n->bytes);
    n->bytes = NULL;
    n->cap = 0;
  } else if (size < n->size)
    memset(n->bytes + size, 0, n->size - size);
  n->size = size;
  return true;
}

static uint32_t hash_of(const char *name)
{
  uint32_t h = 2166136261u; /* FNV-1a */
  for (; *name; name++)
    h = (h ^ (uint8_t)*name) * 16777619u;
  return h;
}

NodeEntry *lw_node_find(const Node *dir, const char *name)
{
  uint32_t hash = hash_of(name);
  assert(dir->type == FILETYPE_DIRECTORY);
  for (uint32_t k = 0; k < dir->n; k++)
    if (dir->entries[k].hash == hash && strcmp(dir->entries[k].name, name) == 0)
      return &dir->entries[k];
  return NULL;
}

static bool entries_room(Node *dir)
{
  if (dir->n < dir->nentries) return true;
  uint32_t n = dir->nentries ? 2 * dir->nentries : 8;
  NodeEntry *entries = realloc(dir->entries, n * sizeof *entries);
  if (!entries) return false;
  dir->entries = entries;
  dir->nentries = n;
  return true;
}

bool lw_node_add(Node *dir, const char *name, Node *n)
{
  size_t size = strlen(name);
  assert(size > 0 && size <= TREE_NAME_MAX && !lw_node_find(dir, name));
  if (dir->n == UINT32_MAX / 2 || n->nlink == UINT32_MAX || n->refs >= UINT32_MAX - 1)
    return false;
  if (!lw_wasi_keep(dir->w, ENTRY_COST + size)) return false;
  char *copy = entries_room(dir) ? strdup(name) : NULL;
  if (!copy) {
    lw_wasi_unkeep(dir->w, ENTRY_COST + size);
    return false;
  }
  dir->entries[dir->n++] =
    (NodeEntry){copy, lw_node_ref(n), ++dir->number, hash_of(name)};
  n->nlink++;
  if (n->type == FILETYPE_DIRECTORY) n->parent = dir;
  return true;
}

void lw_node_remove(Node *dir, NodeEntry *e)
{
  Node *n = e->node;
  assert(e >= dir->entries && e < dir->entries + dir->n && n->nlink > 0);
  lw_wasi_unkeep(dir->w, ENTRY_COST + strlen(e->name));
  free(e->name);
  size_t behind = (size_t)(dir->entries + --dir->n - e);
  memmove(e, e + 1, behind * sizeof *e);
  n->nlink--;
  if (n->type == FILETYPE_DIRECTORY && n->parent == dir) n->parent = NULL;
  lw_node_unref(n);
}

bool lw_node_is_dir(const Node *n)
{
  return n->type == FILETYPE_DIRECTORY;
}

bool lw_node_is_file(const Node *n)
{
  return n->type == FILETYPE_REGULAR;
}

Node *lw_tree_put(Wasi *w, Node *dir, const char *name, bool directory)
{
  Node *n = lw_node_new(w, directory ? FILETYPE_DIRECTORY : FILETYPE_REGULAR);
  bool added = n && lw_node_add(dir, name, n);
  lw_node_unref(n); /* the entry has it */
  return added ? n : NULL;
}

bool lw_tree_fill(Node *file, const char *bytes, size_t size)
{
  if (!lw_node_set_size(file, size)) return false;
  if (size) memcpy(file->bytes, bytes, size);
  return true;
}

uint32_t lw_node_depth(const Node *dir)
{
  uint32_t depth = 0;
  for (; dir->parent; dir = dir->parent)
    depth++;
  return depth;
}

uint32_t lw_node_height(const Node *n)
{
  uint32_t most = 0;
  for (uint32_t k = 0; k < n->n; k++) {
    uint32_t height = lw_node_height(n->entries[k].node);
    if (height > most) most = height;
  }
  return most + 1;
}

/* ---- roots ---- */

/* A list of names of its own: the guest may close or renumber its descriptors. */
bool lw_tree_name(Wasi *w, const char *name, Node *root)
{
  NamedTree *t = malloc(sizeof *t);
  char *copy = t ? strdup(name) : NULL;
  if (!copy) {
    free(t);
    return false;
  }
  *t = (NamedTree){.name = copy, .root = lw_node_ref(root), .next = w->trees};
  w->trees = t;
  root->root = true;
  return true;
}

Node *lw_wasi_tree(const Wasi *w, const char *name)
{
  for (const NamedTree *t = w->trees; t; t = t->next)
    if (strcmp(t->name, name) == 0) return t->root;
  return NULL;
}

void lw_trees_free(Wasi *w)
{
  for (NamedTree *t = w->trees, *next; t; t = next) {
    next = t->next;
    lw_node_unref(t->root);
    free(t->name);
    free(t);
  }
  w->trees = NULL;
}
