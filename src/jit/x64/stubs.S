/*
** stubs.S -- the ways between the host's stack and a private one, x86-64.
**
**   host stack                           private stack
**   +--------------------+               +----------------------+ stack + size
**   | C: lw_act_enter    |               | result area          |
**   | return address     |               | overflow arguments   | <- ACT_GUEST_SP, fresh
**   | rbp rbx r12..r15   | enter, resume | return into enter    |
**   | mxcsr              | ============> | frame, rbp = 0       |
**   +--------------------+               | ...                  |
**   ^ ACT_HOST_SP, 16-aligned            | overflow arguments   | <- ACT_OVERFLOW
**     (helpers and quick callouts        | return address       |
**      run below)        callout, helper | rbp rbx r12 r13      |
**                        <============   +----------------------+ <- ACT_GUEST_SP
**
** The host's side of a switch is always the seven words of HOST_SAVE, the guest's side is
** what its stub pushed. A trap only takes the host's side; the private stack stays as it
** was, for the trace.
** Which way back: `ret` where the guest itself returned, for the processor's return
** predictor then agrees; `pop; jmp` where it does not (measured: the wrong form costs 12
** to 42 ns). A callout first calls lw_act_callout on the host's stack: if the host
** function runs there and then, every call meets its own return and nothing is
** mispredicted (a callout and its resume by `jmp` cost 45 ns, most of it mispredicted
** returns in C afterwards).
** Floats: WebAssembly wants round-to-nearest and subnormals. A host that runs with other
** settings (games set flush-to-zero) gets its own back at every switch.
** Invariants: r14 and r15 belong to the running instance, so they are dead across a call
** through a cell (the caller sets them again); rbx, r12, r13 and rbp survive every stub.
** C code never runs on a private stack, but for the host's own signal handlers.
** Layer: jit.
*/
#include "jit/layout.h"

#define MXCSR_DEFAULT 0x1f80 /* all exceptions masked, nearest, no FTZ/DAZ */
#define MXCSR_CONTROL 0xffc0 /* without the sticky flags */
#define CALLOUT_FRAME 32     /* r13 r12 rbx rbp */
#define HOST_FRAME    64     /* what HOST_SAVE pushed, and the return address */

        .intel_syntax noprefix
        .text
        .globl  lw_stub_enter, lw_stub_resume, lw_stub_callout, lw_stub_helper
        .globl  lw_stub_resume_landing
        .hidden lw_stub_resume_landing
        .globl  lw_stub_closed, lw_stub_exhausted, lw_stub_trap_exit, lw_stub_lazy
        .globl  lw_stubs_begin, lw_stubs_end
        .globl  lw_stub_limit, lw_stub_late
        .hidden lw_act_callout, lw_lazy_enter, lw_stub_lazy, lw_stub_limit, lw_stub_late
        .hidden lw_stub_enter, lw_stub_resume, lw_stub_callout, lw_stub_helper
        .hidden lw_stub_closed, lw_stub_exhausted, lw_stub_trap_exit
        .hidden lw_stubs_begin, lw_stubs_end
        .type   lw_stub_enter, @function
        .type   lw_stub_resume, @function
        .type   lw_stub_callout, @function
        .type   lw_stub_helper, @function
        .type   lw_stub_lazy, @function
        .type   lw_stub_limit, @function
        .type   lw_stub_late, @function

/* With rsp = HOST_SP: the host's float settings, or the guest's. Clobber ecx. */
.macro HOST_FLOATS
        mov     ecx, [rsp]
        and     ecx, MXCSR_CONTROL
        cmp     ecx, MXCSR_DEFAULT
        je      8f
        ldmxcsr [rsp]
8:
.endm
.macro GUEST_FLOATS
        mov     ecx, [rsp]
        and     ecx, MXCSR_CONTROL
        cmp     ecx, MXCSR_DEFAULT
        je      8f
        ldmxcsr [rip + mxcsr_default]
8:
.endm

/* Clobbers eax. */
.macro HOST_SAVE
        push    rbp
        push    rbx
        push    r12
        push    r13
        push    r14
        push    r15
        sub     rsp, 8
        stmxcsr [rsp]
        mov     eax, [rsp]
        and     eax, MXCSR_CONTROL
        cmp     eax, MXCSR_DEFAULT
        je      7f
        ldmxcsr [rip + mxcsr_default]
7:
.endm

