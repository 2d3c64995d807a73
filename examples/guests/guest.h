/*
** guest.h -- the three words a C guest needs to talk to its host.
**
** EXPORT(name) makes a function callable from Lua as instance.exports.name.
** IMPORT(module, name) declares a function that Lua supplies as imports.module.name.
** No library, no main, no start function: a guest is a set of functions and a memory.
*/
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>

#define EXPORT(name)         __attribute__((export_name(#name)))
#define IMPORT(module, name) __attribute__((import_module(#module), import_name(#name)))

#endif
