--- The kernels and how much work each gets: about 20-40 ms natively.
-- A kernel is a .wasm that C was compiled to, or a .wat, which `kernel.binary` assembles into the
-- build directory; `native` is nil where nothing native does the same.
local wasm = require "wasm"

local build = os.getenv("BUILD") or "build/release"
local SOURCES = "spec/bench/kernels/"

local GROUPS = {
  { name = "kernels", what = "kernel", work = {
    ackermann = 150, chacha = 200000, crc32 = 10000, edit = 120, fannkuch = 9, fib = 35,
    gemm = 250, hash = 30, indirect = 5000, interp = 2500, jacobi = 1500, lz = 80,
    mandelbrot = 500, matmul = 300, mix = 2500, nbody = 400000, quicksort = 25, sha256 = 6000,
    sieve = 30, spectral = 500,
  } },
  { name = "vectors", what = "128 bits", work = {
    simd_blake3 = 60000, simd_blur = 1500, simd_gemm = 1500, simd_mandelbrot = 700,
  } },
  { name = "memory64", what = "64 bits", against = true, work = {
    hash64 = 30, lz64 = 80, quicksort64 = 25, sieve64 = 30,
  } },
  { name = "control", what = "control", work = { tail_interp = 800, throw = 20000 } },
  { name = "collected", what = "collected", work = { structs = 60, splay = 20 } },
}

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

--- Assemble a kernel's text, where it is one; V8 reads files.
local function binary(kernel)
  if exists(kernel.wasm) then return end
  local source <close> = assert(io.open(kernel.wat))
  local file <close> = assert(io.open(kernel.wasm, "wb"))
  file:write(assert(wasm.wat(source:read("a"))))
end

local function kernel_of(name, n)
  local kernel = { name = name, n = n, wasm = ("%s%s.wasm"):format(SOURCES, name) }
  local wat = ("%s%s.wat"):format(SOURCES, name)
  if exists(wat) then
    kernel.wat, kernel.wasm = wat, ("%s/bench/%s.wasm"):format(build, name)
    os.remove(kernel.wasm)
  end
  local narrow = name:match("^(%w+)64$")
  local object = ("./%s/bench/native/%s.so"):format(build, narrow or name)
  if exists(object) then kernel.native = object end
  kernel.narrow = narrow and ("%s%s.wasm"):format(SOURCES, narrow)
  kernel.binary = binary
  return kernel
end

local groups = {}
for _, group in ipairs(GROUPS) do
  local kernels = {}
  for name, n in pairs(group.work) do kernels[#kernels + 1] = kernel_of(name, n) end
  table.sort(kernels, function(a, b) return a.name < b.name end)
  groups[#groups + 1] = { name = group.name, what = group.what, against = group.against,
    kernels = kernels }
end

return groups
