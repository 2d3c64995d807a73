/*
** helpers.h -- the C functions behind helper.def, and the table machine code calls by.
** Layer: rt.
*/
#ifndef LW_HELPERS_H
#define LW_HELPERS_H

#include "jit/helper.h"
#include "rt/instance.h"

extern const void *const lw_helpers[HELPER__MAX];

/* helpers_gc.c */
uint64_t lw_helper_struct_new(Instance *i, uint64_t x);
uint64_t lw_helper_array_new(Instance *i, uint64_t x, uint64_t n);
uint64_t lw_helper_array_new_data(Instance *i, uint64_t x, uint64_t data, uint64_t src,
                                  uint64_t n);
uint64_t lw_helper_array_new_elem(Instance *i, uint64_t x, uint64_t elem, uint64_t src,
                                  uint64_t n);
uint64_t lw_helper_array_fill(Instance *i, uint64_t array, uint64_t dst, uint64_t n,
                              uint64_t low, uint64_t high);
uint64_t lw_helper_array_copy(Instance *i, uint64_t array, uint64_t dst, uint64_t other,
                              uint64_t src, uint64_t n);
uint64_t lw_helper_array_init_data(Instance *i, uint64_t array, uint64_t data,
                                   uint64_t dst, uint64_t src, uint64_t n);
uint64_t lw_helper_array_init_elem(Instance *i, uint64_t array, uint64_t elem,
                                   uint64_t dst, uint64_t src, uint64_t n);
uint64_t lw_helper_exn_new(Instance *i, uint64_t x);
uint64_t lw_helper_throw(Instance *i, uint64_t exn);
uint64_t lw_helper_ref_fits(Instance *i, uint64_t func, uint64_t x, uint64_t null);

#endif
