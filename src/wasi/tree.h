/*
** tree.h -- files and directories in memory.
**
** A Node is a file, a directory or a symbolic link. Directories hold their entries in the
** order they were made, each with a number that only grows, which is the cookie of a
** listing. No directory lies deeper than TREE_DEPTH, so recursion is bounded.
** Owned by count: one reference from each entry, each descriptor, and the Wasi for each
** root. What nodes hold is counted by the Wasi (lw_wasi_keep).
** Layer: wasi.
*/
#ifndef LW_WASI_TREE_H
#define LW_WASI_TREE_H

#include "wasi/wasi.h"

enum { TREE_DEPTH = 128, TREE_NAME_MAX = 255 };

typedef struct NodeEntry {
  char *name;
  Node *node;
  uint64_t number;
  uint32_t hash;
} NodeEntry;

struct Node {
  Wasi *w; /* counts its bytes; outlives it */
  uint32_t refs;
  uint32_t nlink;
  uint8_t type; /* FILETYPE_DIRECTORY, FILETYPE_REGULAR or FILETYPE_SYMLINK */
  bool root;
  uint64_t ino, atim, mtim, ctim;
  char *bytes; /* of a file, or a link's target */
  uint64_t size, cap;
  NodeEntry *entries; /* of a directory */
  uint32_t n, nentries;
  uint64_t number; /* of the last entry made */
  Node *parent;    /* of a directory; NULL: a root, or removed */
};

/* NULL: no memory, or beyond the limit of what may be kept. */
Node *lw_node_new(Wasi *w, uint8_t type);
Node *lw_node_ref(Node *n);
void lw_node_unref(Node *n);
/* Room for so many bytes, zeros beyond the size; false: none. */
bool lw_node_room(Node *n, uint64_t size);
bool lw_node_set_size(Node *n, uint64_t size);
/* The entry of that name, or NULL. */
NodeEntry *lw_node_find(const Node *dir, const char *name);
/* A new one for `n`, of which it takes a reference; there must be none of that name. */
bool lw_node_add(Node *dir, const char *name, Node *n);
/* The entry goes, with its reference. */
void lw_node_remove(Node *dir, NodeEntry *e);
bool lw_node_is_dir(const Node *n);
bool lw_node_is_file(const Node *n);
/* For whoever fills a tree: a new file or directory in `dir`, and a file's contents.
   NULL, false: no memory, or beyond the limit. */
Node *lw_tree_put(Wasi *w, Node *dir, const char *name, bool directory);
bool lw_tree_fill(Node *file, const char *bytes, size_t size);
/* How many directories lie above it; how many levels below, itself included. */
uint32_t lw_node_depth(const Node *dir);
uint32_t lw_node_height(const Node *n);

/* The roots of a Wasi, by the name the guest has for them. */
bool lw_tree_name(Wasi *w, const char *name, Node *root);
void lw_trees_free(Wasi *w);

#endif
