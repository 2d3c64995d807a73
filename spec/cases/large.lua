--- Modules that are compiled, validated and listed, with how much there is to list.
-- `needs` names features a build may lack; it may then refuse the module for one of them only.
return {
  ["tree-sitter-lua"] = {
    file = "tree-sitter-wasms-0.1.13/out/tree-sitter-lua.wasm", imports = 12, exports = 11,
  },
  ["sql.js"] = { file = "sql.js-1.16.0/dist/sql-wasm.wasm", imports = 40, exports = 56 },
  ["canvaskit"] = {
    file = "canvaskit-wasm-0.42.0/bin/canvaskit.wasm", imports = 238, exports = 9,
  },
  ["tfjs"] = {
    file = "tensorflow-tfjs-backend-wasm-4.22.0/dist/tfjs-backend-wasm.wasm",
    imports = 7, exports = 153,
  },
  ["esbuild"] = { file = "esbuild-wasm-0.28.2/esbuild.wasm", imports = 22, exports = 4 },
  ["opencascade"] = {
    file = "opencascade.js-1.1.4/dist/opencascade.wasm.wasm", imports = 834, exports = 26,
  },
  ["sax"] = {
    file = "sax-wasm-3.1.4/lib/sax-wasm.wasm", imports = 1, exports = 6, needs = { "simd" },
  },
  ["tfjs-simd"] = {
    file = "tensorflow-tfjs-backend-wasm-4.22.0/dist/tfjs-backend-wasm-simd.wasm",
    imports = 7, exports = 153, needs = { "simd" },
  },
  ["ffmpeg"] = {
    file = "ffmpeg-core-0.12.10/dist/umd/ffmpeg-core.wasm", imports = 71, exports = 15,
    needs = { "simd", "threads" },
  },
  ["onnxruntime"] = {
    file = "onnxruntime-web-1.30.0/dist/ort-wasm-simd-threaded.jspi.wasm",
    imports = 121, exports = 80, needs = { "simd", "threads", "exceptions" },
  },
}
