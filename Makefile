# Everything a developer does here is `make <verb>`. `make help` lists them.
#
# A variant is a directory under build/: release (default), test, asan, fuzz. Each holds
# wasm/core.so, libwasmcore.a (every room but lua) and the C programs of the specs.
# make test, asan, bench, ... choose their variant by calling make again, which also lets
# `make deps` install the tools before anything asks for their paths.
LUA      ?= lua5.4
CC       ?= cc
AR       ?= ar
BUILD    ?= build/release
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
LIBDIR   ?= $(PREFIX)/lib/lua/5.4
LUADIR   ?= $(PREFIX)/share/lua/5.4
CFLAGS   ?= -O2 -g
DEFS     ?= -DNDEBUG
LIBFLAG  ?= -shared
JOBS     ?= $(shell nproc 2>/dev/null || echo 2)
NODE     ?= node
NATIVE_CC ?= $(firstword $(foreach c,clang-22 clang,$(shell command -v $(c) 2>/dev/null)) $(CC))
WASM_CC  ?= clang-22
TESTSUITE ?= ../shared/testsuite
FUZZ_SECONDS ?= 60

lua_pc   := $(firstword $(foreach n,lua5.4 lua-5.4 lua54,$(shell pkg-config --exists $(n) 2>/dev/null && echo $(n))))
ifndef LUA_INC
LUA_INC  := $(if $(lua_pc),$(shell pkg-config --cflags $(lua_pc)),-I/usr/include/lua5.4)
endif
ifndef LUA_LIB
LUA_LIB  := $(if $(lua_pc),$(shell pkg-config --libs $(lua_pc)),-llua5.4)
endif

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wundef -Wwrite-strings -Wpointer-arith -Wcast-qual -Wvla $(if $(WERROR),-Werror)
STD      := -std=c11 -D_GNU_SOURCE -fPIC -fno-plt -fvisibility=hidden
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
NOLEAVE  := -Wl,-z,nodelete -Wl,-z,noexecstack

