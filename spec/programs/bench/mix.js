// mix.js -- calls, objects, closures, strings, sorting, typed arrays.
const fib = (n) => n < 2 ? n : fib(n - 1) + fib(n - 2);
print(fib(25));
let state = 42;
const random = (n) => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff, (state >> 8) % n);
const items = Array.from({ length: 30000 }, (_, i) => ({ id: i, key: random(1000), name: "n" + random(500) }));
items.sort((a, b) => a.key - b.key || a.id - b.id);
print(items[0].id, items[29999].id);
const groups = new Map();
for (const { name, key } of items) groups.set(name, (groups.get(name) ?? 0) + key);
print(groups.size, [...groups.values()].reduce((a, b) => (a * 31 + b) % 1000003));
const sieve = new Uint8Array(400000);
let primes = 0;
for (let i = 2; i < sieve.length; i++) {
  if (sieve[i]) continue;
  primes++;
  for (let j = i * i; j < sieve.length; j += i) sieve[j] = 1;
}
print(primes);
let text = "";
for (let i = 0; i < 20000; i++) text += String.fromCharCode(97 + random(26)) + (i % 7 ? "" : " ");
print(text.split(" ").map((w) => w.replace(/[aeiou]/g, (c) => c.toUpperCase())).sort().slice(0, 3).join());
print(JSON.stringify(JSON.parse(JSON.stringify(items))).length);
