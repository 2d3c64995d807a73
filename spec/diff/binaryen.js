// binaryen.js -- many runs of npm binaryen's wasm-opt in one process.
//   node binaryen.js WASM_OPT JOBS     each line of JOBS: the arguments of one run
// To start wasm-opt takes longer than to make a small module, so its WebAssembly is compiled once
// and instantiated for each run. A run that fails or takes too long leaves no output; the next one
// goes on. The runs are in a thread of their own, so that one that does not end can be ended.
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");
const { Worker, isMainThread, parentPort, workerData } = require("node:worker_threads");

const SECONDS = 20; // for one run

const [program, jobs] = process.argv.slice(2);
const lines = fs.readFileSync(jobs, "utf8").split("\n").filter((line) => line);
const source = fs.readFileSync(program, "utf8").replace(/^#!.*/, "");
const start = vm.runInThisContext(
  `(function (Module, process, require, module, __dirname, __filename) {${source}\n})`);

let compiled;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (bytes, imports) => {
  compiled = await WebAssembly.compile(bytes);
  return { module: compiled, instance: await instantiate(compiled, imports) };
};

function run(args) {
  return new Promise((done) => {
    const hooks = { postRun: done, onExit: done, onAbort: done };
    if (compiled) {
      hooks.instantiateWasm = (imports, give) => give(new WebAssembly.Instance(compiled, imports));
    }
    const its = Object.create(process, { argv: { value: ["node", program, ...args] } });
    start(hooks, its, require, undefined, path.dirname(program), program);
  });
}

async function work() {
  console.warn = console.error = () => {};
  process.on("unhandledRejection", () => {});
  process.on("uncaughtException", () => {});
  for (let n = workerData; n < lines.length; n++) {
    parentPort.postMessage(n);
    await run(lines[n].split(" "));
  }
  process.exit(0);
}

// The thread says what it begins with; one that has said nothing for long is replaced.
function watch(first) {
  let current = first;
  let said = Date.now();
  const worker = new Worker(__filename, { workerData: first, argv: process.argv.slice(2) });
  worker.on("message", (n) => { current = n; said = Date.now(); });
  const timer = setInterval(() => {
    if (Date.now() - said > SECONDS * 1000) worker.terminate();
  }, 500);
  worker.on("exit", (code) => {
    clearInterval(timer);
    if (code !== 0 && current + 1 < lines.length) watch(current + 1);
  });
}

if (isMainThread) watch(0);
else work();
