// validity.js -- which bytes are modules, by V8.
//   node validity.js FILE     FILE: modules, each after its size in four bytes. Prints a line for
// each: "valid", or what V8 says. What is valid is not compiled.
const fs = require("node:fs");

const all = fs.readFileSync(process.argv[2]);
const lines = [];
for (let at = 0; at < all.length;) {
  const size = all.readUInt32LE(at);
  const bytes = all.subarray(at + 4, at + 4 + size);
  at += 4 + size;
  let said = "valid";
  if (!WebAssembly.validate(bytes)) {
    try {
      new WebAssembly.Module(bytes);
      said = "not valid, but compiled";
    } catch (e) {
      said = e.message.replaceAll("\n", " ");
    }
  }
  lines.push(said);
}
process.stdout.write(lines.join("\n") + "\n");