/* Clobbers ecx. */
.macro HOST_RESTORE
        HOST_FLOATS
        add     rsp, 8
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbx
        pop     rbp
.endm

/* The positions of abi.h; the first four are all that most calls need. */
.macro LOAD_FEW act
        mov     rax, [\act + ACT_GPR]
        mov     rcx, [\act + ACT_GPR + 8]
        mov     rdx, [\act + ACT_GPR + 16]
        mov     rsi, [\act + ACT_GPR + 24]
.endm
.macro LOAD_GPR act
        LOAD_FEW \act
        mov     r8,  [\act + ACT_GPR + 40]
        mov     r9,  [\act + ACT_GPR + 48]
        mov     r10, [\act + ACT_GPR + 56]
        mov     rdi, [\act + ACT_GPR + 32]
.endm
.macro STORE_FEW act
        mov     [\act + ACT_GPR],      rax
        mov     [\act + ACT_GPR + 8],  rcx
        mov     [\act + ACT_GPR + 16], rdx
        mov     [\act + ACT_GPR + 24], rsi
.endm
.macro STORE_MORE act
        mov     [\act + ACT_GPR + 32], rdi
        mov     [\act + ACT_GPR + 40], r8
        mov     [\act + ACT_GPR + 48], r9
        mov     [\act + ACT_GPR + 56], r10
.endm
.macro STORE_GPR act
        STORE_FEW \act
        STORE_MORE \act
.endm
.macro LOAD_FPR act
        movups  xmm0, [\act + ACT_FPR]
        movups  xmm1, [\act + ACT_FPR + 16]
        movups  xmm2, [\act + ACT_FPR + 32]
        movups  xmm3, [\act + ACT_FPR + 48]
        movups  xmm4, [\act + ACT_FPR + 64]
        movups  xmm5, [\act + ACT_FPR + 80]
        movups  xmm6, [\act + ACT_FPR + 96]
        movups  xmm7, [\act + ACT_FPR + 112]
.endm
.macro STORE_FPR act
        movups  [\act + ACT_FPR],       xmm0
        movups  [\act + ACT_FPR + 16],  xmm1
        movups  [\act + ACT_FPR + 32],  xmm2
        movups  [\act + ACT_FPR + 48],  xmm3
        movups  [\act + ACT_FPR + 64],  xmm4
        movups  [\act + ACT_FPR + 80],  xmm5
        movups  [\act + ACT_FPR + 96],  xmm6
        movups  [\act + ACT_FPR + 112], xmm7
.endm

/* The way back to the host that is not the guest's own return. Expects rsp = HOST_SP. */
.macro BACK why
        mov     eax, \why
        HOST_RESTORE
        pop     rdx
        jmp     rdx
.endm

        .p2align 4
lw_stubs_begin:

/* unsigned lw_stub_enter(Activation *rdi, const FuncCell *rsi) */
        .p2align 4
lw_stub_enter:
        HOST_SAVE
enter_saved:
        mov     [rdi + ACT_HOST_SP], rsp
        mov     rbx, rdi                /* survives the guest: callee-saved */
        mov     r14, [rsi + CELL_CTX]
        mov     r11, [rsi + CELL_CODE]
        mov     r15, [r14 + VMCTX_MEM_BASE]
        test    dword ptr [r14 + VMCTX_FLAGS], VMCTX_EXPLICIT
        jnz     4f
1:      test    dword ptr [rbx + ACT_FLAGS], ACT_FLOATS | ACT_MANY
        jnz     5f
2:      mov     rsp, [rbx + ACT_GUEST_SP]
enter_guest:
        LOAD_FEW rbx
        xor     ebp, ebp                /* the outermost frame */
        call    r11
        mov     [rbx + ACT_GPR], rax
        test    dword ptr [rbx + ACT_FLAGS], ACT_FLOATS | ACT_MANY
        jnz     6f
3:      mov     rsp, [rbx + ACT_HOST_SP]
enter_back:
        mov     eax, ACT_RETURNED
        HOST_RESTORE
        ret
4:      mov     rax, [r14 + VMCTX_MEMORY0]
        mov     r15, [rax + MEMORY_BASE]
        jmp     1b
5:      LOAD_GPR rbx
        LOAD_FPR rbx
        jmp     2b
6:      STORE_GPR rbx
        STORE_FPR rbx
        jmp     3b
enter_end:
        .size   lw_stub_enter, . - lw_stub_enter

