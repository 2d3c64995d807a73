/* spectral.c -- spectral norm of an infinite matrix: a division in every inner iteration.
 */
#include "kernel.h"

enum { N = 100 };
static double u[N], v[N], t[N];

static double cell(int i, int j)
{
  return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void times(double *to, const double *from, int transposed)
{
  for (int i = 0; i < N; i++) {
    double sum = 0;
    for (int j = 0; j < N; j++)
      sum += (transposed ? cell(j, i) : cell(i, j)) * from[j];
    to[i] = sum;
  }
}

uint32_t run(uint32_t n)
{
  double uv = 0, vv = 0;
  for (int i = 0; i < N; i++)
    u[i] = 1;
  for (uint32_t i = 0; i < n; i++) {
    times(t, u, 0);
    times(v, t, 1);
    times(t, v, 0);
    times(u, t, 1);
  }
  for (int i = 0; i < N; i++) {
    uv += u[i] * v[i];
    vv += v[i] * v[i];
  }
  return fold_double(0, __builtin_sqrt(uv / vv));
}
