/* jacobi.c -- five-point stencil on 128 x 128 doubles: loads, adds, no dependences. */
#include "kernel.h"

enum { N = 128 };
static double grid[2][N][N];

static void sweep(double (*to)[N], double (*from)[N])
{
  for (int i = 1; i < N - 1; i++)
    for (int j = 1; j < N - 1; j++)
      to[i][j] =
        0.25 * (from[i - 1][j] + from[i + 1][j] + from[i][j - 1] + from[i][j + 1]);
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      grid[0][i][j] = grid[1][i][j] = i * j % 11;
  for (uint32_t i = 0; i < n; i++)
    sweep(grid[~i & 1], grid[i & 1]);
  for (int i = 0; i < N; i++)
    sum = fold_double(sum, grid[n & 1][i][(i * 7) % N]);
  return sum;
}
