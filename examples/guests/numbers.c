/*
** numbers.c -- a guest that calls back into Lua (examples/callbacks.lua).
*/
#include "guest.h"

IMPORT(host, f) double f(double x);
IMPORT(host, less) int less(int a, int b);

/* Simpson's rule over a function that only Lua knows. `steps` is even. */
EXPORT(integrate) double integrate(double from, double to, int steps)
{
  double h = (to - from) / steps, sum = f(from) + f(to);
  for (int i = 1; i < steps; i++)
    sum += f(from + i * h) * (i % 2 ? 4 : 2);
  return sum * h / 3;
}

static int32_t items[1024];

/* Where the host puts numbers to sort. */
EXPORT(items) int32_t *items_address(void)
{
  return items;
}

static void sift(int root, int count)
{
  for (;;) {
    int child = 2 * root + 1;
    if (child >= count) return;
    if (child + 1 < count && less(items[child], items[child + 1])) child++;
    if (!less(items[root], items[child])) return;
    int32_t moved = items[root];
    items[root] = items[child];
    items[child] = moved;
    root = child;
  }
}

/* Heap sort in an order that only Lua knows. */
EXPORT(sort) void sort(int count)
{
  for (int root = count / 2 - 1; root >= 0; root--)
    sift(root, count);
  for (int last = count - 1; last > 0; last--) {
    int32_t moved = items[0];
    items[0] = items[last];
    items[last] = moved;
    sift(0, last);
  }
}
