// vectors.js -- what V8 makes of a module of vectors.lua.
//   node vectors.js MODULE INPUTS NAMES     writes "name hash" lines, as vectors.play does
const fs = require("node:fs");

const SIZE = 512;
const [modulePath, inputsPath, namesPath] = process.argv.slice(2);
const compiled = new WebAssembly.Module(fs.readFileSync(modulePath));
const its = new WebAssembly.Instance(compiled).exports;
const inputs = fs.readFileSync(inputsPath);
const bytes = new Uint8Array(its.memory.buffer);
const results = new Uint32Array(its.memory.buffer, SIZE, SIZE / 4);
const lines = [];
for (const name of fs.readFileSync(namesPath, "latin1").split("\n")) {
  let h = 0x811c9dc5;
  for (let at = 0; at < inputs.length; at += SIZE) {
    bytes.set(inputs.subarray(at, at + SIZE), 0);
    results.fill(0);
    its[name]();
    for (const word of results) h = Math.imul(h ^ word, 0x01000193) >>> 0;
  }
  lines.push(`${name} ${h.toString(16).padStart(8, "0")}`);
}
process.stdout.write(lines.join("\n") + "\n");
