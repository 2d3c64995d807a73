// results.js -- what QuickJS computes, printed: its own tests assert and print nothing.
const show = (...values) => print(...values.map((v) => {
  if (typeof v === "bigint") return v + "n";
  if (v instanceof Error) return v.name + ": " + v.message;
  return typeof v === "object" ? JSON.stringify(v) : String(v);
}));
const attempt = (f) => { try { return f(); } catch (e) { return e; } };

for (const x of [0.1, 1 / 3, 1e21, 123456789.125, -0, 5e-324, 2 ** 53, NaN, Infinity, 0xff]) {
  show(x, Object.is(x, -0), x.toString(2).slice(0, 60), x.toString(36), x.toFixed(5),
    x.toExponential(3), x.toPrecision(6), Math.fround(x), Math.sqrt(x), Math.sin(x % 1e6), x | 0, x >>> 3);
}
let big = 1n;
for (let i = 1n; i <= 200n; i++) big *= i;
show(big, big / 7n ** 40n, big % 1000000007n, -big >> 700n, BigInt.asIntN(64, big + 12345n),
  big.toString(16), attempt(() => big + 1), attempt(() => 1n / 0n));

const text = "The quick brown fox, born 2024-02-29, jumps over äöü 😀 dogs";
show(text.replace(/(\d+)-(\d+)-(\d+)/, "$3.$2.$1"), text.match(/\b\w{5}\b/g),
  text.split(/[\s,]+/), [...text.matchAll(/(?<vowel>[aeiou])\w/g)].map((m) => m.groups.vowel + m.index),
  /(?<=brown )fox/.exec(text).index, /\p{Lu}/u.test(text), text.normalize("NFD").length,
  text.toUpperCase(), text.at(-3), text.codePointAt(51), "abc".padStart(6, "12"), "x".repeat(3),
  /^(a+)+$/.test("aaaaaaaaaaaaaaaaaaaa"), "a\u0301".normalize() === "á", "ß".localeCompare("s"));

show([5, 1, 10, 2].sort(), [5, 1, 10, 2].sort((a, b) => a - b), [1, [2, [3, [4]]]].flat(Infinity),
  [..."hello"].reverse().join(""), Array.from({ length: 5 }, (_, i) => i * i), [3, 1, 2].toSorted(),
  [1, 2, 3, 4].findLast((x) => x % 2), Object.entries({ b: 1, a: 2, 1: 3 }));
const map = new Map();
for (let i = 0; i < 5000; i++) map.set("key" + (i * 7919 % 1009), (map.get("key" + (i * 7919 % 1009)) ?? 0) + i);
show(map.size, [...map.values()].reduce((a, b) => (a * 31 + b) % 1000003), [...map.keys()].slice(0, 3));
const bytes = new Uint8Array(64);
const view = new DataView(bytes.buffer);
view.setFloat64(0, Math.PI);
view.setInt32(8, -5, true);
view.setBigUint64(16, 0xdeadbeefcafen);
show([...bytes.subarray(0, 24)], new Float32Array([1.1, 1e40, NaN]).join(), new Uint8ClampedArray([300, -5, 1.5]),
  new Int16Array([40000, -40000]));

show(new Date(0).toISOString(), new Date(Date.UTC(2024, 1, 30)).toJSON(), Date.parse("2000-01-01T00:00:00Z"),
  attempt(() => new Date(NaN).toISOString()), new Date(1e12).toUTCString());
show(JSON.stringify({ a: [1, { b: undefined, c: null }], d: "\u2028\"\n", e: 1e300 }, null, 2),
  attempt(() => JSON.parse('{"a":1,}')), JSON.parse("[1,2,{\"x\":[]}]"));

class Shape { #side = 2; static made = 0; constructor() { Shape.made++; } get area() { return this.#side ** 2; } }
class Cube extends Shape { get volume() { return super.area * 2; } toString() { return `cube ${this.volume}`; } }
const log = [];
const proxy = new Proxy({}, { get: (_, key) => (log.push(String(key)), 1), has: () => true });
show(`${new Cube()}`, Shape.made, proxy.x + proxy.y, "z" in proxy, log, attempt(() => null.x), attempt(() => undefinedName),
  attempt(() => eval("let a = ;")), attempt(() => { "use strict"; Object.freeze([1]).push(2); }), typeof Symbol.iterator);
function* fibonacci() { let [a, b] = [0, 1]; for (;;) { yield a; [a, b] = [b, a + b]; } }
const first = [];
for (const n of fibonacci()) { if (n > 1000) break; first.push(n); }
show(first, (() => { try { return "try"; } finally { log.length = 0; } })(), log.length);
label: for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) { if (j === 1) continue label; show(i, j); }
const deep = (n) => n === 0 ? 0 : 1 + deep(n - 1);
show(deep(500), attempt(() => { const forever = () => forever() + 1; return forever(); }) instanceof Error);
const { a, ...rest } = { a: 1, b: 2, c: { d: 3 } };
show(a, rest, rest?.c?.d, rest.x?.y.z, ((x, y = x * 2, ...more) => [x, y, more])(1, undefined, 3, 4));

const wait = (ms, value) => new Promise((resolve) => os.setTimeout(() => resolve(value), ms));
(async () => {
  show("first", await Promise.all([wait(3, "a"), wait(1, "b"), 7]), await Promise.race([wait(50, "slow"), wait(1, "fast")]));
  show(await Promise.allSettled([Promise.reject(new Error("no")), 1]).then((r) => r.map((x) => x.status)));
  for await (const x of (async function* () { yield 1; yield wait(1, 2); })()) show("async", x);
  try { await wait(1).then(() => { throw new RangeError("thrown later"); }); } catch (e) { show(e); }
})();
Promise.resolve().then(() => show("microtask"));
show("synchronous end", scriptArgs.length, std.getenv("HOME"));
