/*
** norepl.c -- QuickJS's prompt, which is JavaScript compiled to bytes, left out.
*/
#include <stdint.h>

extern const uint8_t qjsc_repl[];
extern const uint32_t qjsc_repl_size;
const uint8_t qjsc_repl[1];
const uint32_t qjsc_repl_size = 0;