SRC      := $(sort $(wildcard src/*/*.c src/jit/*/*.c))
ASM      := $(sort $(wildcard src/*/*.S src/jit/*/*.S))
CORE_SRC := $(filter-out src/lua/%,$(SRC) $(ASM))
OBJ      := $(patsubst src/%,$(BUILD)/obj/%.o,$(SRC) $(ASM))
CORE_OBJ := $(patsubst src/%,$(BUILD)/obj/%.o,$(CORE_SRC))
LIB      := $(BUILD)/wasm/core.so
CORE     := $(BUILD)/libwasmcore.a
FLAGS    := $(BUILD)/flags
# spec/support/*.c are programs on the core; those named host_* embed a Lua of their own.
PROGRAMS := $(patsubst spec/support/%.c,$(BUILD)/spec/%,$(wildcard spec/support/*.c))
C_FILES  := $(SRC) $(sort $(wildcard src/*/*.h src/jit/*/*.h spec/*/*.c spec/*/*.h spec/bench/kernels/*.[ch] \
            spec/guests/*/*.[ch] spec/guests/*/*/*.[ch] spec/programs/kit/*.[ch]))
TIDY_FILES := $(SRC) $(wildcard spec/support/*.c spec/fuzz/*.c spec/bench/*.c)
LUA_FILES := $(sort $(wildcard lua/*/*.lua lua/*/*/*.lua))
SCALAR   := -O2 -ffp-contract=off $(if $(findstring clang,$(NATIVE_CC)),-fno-vectorize -fno-slp-vectorize,-fno-tree-vectorize)
NATIVE   := $(patsubst spec/bench/kernels/%,$(BUILD)/bench/native/%.so,\
            $(basename $(wildcard spec/bench/kernels/*.c spec/bench/kernels/*.cpp)))
# Some kernels are built for 64-bit addresses as well.
KERNELS  := $(patsubst %.c,%.wasm,$(wildcard spec/bench/kernels/*.c)) \
            $(patsubst %,spec/bench/kernels/%64.wasm,hash lz quicksort sieve)

ROOT_DIR := $(CURDIR)
export LUA_PATH  := $(ROOT_DIR)/lua/?.lua;$(ROOT_DIR)/lua/?/init.lua;$(ROOT_DIR)/?.lua;;
export LUA_CPATH := $(abspath $(BUILD))/?.so;;
export BUILD CC LUA NODE TESTSUITE SPEC_SCALE

TEST_VARIANT := BUILD=build/test DEFS= CFLAGS="-O1 -g"
ASAN_VARIANT := BUILD=build/asan DEFS= CFLAGS="-O1 -g $(SANITIZE)" LDFLAGS="$(SANITIZE)" \
                LUA="$(ROOT_DIR)/spec/support/lua-asan" SPEC_SCALE=$(or $(SPEC_SCALE),50)
TSAN_VARIANT := BUILD=build/tsan DEFS= CC=clang-22 CFLAGS="-O1 -g -fsanitize=thread -fno-omit-frame-pointer" \
                LDFLAGS="-fsanitize=thread"
FUZZ_VARIANT := BUILD=build/fuzz DEFS= CC=$(or $(FUZZ_CC),clang) \
                CFLAGS="-O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link"
COVER_VARIANT := BUILD=build/cover DEFS= CFLAGS="-O1 -g --coverage $(SANITIZE)" LDFLAGS="--coverage $(SANITIZE)"
# `make V=1` shows the commands.
SAY          = @$(if $(V),:,echo) "  $(1) $(or $(2),$@)"
Q            := $(if $(V),,@)
AGAIN        := $(MAKE) $(if $(V),,-s) --no-print-directory

all: $(LIB) ## build the module (default), build/release/wasm/core.so
core: $(CORE) ## build libwasmcore.a: the engine without Lua

$(LIB): $(OBJ)
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LIBFLAG) $(LDFLAGS) $(NOLEAVE) -o $@ $(OBJ) -lpthread

$(CORE): $(CORE_OBJ)
	@rm -f $@
	$(call SAY,AR)
	$(Q)$(AR) rcs $@ $(CORE_OBJ)

# Cached machine code is good for the very sources and flags that made it, and no others.
MAKES_CODE := $(sort $(wildcard src/base/* src/wasm/* src/jit/* src/jit/*/* src/rt/* src/cache/*))
BUILD_ID   := $(BUILD)/include/cache/build_id.h
$(BUILD_ID): $(MAKES_CODE) $(FLAGS)
	@mkdir -p $(@D)
	@{ cat $(filter %.c %.h %.S %.def,$(MAKES_CODE)); echo '$(CC) $(DEFS) $(CFLAGS)'; $(CC) --version; } | \
	  sha256sum | sed 's/ .*//; s/../0x&, /g; s/.*/#define BUILD_ID {&}/' > $@
$(BUILD)/obj/cache/entry.c.o: $(BUILD_ID)
$(BUILD)/obj/cache/entry.c.o: private INC = -I$(BUILD)/include

# Only src/lua may see lua.h, so only it is told where lua.h is.
$(BUILD)/obj/lua/%.o: private INC = $(LUA_INC)
$(BUILD)/obj/%.c.o: src/%.c $(FLAGS)
	@mkdir -p $(@D)
	$(call SAY,CC)
	$(Q)$(CC) $(STD) $(WARN) $(DEFS) $(CFLAGS) -Isrc $(INC) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.S.o: src/%.S $(FLAGS)
	@mkdir -p $(@D)
	$(call SAY,CC)
	$(Q)$(CC) $(DEFS) $(CFLAGS) -Isrc -MMD -MP -c -o $@ $<

$(BUILD)/spec/host_%: spec/support/host_%.c $(FLAGS)
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(STD) $(WARN) $(DEFS) $(CFLAGS) $(LUA_INC) $(LDFLAGS) -MMD -MP -o $@ $< $(LUA_LIB) -lpthread -ldl -lm

$(BUILD)/spec/%: spec/support/%.c $(CORE) $(FLAGS)
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(STD) $(WARN) $(DEFS) $(CFLAGS) -Isrc $(LDFLAGS) -MMD -MP -o $@ $< $(CORE) -lpthread -lm

# Written only when the flags change, so that a change of flags rebuilds everything.
$(FLAGS): .FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(STD) $(WARN) $(DEFS) $(CFLAGS) $(LUA_INC) $(LDFLAGS))' > $@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi

test: deps ## run all specs, and the official suite if it is there (ARGS="--filter=leb" narrows)
	@$(AGAIN) -j$(JOBS) specs-build $(TEST_VARIANT)
	@$(AGAIN) specs $(TEST_VARIANT)

asan: deps ## the same specs under address + undefined sanitizers, leak check at exit
	@$(AGAIN) -j$(JOBS) specs-build $(ASAN_VARIANT)
	@$(AGAIN) specs $(ASAN_VARIANT)

specs-build: $(LIB) $(PROGRAMS)
# Examples that use the user's cache directory get one of their own.
specs: specs-build
	@XDG_CACHE_HOME=$(abspath $(BUILD))/xdg-cache $(LUA) spec/support/specs.lua -o spec.support.plain $(ARGS) spec

suite: deps ## the official test suite in twelve modes (TESTSUITE=dir, ARGS="i32 memory" narrows)
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@$(AGAIN) suite-run $(TEST_VARIANT)

suite-asan: deps ## the official suite under the sanitizers (MODE= ARGS= narrow)
	@$(AGAIN) -j$(JOBS) all $(ASAN_VARIANT)
	@MODE="$(or $(MODE),guard explicit)" $(AGAIN) suite-run $(ASAN_VARIANT)

suite-run:
	@$(LUA) spec/wast/run.lua $(TESTSUITE) $(ARGS)

identity: deps ## text to binary and back: every module of the suite, and those of make cases
	@sh spec/support/deps.sh cases
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@$(AGAIN) identity-run $(TEST_VARIANT)

identity-run:
	@sh spec/cases/fetch.sh && $(LUA) spec/wast/identity.lua $(TESTSUITE) $(ARGS)

torture: deps ## the official suite with a collection at every allocation (MODE= ARGS= narrow)
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@TORTURE=1 MODE="$(or $(MODE),guard explicit)" $(AGAIN) suite-run $(TEST_VARIANT)

cases: ## real modules from npm, every recorded result (ARGS="box2d" narrows)
	@sh spec/support/deps.sh cases
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@$(AGAIN) cases-run $(TEST_VARIANT)

cases-run:
	@sh spec/cases/fetch.sh && $(LUA) spec/cases/run.lua $(ARGS)

programs: ## Debian's Lua, SQLite, QuickJS, zlib built to WASI, against native (ARGS="sqlite" narrows)
	@sh spec/support/deps.sh programs
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@$(AGAIN) programs-run $(TEST_VARIANT)

programs-run:
	@sh spec/programs/fetch.sh && WASM_CC=$(WASM_CC) sh spec/programs/build.sh && \
	  $(LUA) spec/programs/run.lua $(ARGS)

bench: deps ## ratios to native C and to V8; call, compile and validate figures (ARGS="fib" narrows)
	@$(AGAIN) -j$(JOBS) all $(BUILD)/bench/baseline.so $(NATIVE)
	@$(AGAIN) bench-run

bench-polls: deps ## what interrupt polls cost: the kernels with and without them
	@$(AGAIN) -j$(JOBS) all
	@$(AGAIN) -j$(JOBS) all BUILD=build/without-polls DEFS="-DNDEBUG -DLW_NO_POLLS"
	@$(LUA) spec/bench/polls.lua build/release build/without-polls

bench-fuel: deps ## what fuel costs: the kernels with and without it
	@$(AGAIN) -j$(JOBS) all
	@$(AGAIN) bench-fuel-run

bench-start: deps ## luawasm as a process: hello and yosys, from the cache
	@$(AGAIN) -j$(JOBS) all
	@$(AGAIN) bench-start-run

bench-start-run:
	@$(LUA) spec/bench/start.lua

bench-timeouts: deps ## processor time that endless guests get with a limit of 10 ms
	@$(AGAIN) -j$(JOBS) all
	@$(AGAIN) bench-timeouts-run

bench-timeouts-run:
	@$(LUA) spec/bench/timeouts.lua

bench-fuel-run:
	@$(LUA) spec/bench/fuel.lua

# V8 with garbage collection, the new exceptions and memory64 is in Node 22 and later: NODE=.
bench-run:
	@$(LUA) spec/bench/run.lua $(ARGS)

# Runs of make bench add to build/release/bench/results.tsv; LIFTOFF=1 measures V8's baseline too.
chart: ## draw the medians of the runs of make bench so far: spec/bench/chart.svg
	@$(LUA) spec/bench/chart.lua >$(BUILD)/bench/chart.svg && mv $(BUILD)/bench/chart.svg spec/bench/chart.svg

$(BUILD)/bench/baseline.so: spec/bench/baseline.c
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(STD) $(WARN) -O2 $(LUA_INC) -shared -o $@ $< -ldl

# Scalar code on both sides, but for kernels named simd_: 128 bits on both.
$(BUILD)/bench/native/simd_%.so: private MORE = -msse4.1
$(BUILD)/bench/native/%.so: spec/bench/kernels/%.c spec/bench/kernels/kernel.h
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(NATIVE_CC) -std=c11 $(SCALAR) $(MORE) -fno-math-errno -fPIC -shared -o $@ $<

$(BUILD)/bench/native/%.so: spec/bench/kernels/%.cpp
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CXX) -std=c++17 -O2 -fPIC -shared -o $@ $<

KERNEL = $(WASM_CC) --target=$(1) --no-wasm-opt -nostdlib -ffreestanding -std=c11 -Wall -Wextra \
         $(SCALAR) -Wl,--no-entry -Wl,--strip-debug $(MORE) -o $@ $<
kernels: $(KERNELS) ## rebuild the .wasm of the benchmarks from C (needs clang with wasm32 and wasm-ld)
spec/bench/kernels/simd_%.wasm: private MORE = -msimd128
spec/bench/kernels/tail_%.wasm: private MORE = -mtail-call
spec/bench/kernels/%.wasm: spec/bench/kernels/%.c spec/bench/kernels/kernel.h
	$(call SAY,WASM)
	$(Q)$(call KERNEL,wasm32)
	@chmod -x $@

spec/bench/kernels/%64.wasm: spec/bench/kernels/%.c spec/bench/kernels/kernel.h
	$(call SAY,WASM)
	$(Q)$(call KERNEL,wasm64)
	@chmod -x $@

stress: deps ## 100,000 lifecycle steps and instance pairs, plain and sanitized (ARGS="steps pairs seed"); long host specs
	@$(AGAIN) -j$(JOBS) specs-build $(TEST_VARIANT)
	@$(AGAIN) stress-run $(TEST_VARIANT)
	@$(AGAIN) stress-hosts $(TEST_VARIANT)
	@$(AGAIN) -j$(JOBS) all $(ASAN_VARIANT)
	@$(AGAIN) stress-run $(ASAN_VARIANT)

stress-run:
	@$(LUA) spec/stress/lifecycle.lua $(ARGS)

# A cache directory under a hostile hand: entries damaged at random, writers killed at work.
stress-cache: deps ## 100,000 damaged cache entries, 1,000 writers killed (COUNT= KILLS= SEED=)
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@$(AGAIN) stress-cache-run $(TEST_VARIANT)

stress-cache-run:
	@$(LUA) spec/stress/damage.lua $(or $(COUNT),100000) $(or $(SEED),1)
	@$(LUA) spec/stress/kill.lua $(or $(KILLS),1000)

stress-paths: deps ## SECONDS=60 of a neighbour who exchanges names while a guest tries to get out
	@$(AGAIN) -j$(JOBS) specs-build $(TEST_VARIANT)
	@$(AGAIN) stress-paths-run $(TEST_VARIANT)

stress-paths-run:
	@$(LUA) spec/stress/paths.lua $(or $(SECONDS),60)

# 8 threads on one cache, once under each sanitizer (clang-22's thread sanitizer knows no fork).
stress-threads: deps ## 8 Lua states in 8 threads on one cache under thread and address sanitizers (SECONDS=60)
	@sh spec/support/deps.sh tsan
	@$(AGAIN) -j$(JOBS) specs-build $(TSAN_VARIANT)
	@$(AGAIN) stress-threads-run $(TSAN_VARIANT)
	@$(AGAIN) -j$(JOBS) specs-build $(ASAN_VARIANT)
	@$(AGAIN) stress-threads-run $(ASAN_VARIANT)

stress-threads-run:
	@dir=$$(mktemp -d) && SECONDS=$(or $(SECONDS),60) CACHE_DIR=$$dir $(BUILD)/spec/host_lua spec/stress/threads.lua; \
	  status=$$?; rm -rf $$dir; exit $$status

# Ten times the counts of make test: 10,000 states, 10,000,000 calls with fresh tables, ...
stress-hosts:
	@SPEC_SCALE=1000 $(LUA) spec/support/specs.lua -o spec.support.plain --pattern=host_ spec/unit

# Emscripten builds its libraries first, into build/emscripten: three minutes, once.
chains: ## clang, Emscripten, rustc, Binaryen: install them, build their guests, compare with native
	@sh spec/support/deps.sh chains
	@$(AGAIN) -j$(JOBS) specs-build $(TEST_VARIANT)
	@npm install --silent --no-audit --no-fund --prefix build/emscripten binaryen@132
	@CHAINS=all $(AGAIN) chains-run $(TEST_VARIANT)

chains-run:
	@$(LUA) spec/support/specs.lua -o spec.support.plain --pattern=chains_ $(ARGS) spec/unit

guests: ## rebuild the .wasm of examples and specs from C and Rust (clang, wasm-ld, wasi-libc, rustc)
	@sh spec/support/deps.sh guests
	@WASM_CC=$(WASM_CC) sh spec/guests/build.sh
	@WASM_CC=$(WASM_CC) sh spec/guests/wasi/build.sh
	@WASM_CC=$(WASM_CC) sh spec/guests/chains/build.sh build/chains
	@install -m 644 build/chains/*.wasm spec/guests/chains
	@WASM_CC=$(WASM_CC) sh examples/guests/build.sh $(LIBRARIES)

fuzz: ## libFuzzer on decode, validate and compile, and on cache entries and snapshots (FUZZ_SECONDS=60)
	@sh spec/support/deps.sh fuzz
	@$(AGAIN) -j$(JOBS) build/fuzz/fuzz_compile build/fuzz/fuzz_entry $(FUZZ_VARIANT)
	@sh spec/fuzz/run.sh build/fuzz/fuzz_compile $(FUZZ_SECONDS)
	@sh spec/fuzz/run.sh build/fuzz/fuzz_entry $(FUZZ_SECONDS)

$(BUILD)/fuzz_%: spec/fuzz/fuzz_%.c $(CORE) $(FLAGS)
	$(call SAY,LD)
	$(Q)$(CC) $(STD) $(WARN) $(DEFS) $(CFLAGS) -fsanitize=fuzzer -Isrc -o $@ $< $(CORE) -lpthread -lm

mutants: ## valid modules changed bit by bit, compiled, called (COUNT=1000000 SEED=1), with coverage
	@$(AGAIN) -j$(JOBS) build/cover/mutants $(COVER_VARIANT)
	@sh spec/fuzz/mutants.sh build/cover $(or $(COUNT),1000000) $(or $(SEED),1)

$(BUILD)/mutants: spec/fuzz/mutants.c spec/fuzz/mutate.c spec/fuzz/edit.c $(CORE) $(FLAGS)
	$(call SAY,LD)
	$(Q)$(CC) $(STD) $(WARN) $(DEFS) $(CFLAGS) $(LDFLAGS) -Isrc -o $@ $(filter %.c %.a,$^) -lpthread -lm

fuzz-diff: deps ## random modules in all our modes and on V8, transcripts compared (COUNT=400 VECTORS=4 SEED=1)
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@$(AGAIN) fuzz-diff-run $(TEST_VARIANT)

fuzz-diff-run:
	@sh spec/diff/run.sh $(or $(COUNT),400) $(or $(VECTORS),4) $(or $(SEED),1)

bisect: deps ## which pass goes wrong in which function: MODULE=f.wasm [CALL="f 1 2"] [MODE=explicit]
	@$(AGAIN) -j$(JOBS) all $(TEST_VARIANT)
	@$(AGAIN) bisect-run $(TEST_VARIANT)

bisect-run:
	@$(LUA) spec/diff/bisect.lua "$(MODULE)" "$(CALL)" "$(or $(MODE),guard)"

demo: deps ## see it work: a real module compiled, called, yielding, trapping, closed
	@$(AGAIN) -j$(JOBS) all
	@$(AGAIN) demo-run

demo-run:
	@$(LUA) examples/demo.lua

install: $(LIB) install-launcher ## copy into LIBDIR, LUADIR and BINDIR (LuaRocks sets all three)
	install -D -m 755 $(LIB) $(DESTDIR)$(LIBDIR)/wasm/core.so
	@set -e; for f in $(LUA_FILES:lua/%=%); do \
	  echo "install -D -m 644 lua/$$f $(DESTDIR)$(LUADIR)/$$f"; \
	  install -D -m 644 lua/$$f $(DESTDIR)$(LUADIR)/$$f; done

# The program is told which Lua it is for and where the rest of it lies. LuaRocks, which installs
# programs by itself, sets BINDIR to nothing.
.PHONY: install-launcher
install-launcher:
ifneq ($(BINDIR),)
	@mkdir -p $(BUILD)
	@{ echo "#!$$(command -v $(LUA) || echo /usr/bin/env $(LUA))"; sed -n 2p lua/luawasm; \
	  echo 'package.path = "$(LUADIR)/?.lua;$(LUADIR)/?/init.lua;" .. package.path'; \
	  echo 'package.cpath = "$(LIBDIR)/?.so;" .. package.cpath'; sed 1,2d lua/luawasm; } > $(BUILD)/luawasm
	install -D -m 755 $(BUILD)/luawasm $(DESTDIR)$(BINDIR)/luawasm
endif

deps: ## install what is missing (Debian, as root or with sudo), or say what to install
	@sh spec/support/deps.sh

lint: ## luacheck, clang-format (check only), clang-tidy (TIDY="src/rt/a.c" narrows)
	@sh spec/support/deps.sh lint
	@$(AGAIN) -k -j$(JOBS) lint-lua lint-format $(addprefix tidy/,$(or $(TIDY),$(TIDY_FILES)))

lint-lua:
	@luacheck -q --no-color .
lint-format:
	@clang-format --dry-run -Werror $(C_FILES)
tidy/%: .FORCE $(BUILD_ID)
	$(call SAY,TIDY,$*)
	@clang-tidy --quiet $* -- $(STD) $(WARN) -Isrc -I$(BUILD)/include $(LUA_INC) 2>/dev/null

strict: ## build with gcc and with clang, warnings as errors
	@$(AGAIN) -j$(JOBS) specs-build core CC=gcc WERROR=1 BUILD=build/strict-gcc
	@$(AGAIN) -j$(JOBS) specs-build core CC=clang WERROR=1 DEFS= BUILD=build/strict-clang

format: ## rewrite C sources in house style
	clang-format -i $(C_FILES)

clean: ## remove build output
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

-include $(OBJ:.o=.d) $(PROGRAMS:%=%.d)
.FORCE:
.PHONY: all core test asan specs specs-build suite suite-asan identity identity-run torture suite-run cases cases-run programs programs-run bench bench-run chart bench-fuel bench-fuel-run bench-timeouts bench-timeouts-run bench-start bench-start-run kernels \
        bisect bisect-run fuzz fuzz-diff fuzz-diff-run mutants stress stress-run stress-hosts stress-paths stress-paths-run guests chains chains-run \
        demo demo-run install deps lint lint-lua lint-format strict format clean help .FORCE
.SECONDARY:
