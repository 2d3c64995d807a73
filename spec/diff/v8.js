// v8.js -- the other side of a differential run: plays modules on V8 and writes transcripts.
//   node v8.js DIR FROM TO     reads DIR/n.wasm and DIR/n.plan, writes DIR/n.v8; DIR/helper.wasm
// What is written, and how it is hashed, is that of play.lua and values.lua.
const fs = require("node:fs");
const support = require("./support.js");

const FUEL = 100;
const FEW_PAGES = 4;
const DEEPEST = 20;
const HOST = { toString: () => "host" };
const GLOBALS = { i32: -7, i64: 0x123456789abcdefn, f32: 1.5, f64: -2.25, externref: HOST };
const ANSWERS = [0, -0, 1, -1.5, 3e9, -(2 ** 66), Infinity, NaN];

const words = new DataView(new ArrayBuffer(8));

function step(h, word) {
  h = Math.imul(h ^ word, 0x01000193) >>> 0;
  return (h ^ (h >>> 15)) >>> 0;
}

const hex = (v) => "0x" + v.toString(16);
const NUMBER = {
  i32: { bits: (v) => v >>> 0, value: (bits) => Number(BigInt.asIntN(32, bits)) },
  i64: { bits: (v) => BigInt.asUintN(64, v), value: (bits) => BigInt.asIntN(64, bits) },
  f32: {
    bits: (v) => {
      if (v !== v) return 0x7fc00000;
      words.setFloat32(0, v);
      return words.getUint32(0);
    },
    value: (bits) => {
      words.setUint32(0, Number(bits));
      return words.getFloat32(0);
    },
  },
  f64: {
    bits: (v) => {
      if (v !== v) return 0x7ff8000000000000n;
      words.setFloat64(0, v);
      return words.getBigUint64(0);
    },
    value: (bits) => {
      words.setBigUint64(0, bits);
      return words.getFloat64(0);
    },
  },
};

function signature(text) {
  return text.split("->").map((side) => side.match(/\(ref[^)]*\)|\w+/g) || []);
}

const globalType = (text) => text.replace(/^\(mut (.*)\)$/, "$1");

function hashCall(index, types, list) {
  let h = step(0x811c9dc5, index);
  types.forEach((type, i) => {
    if (!NUMBER[type]) {
      h = step(h, list[i] === null ? 0 : 1);
      return;
    }
    const bits = BigInt(NUMBER[type].bits(list[i]));
    h = step(h, Number(bits & 0xffffffffn));
    if (type.endsWith("64")) h = step(h, Number(bits >> 32n));
  });
  return h;
}

function answers(types, h) {
  return types.map((type, i) => {
    h = step(h, i + 1);
    if (type === "i32") return h | 0;
    if (type === "i64") return BigInt.asIntN(64, (BigInt(h) << 32n) | BigInt(step(h, 7)));
    if (NUMBER[type]) return ANSWERS[h % ANSWERS.length];
    return type === "externref" && h & 1 ? HOST : null;
  });
}

function hashMemory(buffer) {
  const all = new Uint32Array(buffer);
  let h = 0;
  for (let at = 0; at < all.length; at += 256) {
    let c = 0;
    for (let i = at; i < at + 256; i++) c = step(c, all[i]);
    h = step(h, c);
  }
  return h;
}

const TRAPS = [
  [/^unreachable/, "unreachable"],
  [/memory access out of bounds|data segment .*out of bounds/, "memory"],
  [/table (index|access).*out of bounds|element segment .*out of bounds/, "table"],
  [/null function|function signature mismatch/, "signature"],
  [/divide by zero|remainder by zero/, "divide by zero"],
  [/unrepresentable/, "unrepresentable"],
  [/call stack|array is too large|[Oo]ut of memory/, "exhausted"],
  [/dereferencing a null pointer|rethrowing null/, "null"],
  [/illegal cast/, "cast"],
  [/array (element|index).*out of bounds|array.*out of bounds/, "array"],
  [/unaligned accesses/, "unaligned"],
];

