/*
** gdb.c -- the GDB JIT interface: symbols of machine code for a debugger.
**
** A debugger that is attached has a breakpoint in __jit_debug_register_code; one that
** comes later reads the list behind __jit_debug_descriptor. Each entry is a whole ELF
** object in memory: a .text that lies where the code is, a symbol for each function, and
** .eh_frame, so that backtraces go through.
** Both names are local to this file: a debugger finds them in .symtab all the same, no
** other library of the process (LLVM's has the same two) can, and nm -D does not show
** them. So a stripped core.so has no such interface.
** Layer: rt.
*/
#include <assert.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "jit/unwind.h"
#include "rt/symbols.h"

/* ---- the interface, as the debugger knows it ---- */

typedef struct JitEntry {
  struct JitEntry *next, *prev;
  const void *symfile;
  uint64_t size;
} JitEntry;

typedef struct JitDescriptor {
  uint32_t version, action;
  JitEntry *relevant, *first;
} JitDescriptor;

enum { JIT_NOTHING, JIT_REGISTER, JIT_UNREGISTER };

/* NOLINTBEGIN(bugprone-reserved-identifier): the debugger looks for these names */
__attribute__((used)) static JitDescriptor __jit_debug_descriptor = {.version = 1};

__attribute__((used, noinline)) static void __jit_debug_register_code(void)
{
  __asm__ volatile("" ::: "memory");
}

static void tell(JitEntry *e, uint32_t action)
{
  __jit_debug_descriptor.relevant = e;
  __jit_debug_descriptor.action = action;
  __jit_debug_register_code();
  __jit_debug_descriptor.action = JIT_NOTHING;
}

static void enlist(JitEntry *e)
{
  e->prev = NULL;
  e->next = __jit_debug_descriptor.first;
  if (e->next) e->next->prev = e;
  __jit_debug_descriptor.first = e;
  tell(e, JIT_REGISTER);
}

static void delist(JitEntry *e)
{
  if (e->prev)
    e->prev->next = e->next;
  else
    __jit_debug_descriptor.first = e->next;
  if (e->next) e->next->prev = e->prev;
  tell(e, JIT_UNREGISTER);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- objects ---- */

struct GdbObject {
  JitEntry entry;
  GdbObject *next; /* of the same range of text */
  _Alignas(16) uint8_t elf[];
};

enum { PADDING = 4 * 16 }; /* at most, before the parts */
enum { TEXT = 1, FRAMES, SYMBOLS, NAMES, SECTION_NAMES, NSECTIONS };

static const char section_names[] = "\0.text\0.eh_frame\0.symtab\0.strtab\0.shstrtab";
static const uint8_t section_name_at[NSECTIONS] = {0, 1, 7, 17, 25, 33};

typedef struct Parts {
  uintptr_t at; /* of the code */
  size_t size;
  Str frames, symbols, names;
} Parts;

static bool make_parts(const Code *c, const TextSymbol *list, uint32_t n, Parts *p)
{
  char name[SYMBOL_NAME];
  uintptr_t end = 0;
  p->at = UINTPTR_MAX;
  for (uint32_t k = 0; k < n; k++) {
    uintptr_t from = (uintptr_t)list[k].at, to = from + list[k].size;
    if (from < p->at) p->at = from;
    if (to > end) end = to;
  }
  p->size = end - p->at;
  lw_unwind_begin(&p->frames);
  lw_str_add(&p->names, "", 1);
  lw_str_add(&p->symbols, (const char *)&(Elf64_Sym){0}, sizeof(Elf64_Sym));
  for (uint32_t k = 0; k < n && p->names.len < UINT32_MAX - SYMBOL_NAME; k++) {
    Elf64_Sym symbol = {.st_name = (uint32_t)p->names.len,
                        .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                        .st_shndx = TEXT,
                        .st_value = (uintptr_t)list[k].at - p->at,
                        .st_size = list[k].size};
    lw_symbol_name(c, list[k].func, name);
    lw_str_add(&p->symbols, (const char *)&symbol, sizeof symbol);
    lw_str_add(&p->names, name, strlen(name) + 1);
    if (list[k].func != NO_FUNC) lw_unwind_func(&p->frames, list[k].at, list[k].size);
  }
  lw_unwind_end(&p->frames);
  return !p->frames.failed && !p->symbols.failed && !p->names.failed;
}

/* Copy a part behind what is there and say where it lies. */
static void put_part(uint8_t *elf, size_t *at, Elf64_Shdr *section, const void *bytes,
                     size_t size)
{
  *at = (*at + 15) & ~(size_t)15;
  section->sh_offset = *at;
  section->sh_size = size;
  memcpy(elf + *at, bytes, size);
  *at += size;
}

static void put_elf(uint8_t *elf, const Parts *p)
{
  Elf64_Ehdr head = {
    .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
    .e_type = ET_REL,
    .e_machine = lw_elf_machine,
    .e_version = EV_CURRENT,
    .e_shoff = sizeof head,
    .e_ehsize = sizeof head,
    .e_shentsize = sizeof(Elf64_Shdr),
    .e_shnum = NSECTIONS,
    .e_shstrndx = SECTION_NAMES,
  };
  /* clang-format off */
  Elf64_Shdr s[NSECTIONS] = {
    [TEXT] = {.sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
              .sh_addr = p->at, .sh_size = p->size, .sh_addralign = 16},
    [FRAMES] = {.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_addralign = 8},
    /* no symbol is local but the first */
    [SYMBOLS] = {.sh_type = SHT_SYMTAB, .sh_link = NAMES, .sh_info = 1,
                 .sh_addralign = 8, .sh_entsize = sizeof(Elf64_Sym)},
    [NAMES] = {.sh_type = SHT_STRTAB, .sh_addralign = 1},
    [SECTION_NAMES] = {.sh_type = SHT_STRTAB, .sh_addralign = 1},
  };
  /* clang-format on */
  size_t at = sizeof head + sizeof s;
  for (unsigned k = 0; k < NSECTIONS; k++)
    s[k].sh_name = section_name_at[k];
  s[TEXT].sh_offset = at;
  put_part(elf, &at, &s[FRAMES], p->frames.text, p->frames.len);
  put_part(elf, &at, &s[SYMBOLS], p->symbols.text, p->symbols.len);
  put_part(elf, &at, &s[NAMES], p->names.text, p->names.len);
  put_part(elf, &at, &s[SECTION_NAMES], section_names, sizeof section_names);
  memcpy(elf, &head, sizeof head);
  memcpy(elf + sizeof head, s, sizeof s);
}

void lw_gdb_tell(const Code *c, const TextSymbol *symbols, uint32_t n, GdbObject **list)
{
  Parts p = {0};
  assert(n > 0 && list);
  if (make_parts(c, symbols, n, &p)) {
    size_t size = sizeof(Elf64_Ehdr) + NSECTIONS * sizeof(Elf64_Shdr) + p.frames.len +
                  p.symbols.len + p.names.len + sizeof section_names + PADDING;
    GdbObject *o = calloc(1, sizeof *o + size);
    if (o) {
      put_elf(o->elf, &p);
      o->entry.symfile = o->elf;
      o->entry.size = size;
      o->next = *list;
      *list = o;
      enlist(&o->entry);
    }
  }
  lw_str_free(&p.frames);
  lw_str_free(&p.symbols);
  lw_str_free(&p.names);
}

void lw_gdb_forget(GdbObject *list)
{
  for (GdbObject *next; list; list = next) {
    next = list->next;
    delist(&list->entry);
    free(list);
  }
}