/* Called by machine code: r14 = HostFunc, arguments by abi.h. */
/* The unwinder, should a host throw: from the call below it sees the host's frame. */
        .p2align 4
lw_stub_callout:
        .cfi_startproc
        .cfi_def_cfa rsp, HOST_FRAME
        .cfi_offset rbp, -16
        .cfi_offset rbx, -24
        .cfi_offset r12, -32
        .cfi_offset r13, -40
        .cfi_offset r14, -48
        .cfi_offset r15, -56
        push    rbp
        push    rbx
        push    r12
        push    r13
callout_saved:
        mov     r11, [r14 + VMCTX_STORE]
        mov     r11, [r11 + STORE_ACT]
        STORE_FEW r11
        test    dword ptr [r14 + VMCTX_FLAGS], VMCTX_FLOATS | VMCTX_MANY
        jnz     2f
1:      mov     [r11 + ACT_CALLEE], r14
        mov     [r11 + ACT_TRAP_CTX], r14
        mov     rax, [rsp + CALLOUT_FRAME]      /* return address */
        lea     rcx, [rsp + CALLOUT_FRAME + 8]
        mov     [r11 + ACT_TRAP_PC], rax
        mov     [r11 + ACT_TRAP_RBP], rbp
        mov     [r11 + ACT_TRAP_RSP], rcx
        mov     [r11 + ACT_OVERFLOW], rcx
        mov     [r11 + ACT_GUEST_SP], rsp
        mov     rbx, r11
        mov     rsp, [r11 + ACT_HOST_SP]
callout_host:
        HOST_FLOATS
        mov     rdi, rbx
        call    lw_act_callout          /* may never return: the host may longjmp */
        test    eax, eax
        jnz     3f
        GUEST_FLOATS
        mov     r14, [rbx + ACT_CALLEE]
        mov     rsp, [rbx + ACT_GUEST_SP]
callout_back:
        mov     r15d, [r14 + VMCTX_POP]
        mov     rax, [rbx + ACT_GPR]
        test    dword ptr [r14 + VMCTX_FLAGS], VMCTX_FLOATS | VMCTX_MANY
        jnz     5f
4:      pop     r13
        pop     r12
        pop     rbx
        pop     rbp
        test    r15d, r15d
        jnz     6f
        ret
2:      STORE_MORE r11
        STORE_FPR r11
        jmp     1b
3:      cmp     eax, ACT_LANDS
        je      7f
        HOST_RESTORE
        pop     rdx
        jmp     rdx
5:      LOAD_GPR rbx
        LOAD_FPR rbx
        jmp     4b
7:      GUEST_FLOATS
        jmp     land
6:      pop     r11
        add     rsp, r15
        jmp     r11
        .cfi_endproc
callout_end:
        .size   lw_stub_callout, . - lw_stub_callout

/* unsigned lw_stub_resume(Activation *rdi): goes on behind a callout. */
        .p2align 4
lw_stub_resume:
        HOST_SAVE
        mov     [rdi + ACT_HOST_SP], rsp
        mov     rsp, [rdi + ACT_GUEST_SP]
        mov     r14, [rdi + ACT_CALLEE]
        test    dword ptr [r14 + VMCTX_FLAGS], VMCTX_FLOATS
        jnz     2f
1:      mov     r15d, [r14 + VMCTX_POP]
        LOAD_GPR rdi
        pop     r13
        pop     r12
        pop     rbx
        pop     rbp
        pop     r11
        add     rsp, r15
        jmp     r11
2:      LOAD_FPR rdi
        jmp     1b
        .size   lw_stub_resume, . - lw_stub_resume

/*
** Called by machine code: r11 = C function, rdi = its context, rsi rdx rcx r8 r9 = its
** other arguments. The result is in rax. Clobbers what C clobbers.
*/
        .p2align 4
lw_stub_helper:
        push    rbp
        mov     rbp, rsp
helper_framed:
        push    rbx
        push    r12             /* for the collector, which looks at stacks */
        push    r13
        mov     rbx, [r14 + VMCTX_STORE]
        mov     rbx, [rbx + STORE_ACT]
        mov     rax, [rbp + 8]
        mov     r10, [rbp]
        mov     [rbx + ACT_TRAP_PC], rax
        mov     [rbx + ACT_TRAP_RBP], r10
        lea     rax, [rbp + 16]
        mov     [rbx + ACT_TRAP_RSP], rax
        mov     [rbx + ACT_TRAP_CTX], r14
        mov     [rbx + ACT_GUEST_SP], rsp
        mov     rsp, [rbx + ACT_HOST_SP]
