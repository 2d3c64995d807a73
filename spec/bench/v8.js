// v8.js -- the kernels on V8. Reads lines `verb file n`:
//   knows   answers `1 0` when this V8 compiles the file, else `0 0`
//   run     answers `milliseconds checksum` of run(n)
//   pause   answers `milliseconds checksum` of a full collection after fill(n)
const fs = require("node:fs");
const loaded = new Map();

function instance(file) {
  return new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file))).exports;
}

function load(file, n) {
  const { run } = instance(file);
  // Warm up until the optimizing compiler has had its turn: three runs, at least 200 ms.
  const started = performance.now();
  for (let i = 0; i < 3 || performance.now() - started < 200; i++) run(n);
  return run;
}

function timed(f) {
  const started = process.hrtime.bigint();
  const result = f();
  return [Number(process.hrtime.bigint() - started) / 1e6, result >>> 0];
}

const verbs = {
  knows: (file) => [Number(WebAssembly.validate(fs.readFileSync(file))), 0],
  run(file, n) {
    if (!loaded.has(file)) loaded.set(file, load(file, n));
    const run = loaded.get(file);
    return timed(() => run(n));
  },
  pause(file, n) {
    const { fill, sum } = instance(file);
    fill(n);
    globalThis.gc(); // what is young becomes old
    const [ms] = timed(() => globalThis.gc());
    return [ms, sum() >>> 0];
  },
};

require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [verb, file, n] = line.split(" ");
  console.log(...verbs[verb](file, +n));
});
