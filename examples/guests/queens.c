/*
** queens.c -- a backtracking search that hands out each result as it finds it
** (examples/coroutines.lua).
**
** The search is recursive and `found` is called from the bottom of it. Whether the host
** returns at once or lets a thousand frames pass first makes no difference here: this is
** ordinary blocking C.
*/
#include "guest.h"

IMPORT(host, found) void found(const unsigned char *column_of_row, int size);

static int is_free(const unsigned char *board, int row, int column)
{
  for (int r = 0; r < row; r++) {
    int distance = board[r] - column;
    if (distance == 0 || distance == row - r || distance == r - row) return 0;
  }
  return 1;
}

static int place(unsigned char *board, int row, int size)
{
  if (row == size) {
    found(board, size);
    return 1;
  }
  int solutions = 0;
  for (int column = 0; column < size; column++) {
    if (!is_free(board, row, column)) continue;
    board[row] = (unsigned char)column;
    solutions += place(board, row + 1, size);
  }
  return solutions;
}

/* All ways to put `size` queens on a board, 1 <= size <= 16; returns how many. */
EXPORT(queens) int queens(int size)
{
  unsigned char board[16];
  return size < 1 || size > 16 ? 0 : place(board, 0, size);
}