helper_host:
        call    r11
        cmp     dword ptr [rbx + ACT_TRAP], 0
        jne     lw_stub_trap_exit
        mov     rsp, [rbx + ACT_GUEST_SP]
helper_back:
        pop     r13
        pop     r12
        pop     rbx
        pop     rbp
        ret
        .size   lw_stub_helper, . - lw_stub_helper

/*
** Called by machine code where fuel has run out: r11d = the amount, r14 = Instance; and
** lw_stub_late in the name of machine code whose poll found that time is up, to go on
** with that poll. For the caller no register changes, so everything is kept on the
** stack, where the collector looks as well, around a call of the Store's host function:
**     rbp + 8   return address          rbp - 112  r15, the last of 14 registers
**     rbp       the caller's rbp        rbp - 120  flags
**     rbp - 8   rax                     rbp - 376  xmm0, the last of 16
** A guest that is parked goes on at limit_back, like behind any call of the host. Its
** memory may have moved meanwhile: where bounds are explicit, r15 is the base or dead.
*/
#define LIMIT_FRAME 376
.macro LIMIT_SAVE
        push    rbp
        mov     rbp, [rsp - LIMIT_FRAME - 64]   /* no room? Now the trace is simple */
        mov     rbp, rsp
        .irp    r, rax, rcx, rdx, rbx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        push    \r
        .endr
        pushfq
        sub     rsp, 256
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  [rsp + 16 * \n], xmm\n
        .endr
.endm

        .p2align 4
lw_stub_late:
        LIMIT_SAVE
        xor     r11d, r11d
        jmp     limit_call
        .size   lw_stub_late, . - lw_stub_late

        .p2align 4
lw_stub_limit:
        LIMIT_SAVE
limit_call:
        call    limit_out
limit_back:
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  xmm\n, [rsp + 16 * \n]
        .endr
        add     rsp, 256
        mov     r14, [rsp + 16]
        test    dword ptr [r14 + VMCTX_FLAGS], VMCTX_EXPLICIT
        jz      1f
        mov     rax, [r14 + VMCTX_MEMORY0]
        mov     rax, [rax + MEMORY_BASE]
        mov     [rsp + 8], rax          /* r15 */
1:      popfq
        .irp    r, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbx, rdx, rcx, rax
        pop     \r
        .endr
        pop     rbp
        ret
limit_out:
        push    rbp
        push    rbx
        push    r12
        push    r13
        mov     rcx, [r14 + VMCTX_STORE]
        mov     rbx, [rcx + STORE_ACT]
        mov     rcx, [rcx + STORE_LIMIT]
        mov     [rbx + ACT_GPR], r11
        mov     [rbx + ACT_CALLEE], rcx
        mov     [rbx + ACT_TRAP_CTX], r14
        mov     rax, [rbp + 8]
        mov     rcx, [rbp]
        mov     [rbx + ACT_TRAP_PC], rax
        mov     [rbx + ACT_TRAP_RBP], rcx
        lea     rcx, [rbp + 16]
        mov     [rbx + ACT_TRAP_RSP], rcx
        mov     [rbx + ACT_OVERFLOW], rcx
        mov     [rbx + ACT_GUEST_SP], rsp
        mov     rsp, [rbx + ACT_HOST_SP]
        jmp     callout_host
limit_end:
        .size   lw_stub_limit, . - lw_stub_limit

/*
** Called by a thunk (thunk.h) in place of a function that is not compiled: all argument
** registers are in use, the caller's return address lies below the thunk's.
*/
        .p2align 4
lw_stub_lazy:
        pop     r11                             /* behind the thunk's call */
        push    rbp
        mov     rbp, rsp
lazy_framed:
        push    rbx
        mov     rbx, [r14 + VMCTX_STORE]
        mov     rbx, [rbx + STORE_ACT]
        STORE_GPR rbx
        STORE_FPR rbx
        mov     rax, [rbp + 8]
        mov     r10, [rbp]
        mov     [rbx + ACT_TRAP_PC], rax
        mov     [rbx + ACT_TRAP_RBP], r10
        lea     rax, [rbp + 16]
        mov     [rbx + ACT_TRAP_RSP], rax
        mov     [rbx + ACT_TRAP_CTX], r14
        mov     [rbx + ACT_GUEST_SP], rsp
        mov     rsp, [rbx + ACT_HOST_SP]
