/* simd_gemm.c -- 64 x 64 floats in vectors of four, four rows by eight columns at a time.
 */
#include "vectors.h"

enum { N = 64, V = N / 4 };
static float a[N][N];
static f32x4 b[N][V], c[N][V];

static void tile(int i, int j)
{
  f32x4 sum[4][2] = {{{0}}};
  for (int k = 0; k < N; k++)
    for (int row = 0; row < 4; row++) {
      float x = a[i + row][k];
      f32x4 xs = {x, x, x, x};
      sum[row][0] += xs * b[k][j];
      sum[row][1] += xs * b[k][j + 1];
    }
  for (int row = 0; row < 4; row++) {
    c[i + row][j] = c[i + row][j] * 0.5f + sum[row][0];
    c[i + row][j + 1] = c[i + row][j + 1] * 0.5f + sum[row][1];
  }
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = (float)(i * j % 7) * 0.25f;
      b[i][j / 4][j % 4] = (float)((i + j) % 5) - 1.5f;
      c[i][j / 4][j % 4] = 0;
    }
  for (uint32_t round = 0; round < n; round++)
    for (int i = 0; i < N; i += 4)
      for (int j = 0; j < V; j += 2)
        tile(i, j);
  for (int i = 0; i < N; i++)
    sum = fold_double(sum, c[i][i % V][i % 4]);
  return sum;
}