function why(e) {
  const message = e.message.replace(/^WebAssembly\.Instance\(\): /, "");
  for (const [pattern, kind] of TRAPS) if (pattern.test(message)) return "trap " + kind;
  return e instanceof WebAssembly.LinkError ? "link" : `error ${e}`;
}

class Run {
  constructor(bytes, plan, helper, put) {
    this.module = new WebAssembly.Module(bytes);
    this.types = new Map(); // of exports and imports; from the plan, since V8 does not tell
    this.imports = [];
    this.calls = [];
    for (const line of plan) {
      const [verb, ...rest] = line.split("\t");
      if (verb === "import") this.imports.push(rest);
      if (verb === "export") this.types.set(rest[0], rest[2]);
      if (verb === "call") this.calls.push(rest);
    }
    this.exports = WebAssembly.Module.exports(this.module);
    this.count = this.heard = this.depth = this.hostCalls = this.lines = 0;
    this.put = put;
    this.host = HOST;
    this.helper = helper;
  }

  hostFunction(index, name, type) {
    const [params, results] = signature(type);
    return (...args) => {
      const h = hashCall(index, params, args);
      this.count++;
      this.heard = step(this.heard, h);
      if (name === "again" && this.instance && this.instance.exports.leaf && this.depth < DEEPEST) {
        this.depth++;
        try {
          return this.instance.exports.leaf(args[0]);
        } catch (e) {
          return -1;
        } finally {
          this.depth--;
        }
      }
      const list = answers(results, h);
      return list.length > 1 ? list : list[0];
    };
  }