lazy_host:
        mov     rdi, rbx
        mov     rsi, r14
        mov     rdx, r11
        call    lw_lazy_enter
        test    rax, rax
        jz      lw_stub_trap_exit
        mov     rsp, [rbx + ACT_GUEST_SP]
lazy_back:
        mov     r11, rax
        LOAD_FPR rbx
        LOAD_GPR rbx
        pop     rbx
        pop     rbp
        jmp     r11
        .size   lw_stub_lazy, . - lw_stub_lazy

/* Jumped to with rbx = Activation: by the signal handler, or from a helper. */
        .p2align 4
lw_stub_trap_exit:
        cmp     qword ptr [rbx + ACT_LAND_PC], 0
        jne     land
        mov     rsp, [rbx + ACT_HOST_SP]
        cld
        BACK    ACT_TRAPPED

/*
** Something was thrown and is caught: go on at the landing, which sets rsp and r14
** itself. Until then rsp stays below all frames. rbx, which belongs to lw_stub_enter,
** is the Activation already; r12 and r13 are the host's, who has its own back from its
** stack.
*/
        .p2align 4
land:   mov     rsp, [rbx + ACT_GUEST_SP]
        mov     rbp, [rbx + ACT_LAND_RBP]
        mov     r11, [rbx + ACT_LAND_PC]
        mov     rax, [rbx + ACT_EXN]
        mov     qword ptr [rbx + ACT_LAND_PC], 0
        mov     qword ptr [rbx + ACT_EXN], 0
        mov     dword ptr [rbx + ACT_TRAP], 0
        jmp     r11

/* unsigned lw_stub_resume_landing(Activation *rdi): the host has thrown after a yield. */
        .p2align 4
lw_stub_resume_landing:
        HOST_SAVE
        mov     [rdi + ACT_HOST_SP], rsp
        mov     rbx, rdi
        jmp     land

        .p2align 4
lw_stub_closed:
        ud2
        .byte   TRAP_CODE_CLOSED

/* Where a guest goes on whose stack a host's signal handler needed (rt/trap.c). */
        .p2align 4
lw_stub_exhausted:
        ud2
        .byte   TRAP_CODE_STACK

        .p2align 4
mxcsr_default:
        .long   MXCSR_DEFAULT
lw_stubs_end:

/*
** How a debugger gets from one stack to the other: .debug_frame, which it prefers to
** .eh_frame and the process itself never reads. Exact where C runs below a stub, and in
** the guest; elsewhere near enough.
** All are marked as signal frames, for which a debugger does not mind that the next frame
** lies on another stack (it shows them as <signal handler called>).
** From the host back to the guest: rbx is the Activation. It is handed on to the frames
** of the guest as r14 | 1, so that lw_stub_enter, at their end, knows which one it was;
** should the guest itself have been stopped, r14 is an instance's, whose Store has the
** Activation.
*/
#define CFA_ADVANCE           0x03 /* 2 bytes */
#define CFA_SAME              0x08 /* register */
#define CFA_DEF               0x0c /* register, offset */
#define CFA_DEF_OFFSET        0x0e
#define CFA_DEF_EXPRESSION    0x0f
#define CFA_VAL_EXPRESSION    0x16
#define CFA_OFFSET            0x80 /* | register; times 8 below */
#define OP_DEREF              0x06
#define OP_DUP                0x12
#define OP_AND                0x1a
#define OP_MINUS              0x1c
#define OP_OR                 0x21
#define OP_PLUS               0x23 /* and a constant */
#define OP_BRANCH             0x28 /* 2 bytes */
#define OP_SKIP               0x2f
#define OP_1                  0x31
#define OP_REGISTER           0x70 /* + register; offset */
#define RBX                   3
#define RBP                   6
#define RSP                   7
#define R12                   12
#define R13                   13
#define R14                   14
#define R15                   15
#define RIP                   16

.macro FRAMES_OF from, to
        .balign 8
        .4byte  8f - 7f
7:      .4byte  frames_common
        .8byte  \from, \to - \from
        .byte   0
.endm
.macro FRAMES_END
        .balign 8
8:
.endm
/* r14 becomes the Activation in rbx, marked. */
.macro FRAMES_MARK
        .byte   CFA_VAL_EXPRESSION, R14, 4, OP_REGISTER + RBX, 0, OP_1, OP_OR
