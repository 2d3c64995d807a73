/*
** quick.S -- what helpers (helper.def) mostly do, without leaving the private stack.
**
** They are called in place of lw_stub_helper with the same registers, and jump there when
** the case at hand is another one: r11 = the helper, rdi = the instance, as is r14, rsi
** rdx rcx r8 r9 = its other arguments; the result is in rax. They clobber no more than C
** would. Nothing in here may fault: signal handlers know stubs.S only.
** Layer: jit.
*/
#include "jit/layout.h"

        .intel_syntax noprefix
        .cfi_sections .debug_frame
        .text
        .globl  lw_stub_new_struct, lw_stub_new_array, lw_stub_copy, lw_stub_fill
        .hidden lw_stub_new_struct, lw_stub_new_array, lw_stub_copy, lw_stub_fill
        .hidden lw_stub_helper
        .type   lw_stub_new_struct, @function
        .type   lw_stub_new_array, @function
        .type   lw_stub_copy, @function
        .type   lw_stub_fill, @function

/*
** A struct, an array: most of the time there is a cell in the run of its size
** (rt/object.c), zeroed.
*/
        .p2align 4
lw_stub_new_struct:                     /* (rdi, typeidx rsi) */
        .cfi_startproc
        mov     rcx, [r14 + VMCTX_INFOS]
        mov     rcx, [rcx + rsi * 8]
        mov     r8, [r14 + VMCTX_RUNS]
        mov     edx, [rcx + TYPE_INFO_RUN]
        add     r8, rdx
        mov     rax, [r8 + RUN_AT]
        mov     edx, [rcx + TYPE_INFO_CELL]
        add     rdx, rax
        cmp     rdx, [r8 + RUN_END]
        ja      lw_stub_helper
        mov     [r8 + RUN_AT], rdx
        mov     [rax + OBJECT_INFO], rcx
        ret
        .cfi_endproc
        .size   lw_stub_new_struct, . - lw_stub_new_struct

        .p2align 4
lw_stub_new_array:                      /* (rdi, typeidx rsi, length edx) */
        .cfi_startproc
        mov     edx, edx
        cmp     edx, RUN_FINE
        ja      lw_stub_helper
        mov     rcx, [r14 + VMCTX_INFOS]
        mov     rcx, [rcx + rsi * 8]
        mov     eax, [rcx + TYPE_INFO_SIZE]
        imul    eax, edx
        add     eax, ARRAY_ELEMS + 15
        and     eax, -16
        cmp     eax, RUN_FINE
        ja      lw_stub_helper
        mov     r8, [r14 + VMCTX_RUNS]
        lea     r8, [r8 + rax - 16]
        mov     r9, [r8 + RUN_AT]
        add     rax, r9
        cmp     rax, [r8 + RUN_END]
        ja      lw_stub_helper
        mov     [r8 + RUN_AT], rax
        mov     [r9 + OBJECT_INFO], rcx
        mov     [r9 + ARRAY_LENGTH], edx
        mov     rax, r9
        ret
        .cfi_endproc
        .size   lw_stub_new_array, . - lw_stub_new_array

/*
** memory.copy and memory.fill of few bytes in memory 0. What is not inside goes to the
** helper, which traps. All is read before anything is written: the places may overlap.
*/
#define FEW 128
        .p2align 4
lw_stub_copy:                   /* (rdi, to rsi, from rdx, dst rcx, src r8, n r9) */
        .cfi_startproc
        mov     eax, esi
        or      eax, edx
        jnz     lw_stub_helper
        cmp     r9, FEW
        ja      lw_stub_helper
        mov     rax, [r14 + VMCTX_MEMORY0]
        mov     r10, [rax + MEMORY_LENGTH]
        mov     rax, [rax + MEMORY_BASE]
        sub     r10, r9
        jb      lw_stub_helper
        cmp     rcx, r10
        ja      lw_stub_helper
        cmp     r8, r10
        ja      lw_stub_helper
        add     rcx, rax
        add     r8, rax
        cmp     r9d, 16
        jb      2f
        movups  xmm0, [r8]
        movups  xmm1, [r8 + r9 - 16]
        cmp     r9d, 32
        ja      1f
        movups  [rcx], xmm0
        movups  [rcx + r9 - 16], xmm1
        ret
