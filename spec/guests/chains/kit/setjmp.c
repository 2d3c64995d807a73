/*
** setjmp.c -- what clang 22 expects of a C library for setjmp and longjmp over
** exceptions.
**
** The tag of longjmp carries the address of two words: the buffer and the value. A frame
** that called setjmp catches it, asks __wasm_setjmp_test whether the buffer is its own,
** and if not throws on.
*/
#include "setjmp.h"

#include <stddef.h>
#include <stdint.h>

__asm__(".globl __c_longjmp\n.tagtype __c_longjmp i32\n__c_longjmp:\n");

void __wasm_setjmp(void *env, uint32_t label, void *frame);
void __wasm_setjmp(void *env, uint32_t label, void *frame)
{
  jmp_buf *buffer = env;
  (*buffer)->frame = frame;
  (*buffer)->label = label;
}

uint32_t __wasm_setjmp_test(void *env, void *frame);
uint32_t __wasm_setjmp_test(void *env, void *frame)
{
  jmp_buf *buffer = env;
  return (*buffer)->frame == frame ? (*buffer)->label : 0;
}

void __wasm_longjmp(void *env, int value);
void __wasm_longjmp(void *env, int value)
{
  jmp_buf *buffer = env;
  (*buffer)->thrown_env = env;
  (*buffer)->thrown_value = value ? value : 1;
  __builtin_wasm_throw(1, &(*buffer)->thrown_env);
}
