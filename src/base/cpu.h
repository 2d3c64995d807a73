/*
** cpu.h -- which instructions this machine has. Part of the identity of code.
** Layer: base.
*/
#ifndef LW_CPU_H
#define LW_CPU_H

#include <stdint.h>

enum {
  CPU_SSE41 = 1, /* the floor on x86-64 */
  CPU_POPCNT = 2,
  CPU_LZCNT = 4,
  CPU_BMI1 = 8,
  CPU_BMI2 = 16,
  CPU_AVX = 32,
  CPU_AVX2 = 64,
  CPU_FMA = 128,
};

/* Mask of CPU_*; computed once, thread-safe. */
uint32_t lw_cpu_features(void);
#ifndef NDEBUG
/* From now on at most these, so that code for lesser machines can be tried. */
void lw_cpu_keep(uint32_t mask);
#endif

#endif
