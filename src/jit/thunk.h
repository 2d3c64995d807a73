/*
** thunk.h -- ways into functions that may not be compiled yet.
**
** A thunk is 16 bytes of text for each function: a jump through the function's slot, a
** word of data. Until the function is compiled the slot points back into the thunk, to a
** call of lw_stub_lazy, which compiles it. So no text is ever changed, and the first call
** differs from the others by a jump only.
** Layer: jit.
*/
#ifndef LW_THUNK_H
#define LW_THUNK_H

#include <stdint.h>

enum { THUNK_SIZE = 16 };

/* Write `n` thunks at `text` and their first values to `slots`: both in the text region
   (os.h), within reach of 32 bits. */
void lw_thunks_write(uint8_t *text, const void **slots, uint32_t n);
/* The number of the thunk that called lw_stub_lazy and would be returned to at `back`. */
uint32_t lw_thunk_index(const uint8_t *text, const void *back);
/* Aim the direct call whose 32-bit field lies at `field` and is executed at `at`. */
void lw_thunk_aim(uint8_t *field, const uint8_t *at, const uint8_t *callee);

#endif
