/*
** setjmp.h -- clang lowers calls of functions with these names; setjmp.c has the rest.
*/
#ifndef SETJMP_H
#define SETJMP_H

typedef struct {
  void *frame;      /* whose setjmp it was: one number for each call of a function */
  unsigned label;   /* which setjmp in it, from 1 */
  void *thrown_env; /* what the tag carries the address of: env and value */
  int thrown_value;
} jmp_buf[1];

int setjmp(jmp_buf env) __attribute__((returns_twice));
void longjmp(jmp_buf env, int value) __attribute__((noreturn));

#endif
