// wasi.js -- the programs of spec/programs on V8, by Node's WASI. Fields are separated by tabs.
//   node wasi.js                                  reads lines `verb module root output args...`:
//     knows  answers `1 0` when this V8 compiles the module, else `0 0`
//     run    answers `milliseconds code` of _start, whose stdout goes to the file `output`
//   node wasi.js once module root args...         runs once, as a program
const fs = require("node:fs");
const path = require("node:path");
const { WASI } = require("node:wasi");
const loaded = new Map();

// Node may close a program's streams when it ends, so each run gets its own.
function program(module, file, root, output, args) {
  const wasi = new WASI({
    stdin: fs.openSync("/dev/null"), stdout: output ? fs.openSync(output, "w") : 1,
    stderr: output ? fs.openSync("/dev/null", "w") : 2,
    version: "preview1", args: [path.basename(file), ...args], env: { HOME: "/", TZ: "UTC" },
    preopens: { "/": root }, returnOnExit: true,
  });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject());
  return () => wasi.start(instance);
}

function load(file, root, args) {
  const module = new WebAssembly.Module(fs.readFileSync(file));
  // Warm up until the optimizing compiler has had its turn.
  const started = performance.now();
  for (let i = 0; i < 3 || performance.now() - started < 300; i++) {
    program(module, file, root, "/dev/null", args)();
  }
  return module;
}

const verbs = {
  knows: (file) => [Number(WebAssembly.validate(fs.readFileSync(file))), 0],
  run(file, root, output, ...args) {
    const key = [file, ...args].join("\t");
    if (!loaded.has(key)) loaded.set(key, load(file, root, args));
    const start = program(loaded.get(key), file, root, output, args);
    const started = process.hrtime.bigint();
    const code = start();
    return [Number(process.hrtime.bigint() - started) / 1e6, code];
  },
};

if (process.argv[2] === "once") {
  const [file, root, ...args] = process.argv.slice(3);
  process.exit(program(new WebAssembly.Module(fs.readFileSync(file)), file, root, null, args)());
} else {
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const [verb, ...fields] = line.split("\t");
    console.log(...verbs[verb](...fields));
  });
}