1:      movups  xmm2, [r8 + 16]
        movups  xmm3, [r8 + r9 - 32]
        cmp     r9d, 64
        ja      5f
        movups  [rcx], xmm0
        movups  [rcx + 16], xmm2
        movups  [rcx + r9 - 32], xmm3
        movups  [rcx + r9 - 16], xmm1
        ret
2:      cmp     r9d, 8
        jb      3f
        mov     rax, [r8]
        mov     rdx, [r8 + r9 - 8]
        mov     [rcx], rax
        mov     [rcx + r9 - 8], rdx
        ret
3:      cmp     r9d, 4
        jb      4f
        mov     eax, [r8]
        mov     edx, [r8 + r9 - 4]
        mov     [rcx], eax
        mov     [rcx + r9 - 4], edx
        ret
4:      test    r9d, r9d
        jz      6f
        mov     edx, r9d
        shr     edx, 1                  /* 0, 1, 1: the middle one of 1, 2, 3 */
        movzx   eax, byte ptr [r8]
        movzx   r10d, byte ptr [r8 + rdx]
        movzx   r11d, byte ptr [r8 + r9 - 1]
        mov     [rcx], al
        mov     [rcx + rdx], r10b
        mov     [rcx + r9 - 1], r11b
6:      ret
5:      movups  xmm4, [r8 + 32]
        movups  xmm5, [r8 + 48]
        movups  xmm6, [r8 + r9 - 64]
        movups  xmm7, [r8 + r9 - 48]
        movups  [rcx], xmm0
        movups  [rcx + 16], xmm2
        movups  [rcx + 32], xmm4
        movups  [rcx + 48], xmm5
        movups  [rcx + r9 - 64], xmm6
        movups  [rcx + r9 - 48], xmm7
        movups  [rcx + r9 - 32], xmm3
        movups  [rcx + r9 - 16], xmm1
        ret
        .cfi_endproc
        .size   lw_stub_copy, . - lw_stub_copy

        .p2align 4
lw_stub_fill:                           /* (rdi, memory rsi, dst rdx, byte rcx, n r8) */
        .cfi_startproc
        test    esi, esi
        jnz     lw_stub_helper
        cmp     r8, FEW
        ja      lw_stub_helper
        mov     rax, [r14 + VMCTX_MEMORY0]
        mov     r10, [rax + MEMORY_LENGTH]
        mov     rax, [rax + MEMORY_BASE]
        sub     r10, r8
        jb      lw_stub_helper
        cmp     rdx, r10
        ja      lw_stub_helper
        add     rdx, rax
        movzx   eax, cl
        mov     rcx, 0x0101010101010101
        imul    rax, rcx
        cmp     r8d, 16
        jb      2f
        movq    xmm0, rax
        punpcklqdq xmm0, xmm0
        lea     rcx, [rdx + r8 - 16]    /* the last 16, which may have been filled */
1:      movups  [rdx], xmm0
        add     rdx, 16
        cmp     rdx, rcx
        jb      1b
        movups  [rcx], xmm0
        ret
2:      cmp     r8d, 8
        jb      3f
        mov     [rdx], rax
        mov     [rdx + r8 - 8], rax
        ret
3:      cmp     r8d, 4
        jb      4f
        mov     [rdx], eax
        mov     [rdx + r8 - 4], eax
        ret
4:      test    r8d, r8d
        jz      5f
        mov     ecx, r8d
        shr     ecx, 1
        mov     [rdx], al
        mov     [rdx + rcx], al
        mov     [rdx + r8 - 1], al
5:      ret
        .cfi_endproc
        .size   lw_stub_fill, . - lw_stub_fill

        .section .note.GNU-stack, "", @progbits
