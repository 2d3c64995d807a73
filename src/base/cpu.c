/*
** cpu.c -- asks the processor, and whether the system saves its wide registers.
** Layer: base.
*/
#include "base/cpu.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#include <cpuid.h>

enum { ASKED = 1 << 30 }; /* so that a machine with nothing is asked once, too */

static uint32_t bit(uint32_t reg, unsigned n, uint32_t feature)
{
  return reg >> n & 1 ? feature : 0;
}

/* XCR0 says whether a context switch keeps the upper halves of vector registers. */
static int saves_wide_registers(uint32_t leaf1_ecx)
{
  uint32_t low, high;
  if (!(leaf1_ecx >> 27 & 1)) return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & 6) == 6;
}

static uint32_t ask(void)
{
  uint32_t a, b, c, d, mask = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  mask |= bit(c, 19, CPU_SSE41) | bit(c, 23, CPU_POPCNT);
  uint32_t wide = bit(c, 28, CPU_AVX) | bit(c, 12, CPU_FMA);
  if (wide & CPU_AVX && saves_wide_registers(c)) mask |= wide;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    mask |= bit(b, 3, CPU_BMI1) | bit(b, 8, CPU_BMI2);
    if (mask & CPU_AVX) mask |= bit(b, 5, CPU_AVX2);
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d)) mask |= bit(c, 5, CPU_LZCNT);
  return mask;
}
#else
enum { ASKED = 1 << 30 };
static uint32_t ask(void)
{
  return 0;
}
#endif

#ifndef NDEBUG
static _Atomic(uint32_t) kept = UINT32_MAX;
void lw_cpu_keep(uint32_t mask)
{
  atomic_store(&kept, mask);
}
#else
enum { kept = -1 };
#endif

uint32_t lw_cpu_features(void)
{
  static _Atomic(uint32_t) known; /* two threads may both ask; they get one answer */
  uint32_t mask = atomic_load_explicit(&known, memory_order_relaxed);
  if (!mask) {
    mask = ask() | ASKED;
    atomic_store_explicit(&known, mask, memory_order_relaxed);
  }
  return mask & ~(uint32_t)ASKED & (uint32_t)kept;
}
