/*
** link.h -- do the values given for a module's imports have the types it wants?
** Layer: rt.
*/
#ifndef LW_RT_LINK_H
#define LW_RT_LINK_H

#include "rt/instance.h"

/*
** Standard, sections 4.5.3 and 3.3 (matching). `types` as lw_code_types gives them.
** LW_LINK: "unknown import" or "incompatible import type", then module, name, what was
** wanted and what was given; err->at is the import's offset in the module.
*/
Status lw_link_check(const Module *m, const uint32_t *types, const ImportValue *imports,
                     Err *err);

#endif