.endm
.macro FRAMES_ENTERED
        .byte   CFA_DEF_EXPRESSION, 6f - 5f
5:      .byte   OP_REGISTER + R14, 0, OP_DUP, OP_1, OP_AND, OP_BRANCH
        .2byte  4f - 3f
3:      .byte   OP_PLUS, VMCTX_STORE, OP_DEREF, OP_PLUS, STORE_ACT, OP_DEREF, OP_SKIP
        .2byte  2f - 4f
4:      .byte   OP_1, OP_MINUS
2:      .byte   OP_PLUS, ACT_HOST_SP, OP_DEREF, OP_PLUS, HOST_FRAME
6:
.endm

        .section .debug_frame, "", @progbits
frames_common:
        .4byte  2f - 1f
1:      .4byte  0xffffffff
        .byte   3                       /* version */
        .asciz  "zS"
        .byte   1, 0x78, RIP, 0         /* factors 1 and -8 */
        .byte   CFA_DEF, RSP, 8, CFA_OFFSET | RIP, 1
        .balign 8
2:
        FRAMES_OF lw_stub_enter, enter_end
        .byte   CFA_ADVANCE
        .2byte  enter_saved - lw_stub_enter
        .byte   CFA_DEF_OFFSET, HOST_FRAME
        .byte   CFA_OFFSET | RBP, 2, CFA_OFFSET | RBX, 3, CFA_OFFSET | R12, 4
        .byte   CFA_OFFSET | R13, 5, CFA_OFFSET | R14, 6, CFA_OFFSET | R15, 7
        .byte   CFA_ADVANCE
        .2byte  enter_guest - enter_saved
        FRAMES_ENTERED
        .byte   CFA_ADVANCE
        .2byte  enter_back - enter_guest
        .byte   CFA_DEF, RSP, HOST_FRAME
        FRAMES_END

        FRAMES_OF lw_stub_callout, callout_end
        .byte   CFA_ADVANCE
        .2byte  callout_saved - lw_stub_callout
        .byte   CFA_DEF_OFFSET, CALLOUT_FRAME + 8
        .byte   CFA_OFFSET | RBP, 2, CFA_OFFSET | RBX, 3, CFA_OFFSET | R12, 4
        .byte   CFA_OFFSET | R13, 5
        .byte   CFA_ADVANCE
        .2byte  callout_host - callout_saved
        .byte   CFA_DEF_EXPRESSION, 5, OP_REGISTER + RBX, ACT_GUEST_SP, OP_DEREF
        .byte   OP_PLUS, CALLOUT_FRAME + 8
        FRAMES_MARK
        .byte   CFA_ADVANCE
        .2byte  callout_back - callout_host
        .byte   CFA_DEF, RSP, CALLOUT_FRAME + 8, CFA_SAME, R14
        FRAMES_END

        FRAMES_OF lw_stub_helper, lw_stub_late
        .byte   CFA_ADVANCE
        .2byte  helper_framed - lw_stub_helper
        .byte   CFA_DEF, RBP, 16, CFA_OFFSET | RBP, 2
        .byte   CFA_ADVANCE
        .2byte  helper_host - helper_framed
        .byte   CFA_OFFSET | RBX, 3, CFA_OFFSET | R12, 4, CFA_OFFSET | R13, 5
        FRAMES_MARK
        .byte   CFA_ADVANCE
        .2byte  helper_back - helper_host
        .byte   CFA_SAME, R14
        FRAMES_END

        FRAMES_OF lw_stub_late, limit_end
        .byte   CFA_DEF, RBP, 16, CFA_OFFSET | RBP, 2
        FRAMES_END

        /* the thunk that called is no frame */
        FRAMES_OF lw_stub_lazy, lw_stub_trap_exit
        .byte   CFA_DEF_OFFSET, 16, CFA_ADVANCE
        .2byte  lazy_framed - lw_stub_lazy
        .byte   CFA_DEF, RBP, 16, CFA_OFFSET | RBP, 2
        .byte   CFA_ADVANCE
        .2byte  lazy_host - lazy_framed
        .byte   CFA_OFFSET | RBX, 3
        FRAMES_MARK
        .byte   CFA_ADVANCE
        .2byte  lazy_back - lazy_host
        .byte   CFA_SAME, R14
        FRAMES_END

        .section .note.GNU-stack, "", @progbits
