/*
** cxx.c -- what Emscripten's C++ library lacks when clang 22 links it: the tag, which
** clang 14 put into every object; and three functions, of which a guest needs the last.
*/
#include <stddef.h>

__asm__(".globl __cpp_exception\n.tagtype __cpp_exception i32\n__cpp_exception:\n");

void abort(void);
void abort(void)
{
  __builtin_trap();
}

char *__cxa_demangle(const char *name, char *out, size_t *size, int *status);
char *__cxa_demangle(const char *name, char *out, size_t *size, int *status)
{
  (void)name, (void)out, (void)size;
  *status = -1;
  return NULL;
}

int emscripten_resize_heap(size_t size);
int emscripten_resize_heap(size_t size)
{
  size_t pages = (size + 65535) / 65536, have = __builtin_wasm_memory_size(0);
  return pages <= have || __builtin_wasm_memory_grow(0, pages - have) != (size_t)-1;
}