  makeImport(index, name, kind, type) {
    const [min, max] = (type.match(/\b\d+\b/g) || []).map(Number);
    const limits = max === undefined ? { initial: min } : { initial: min, maximum: max };
    if (kind === "function") return this.hostFunction(index, name, type);
    if (kind === "tag") return new WebAssembly.Tag({ parameters: signature(type)[0] });
    if (kind === "memory") {
      if (type.includes("i64")) for (const each in limits) limits[each] = BigInt(limits[each]);
      const address = type.includes("i64") ? "i64" : "i32";
      return new WebAssembly.Memory({ ...limits, address, shared: type.includes("shared") });
    }
    if (type === "(ref extern)") return support.makeHelper(this.helper, () => 0)[type];
    const value = type.match(/(\w+)\)?$/)[1];
    const jsType = value === "funcref" ? "anyfunc" : value;
    if (kind === "table") return new WebAssembly.Table({ element: jsType, ...limits }, null);
    const init = GLOBALS[value] === undefined ? null : GLOBALS[value];
    return new WebAssembly.Global({ value: jsType, mutable: type.includes("mut") }, init);
  }

  makeImports() {
    const imports = {};
    this.imports.forEach(([module, name, kind, type], index) => {
      imports[module] = imports[module] || {};
      if (this.peer && module === "peer") imports[module][name] = this.peer.exports[name];
      else if (module === support.MODULE) imports[module][name] = support.make(this, name, kind, type);
      else imports[module][name] = this.makeImport(index, name, kind, type);
    });
    return imports;
  }

  instantiate() {
    if (this.imports.some(([module]) => module === "peer")) {
      this.peer = new WebAssembly.Instance(this.module, this.makeImports());
    }
    this.instance = new WebAssembly.Instance(this.module, this.makeImports());
  }

  nameOf(f) {
    for (const { name, kind } of this.exports) {
      if (kind !== "function" || !this.instance) continue;
      if (this.instance.exports[name] === f) return name;
      if (this.peer && this.peer.exports[name] === f) return "peer." + name;
    }
    return "?";
  }

  show(type, value) {
    if (NUMBER[type]) return hex(NUMBER[type].bits(value));
    if (support.isInner(type)) return "-";
    if (value === null || value === undefined) return "null";
    if (typeof value === "function") return "func:" + this.nameOf(value);
    if (typeof value === "number") return "i31:" + value;
    return value === HOST ? "host" : "object";
  }

  stateOf(instance, out, all) {
    let memories = 0;
    for (const { name, kind } of this.exports) {
      const thing = instance.exports[name];
      if (kind === "memory") {
        const { buffer } = thing;
        const pages = buffer.byteLength / 65536;
        const now = (memories++ === 0 && pages <= FEW_PAGES) || all;
        const hash = now ? " " + hex(hashMemory(buffer)) : "";
        out.push(`${name} ${pages}${hash}`);
      } else if (kind === "table") {
        out.push(`${name} ${thing.length}`);
      } else if (kind === "global") {
        const type = globalType(this.types.get(name));
        out.push(this.show(type, support.isInner(type) ? undefined : thing.value));
      }
    }
  }

  state(all) {
    const out = [`host ${this.count} ${hex(this.heard)}`];
    this.stateOf(this.instance, out, all);
    if (this.peer) this.stateOf(this.peer, out, all);
    return out.join(" ");
  }

  argument(type, text) {
    if (text === "null") return null;
    if (text === "host") return HOST;
    if (text.startsWith("i31:")) return Number(text.slice(4));
    if (text !== "func") return NUMBER[type].value(BigInt(text));
    return this.instance.exports[this.exports.find((e) => e.kind === "function").name];
  }

  /* An exception by the name of its tag, with what it carries; or a trap. */
  failure(e) {
    if (e instanceof WebAssembly.Exception) return "throws" + this.thrown(e);
    return e instanceof Error ? why(e) : "throws js " + this.show("externref", e);
  }

  thrown(e) {
    const payload = (tag, types) =>
      types.map((t, i) => this.show(t, support.isInner(t) ? undefined : e.getArg(tag, i))).join(" ");
    for (const { name, kind } of this.exports) {
      const tag = kind === "tag" && this.instance && this.instance.exports[name];
      if (tag && tag !== WebAssembly.JSTag && e.is(tag)) {
        return ` ${name} ${payload(tag, signature(this.types.get(name))[0])}`;
      }
    }
    return "";
  }

  callArguments(type, texts) {
    const [params] = signature(type);
    return texts.map((text, i) => this.argument(params[i], text));
  }

  call([name, type, list]) {
    const [, results] = signature(type);
    const { exports } = this.instance;
    const args = this.callArguments(type, list.match(/\S+/g) || []);
    this.hostCalls = 0;
    for (const each of this.peer ? [exports, this.peer.exports] : [exports]) {
      if (each.fuel) each.fuel.value = FUEL;
      if (each.hangLimitInitializer) each.hangLimitInitializer();
    }
    try {
      const got = exports[name](...args);
      const each = results.length > 1 ? got : [got];
      return results.map((t, i) => this.show(t, each[i])).join(" ");
    } catch (e) {
      return this.failure(e);
    }
  }

  play() {
    const { put } = this;
    try {
      this.instantiate();
    } catch (e) {
      put("instantiated: " + this.failure(e));
      return;
    }
    put("instantiated: " + this.state());
    for (const [number, call] of this.calls.entries()) {
      const said = this.call(call);
      put(`${number + 1} ${call[0]}(${call[2]}) = ${said} | ${this.state()}`);
      if (said === "trap exhausted") return;
    }
    put("at the end: " + this.state(true));
  }
}

const [dir, from, to] = process.argv.slice(2);
const helper = new WebAssembly.Module(fs.readFileSync(`${dir}/helper.wasm`));
for (let n = +from; n <= +to; n++) {
  const lines = [];
  const stem = `${dir}/${n}`;
  if (!fs.existsSync(`${stem}.wasm`)) continue;
  const bytes = fs.readFileSync(`${stem}.wasm`);
  try {
    if (!fs.existsSync(`${stem}.plan`)) lines.push(`valid: ${WebAssembly.validate(bytes)}`);
    else {
      const plan = fs.readFileSync(`${stem}.plan`, "utf8").split("\n");
      new Run(bytes, plan, helper, (line) => lines.push(line)).play();
    }
  } catch (e) {
    lines.push(`refused: ${e}`);
  }
  lines.push("end\n");
  fs.writeFileSync(`${stem}.v8`, lines.join("\n"));
}
