/*
** decode.h -- inside the decoder: what decode.c and its sections share.
**
** decode.c walks the sections, decode_sections.c and decode_segments.c know what is in
** them. Like the reference decoder, a section's reader may run on to the end of the
** module; whether it stopped at the section's end is checked afterwards ("section size
** mismatch"), so that messages agree with the official suite.
** Layer: wasm.
*/
#ifndef LW_DECODE_H
#define LW_DECODE_H

#include "base/vec.h"
#include "wasm/binary.h"

typedef struct Decoder {
  Reader r;
  Module *m;
  Err *err;
  size_t section_end;
  uint32_t types_cap, imports_cap, exports_cap, customs_cap, funcs_cap, tables_cap,
    memories_cap, globals_cap, tags_cap, elems_cap, datas_cap;
  uint32_t data_count; /* what its section says */
  uint32_t nbodies;    /* in the code section */
  uint64_t code_at;    /* where that begins; 0: not seen yet */
} Decoder;

/* The contents of one section each; the reader stands behind its size. */
Status lw_decode_types(Decoder *d);
Status lw_decode_imports(Decoder *d);
Status lw_decode_funcs(Decoder *d);
Status lw_decode_tables(Decoder *d);
Status lw_decode_memories(Decoder *d);
Status lw_decode_tags(Decoder *d);
Status lw_decode_globals(Decoder *d);
Status lw_decode_exports(Decoder *d);
Status lw_decode_start(Decoder *d);
Status lw_decode_elems(Decoder *d);
Status lw_decode_data_count(Decoder *d);
Status lw_decode_code(Decoder *d);
Status lw_decode_datas(Decoder *d);

/* Find the end of a constant expression and keep its span. */
Status lw_decode_expr(Decoder *d, Span *out);
/* Room for entry n of an array of the module: LW_LIMIT beyond `limit`, naming `what`. */
Status lw_decode_room(Decoder *d, void *array, uint32_t *cap, uint32_t n, size_t size,
                      uint32_t limit, const char *what, void **out);

/* Read the name section, if there is one and it is sound. Fails only with LW_NOMEM. */
Status lw_names_read(Module *m, Err *err);

#endif
