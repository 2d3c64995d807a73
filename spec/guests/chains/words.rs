//! words.rs -- a Rust program: text made, parsed and counted in maps, sets, strings, heaps.
//! The standard library comes along: its allocator, its formatting, its collections.

use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::fmt::Write;

struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

fn mix(sum: u32, value: u32) -> u32 {
    let sum = (sum ^ value).wrapping_mul(0x9e37_79b1);
    sum ^ (sum >> 15)
}

fn mix_text(sum: u32, text: &str) -> u32 {
    text.bytes().fold(sum, |sum, byte| mix(sum, byte.into()))
}

const SYLLABLES: [&str; 8] = ["lu", "a", "wa", "sm", "ré", "to", "ß", "nim"];

fn text(n: u32) -> String {
    let mut random = Random(n + 1);
    let mut out = String::new();
    for _ in 0..n {
        for _ in 0..random.next() % 3 + 1 {
            out.push_str(SYLLABLES[random.next() as usize % SYLLABLES.len()]);
        }
        out.push(if random.next() % 9 == 0 { '\n' } else { ' ' });
    }
    out
}

/// How often each word comes, in order of the words; and the longest line.
#[no_mangle]
pub extern "C" fn counted(n: u32) -> u32 {
    let text = text(n);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for word in text.split_ascii_whitespace() {
        *counts.entry(word.to_ascii_uppercase()).or_insert(0) += 1;
    }
    let longest = text.lines().map(|line| line.chars().count()).max();
    let mut sum = longest.unwrap_or(0) as u32;
    for (word, count) in counts.range("L".to_string()..) {
        sum = mix(mix_text(sum, word), *count);
    }
    sum
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(f64),
    Word(String),
    List(Vec<Value>),
}

fn parse(words: &mut VecDeque<&str>) -> Result<Value, String> {
    let word = words.pop_front().ok_or("the end".to_string())?;
    match word {
        "(" => {
            let mut list = Vec::new();
            while words.front() != Some(&")") {
                list.push(parse(words)?);
            }
            words.pop_front();
            Ok(Value::List(list))
        }
        ")" => Err(format!("{:?} at {} before the end", word, words.len())),
        _ => Ok(word.parse().map_or_else(|_| Value::Word(word.to_string()), Value::Number)),
    }
}

/// Lists in lists, parsed and printed by derived code; mistakes are values too.
#[no_mangle]
pub extern "C" fn parsed(n: u32) -> u32 {
    let mut random = Random(n + 1);
    let mut sum = 0;
    for _ in 0..n {
        let mut source = String::from("( ");
        for _ in 0..random.next() % 24 {
            match random.next() % 5 {
                0 => source.push_str("( "),
                1 => source.push_str(") "),
                2 => write!(source, "{}.{:02} ", random.next() % 1000, random.next() % 100).unwrap(),
                3 => write!(source, "{:e} ", random.next()).unwrap(),
                _ => source.push_str("word "),
            }
        }
        source.push_str(") )");
        let value = parse(&mut source.split(' ').collect());
        sum = mix_text(sum, &format!("{:?}", value));
        if let Ok(Value::List(list)) = &value {
            let total: f64 = list
                .iter()
                .filter_map(|value| match value {
                    Value::Number(number) => Some(number.sqrt()),
                    _ => None,
                })
                .sum();
            sum = mix_text(sum, &format!("{:10.3} {}", total, list.clone() == *list));
        }
    }
    sum
}

trait Shape {
    fn area(&self) -> i64;
}
struct Square(i64);
struct Frame(Box<dyn Shape>, i64);
impl Shape for Square {
    fn area(&self) -> i64 {
        self.0 * self.0
    }
}
impl Shape for Frame {
    fn area(&self) -> i64 {
        self.0.area() + self.1
    }
}

/// Boxes of trait objects in a heap ordered by area; a hash map by name.
#[no_mangle]
pub extern "C" fn shapes(n: u32) -> u32 {
    let mut random = Random(n + 1);
    let mut heap = BinaryHeap::new();
    let mut names: HashMap<String, i64> = HashMap::new();
    for i in 0..n {
        let mut shape: Box<dyn Shape> = Box::new(Square(i64::from(random.next() >> 12)));
        for _ in 0..random.next() % 4 {
            shape = Box::new(Frame(shape, i64::from(random.next())));
        }
        *names.entry(format!("shape {}", i % 50)).or_default() += shape.area();
        heap.push((shape.area(), i));
    }
    let mut sum = 0;
    while let Some((area, i)) = heap.pop() {
        sum = mix(mix(sum, area as u32), i);
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    names.iter().fold(sum, |sum, (name, area)| mix_text(sum, &format!("{name}: {area:>20}")))
}
