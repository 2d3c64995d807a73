// support.js -- what the modules of binaryen's fuzzer import from "fuzzing-support".
// The same as support.lua, which says why; a change here is a change there.
const DEEPEST = 20;
const MOST = 300;
const MOST_LINES = 3000;

const MODULE = "fuzzing-support";

const INNER = new Set(["v128", "exnref", "(ref exn)", "nullexnref", "(ref noexn)"]);
const isInner = (type) => INNER.has(type);

const GIVEN = { "(ref i31)": 5, "(ref eq)": 5, "(ref any)": 5, "(ref func)": 0, "(ref extern)": 0 };

const tags = { wasmtag: new WebAssembly.Tag({ parameters: ["i32"] }), jstag: WebAssembly.JSTag };

function sides(type) {
  return type.split("->").map((side) => side.match(/\(ref[^)]*\)|\w+/g) || []);
}

function isCallable(type) {
  const [params, results] = sides(type);
  const isBad = (t) => isInner(t) || (/^\(ref (?!null )/.test(t) && !(t in GIVEN));
  return !params.some(isBad) && !results.some(isInner);
}

function log(run, name, types, list) {
  if (++run.lines > MOST_LINES) return;
  run.put(`  ${name} ${types.map((t, i) => run.show(t, list[i])).join(" ")}`);
}

// The first arguments of values.lua: zeros, nulls, or what is no null.
function firstArgument(type) {
  if (/^[if]\d\d$/.test(type)) return "0x0";
  if (!(type in GIVEN)) return "null";
  return { "(ref func)": "func", "(ref extern)": "host" }[type] || "i31:5";
}

function callExport(run, name) {
  run.hostCalls++;
  if (!run.instance || run.depth >= DEEPEST || run.hostCalls > MOST) throw run.host;
  const type = run.types.get(name);
  if (!isCallable(type)) return;
  run.depth++;
  try {
    const texts = sides(type)[0].map(firstArgument);
    run.instance.exports[name](...run.callArguments(type, texts));
  } finally {
    run.depth--;
  }
}

function nthExport(run, index) {
  const list = run.exports.filter(({ kind }) => kind === "function");
  return list[(index >>> 0) % list.length].name;
}

function catching(run, name) {
  if (run.hostCalls > MOST) throw run.host;
  try {
    callExport(run, name);
    return 0;
  } catch {
    return 1;
  }
}

function tableOf(run, index) {
  const { table } = run.instance ? run.instance.exports : {};
  if (!table || (index >>> 0) >= Number(table.length)) throw run.host;
  return [table, typeof table.length === "bigint" ? BigInt(index >>> 0) : index >>> 0];
}

function nameOf(run, f) {
  if (!run.instance) throw run.host;
  return f === null ? "?" : run.nameOf(f);
}

const functions = {
  throw(run, which) {
    throw which === 0 ? run.host : new WebAssembly.Exception(tags.wasmtag, [which]);
  },
  "call-export": (run, index) => callExport(run, nthExport(run, index)),
  "call-export-catch": (run, index) => catching(run, nthExport(run, index)),
  "call-ref"(run, f) {
    const name = nameOf(run, f);
    if (name !== "?") callExport(run, name);
  },
  "call-ref-catch"(run, f) {
    const name = nameOf(run, f);
    return name === "?" ? 0 : catching(run, name);
  },
  "table-get"(run, index) {
    const [table, at] = tableOf(run, index);
    return table.get(at);
  },
  "table-set"(run, index, f) {
    const [table, at] = tableOf(run, index);
    table.set(at, f);
  },
  sleep: (run, ms, result) => result,
};

function makeHelper(module, hear) {
  return new WebAssembly.Instance(module, { "": { log: hear } }).exports;
}

function make(run, name, kind, type) {
  if (kind === "tag") return tags[name];
  if (name === "log-v128") {
    const hear = (...list) => log(run, name, ["i64", "i64"], list);
    return makeHelper(run.helper, hear)[name];
  }
  const [params] = sides(type);
  const f = functions[name];
  return (...list) => (f ? f(run, ...list) : log(run, name, params, list));
}

module.exports = { MODULE, isInner, make, makeHelper, tags };
