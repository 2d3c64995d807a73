/* matmul.c -- 64 x 64 integers, order i j k: one strided load an iteration. */
#include "kernel.h"

enum { N = 64 };
static uint32_t a[N][N], b[N][N], c[N][N];

static void multiply(void)
{
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      uint32_t sum = c[i][j];
      for (int k = 0; k < N; k++)
        sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < N; i++)
    for (uint32_t j = 0; j < N; j++) {
      a[i][j] = i * j + 1;
      b[i][j] = i - j;
      c[i][j] = 0;
    }
  for (uint32_t i = 0; i < n; i++)
    multiply();
  for (int i = 0; i < N; i++)
    sum = sum * 31 + c[i][(i * 17) % N];
  return sum;
}
