/* gemm.c -- 64 x 64 doubles, the textbook order i k j. */
#include "kernel.h"

enum { N = 64 };
static double a[N][N], b[N][N], c[N][N];

static void multiply(void)
{
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++)
      c[i][j] *= 0.5;
    for (int k = 0; k < N; k++) {
      double x = a[i][k];
      for (int j = 0; j < N; j++)
        c[i][j] += x * b[k][j];
    }
  }
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = (i * j % 7) * 0.25;
      b[i][j] = (i + j) % 5 - 1.5;
      c[i][j] = 0;
    }
  for (uint32_t i = 0; i < n; i++)
    multiply();
  for (int i = 0; i < N; i++)
    sum = fold_double(sum, c[i][(i * 17) % N]);
  return sum;
}
