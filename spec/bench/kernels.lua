--- The kernels and how much work each gets: about 20-40 ms natively.
local work = {
  ackermann = 150, chacha = 200000, crc32 = 10000, edit = 120, fannkuch = 9, fib = 35, gemm = 250,
  hash = 30, interp = 2500, jacobi = 1500, lz = 80, mandelbrot = 500, matmul = 300,
  nbody = 400000, quicksort = 25, sha256 = 6000, sieve = 30, spectral = 500,
}

local kernels = {}
for name, n in pairs(work) do
  kernels[#kernels + 1] = {
    name = name, n = n,
    wasm = ("spec/bench/kernels/%s.wasm"):format(name),
    native = ("./%s/bench/native/%s.so"):format(os.getenv("BUILD") or "build/release", name),
  }
end
table.sort(kernels, function(a, b) return a.name < b.name end)

return kernels
