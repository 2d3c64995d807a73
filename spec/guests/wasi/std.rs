// std.rs -- a program of Rust's standard library that says what it sees, line by line.
//
// Built for WASI and for the host, run in an empty directory, both must print the same. The .wasm
// contains parts of Rust's standard library, whose licence is MIT or Apache-2.0, and of wasi-libc.
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

fn say<T>(what: &str, result: io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => {
            println!("{what}: ok");
            Some(value)
        }
        Err(error) => {
            println!("{what}: {}", kind(&error));
            None
        }
    }
}

// Some kinds have no stable name in this version, so the words are what is compared.
fn kind(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "not found".into(),
        ErrorKind::AlreadyExists => "already exists".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::InvalidInput => "invalid input".into(),
        ErrorKind::BrokenPipe => "broken pipe".into(),
        ErrorKind::UnexpectedEof => "unexpected end".into(),
        // the two libraries spell it differently
        _ if error.to_string().contains("ame too long") => "name too long".into(),
        _ => error.to_string().split(" (os error").next().unwrap().to_ascii_lowercase(),
    }
}

fn surroundings() {
    for arg in std::env::args().skip(1) {
        println!("[{arg}]");
    }
    println!("variables {}", std::env::vars().filter(|(name, _)| name.starts_with("STD_")).count());
    println!("[{}] [{}]", std::env::var("STD_ONE").unwrap(), std::env::var("STD_TWO").unwrap());
    println!("none {}", std::env::var("STD_NONE").is_err());
    let mut line = String::new();
    let stdin = io::stdin();
    println!("line of {}", stdin.lock().read_line(&mut line).unwrap());
    println!("[{line}]");
    let mut rest = Vec::new();
    println!("rest {}", stdin.lock().read_to_end(&mut rest).unwrap());
    println!("after {}", stdin.lock().read_to_end(&mut rest).unwrap());
    eprintln!("this goes to stderr");
}

fn files() -> io::Result<()> {
    say("open none", File::open("none"));
    say("open .", OpenOptions::new().write(true).open("."));
    say("write", fs::write("f", "0123456789"));
    say("create new", OpenOptions::new().write(true).create_new(true).open("f"));
    let mut f = OpenOptions::new().read(true).write(true).open("f")?;
    println!("seek {}", f.seek(SeekFrom::Start(4))?);
    println!("seek {}", f.seek(SeekFrom::Current(2))?);
    say("seek before", f.seek(SeekFrom::Current(-7)));
    println!("at {}", f.stream_position()?);
    let mut bytes = [0u8; 3];
    f.read_exact(&mut bytes)?;
    println!("read {}", std::str::from_utf8(&bytes).unwrap());
    say("read too much", f.read_exact(&mut bytes));
    println!("end {}", f.seek(SeekFrom::End(0))?);
    f.write_all("αβγ".as_bytes())?;
    println!("write vectored {}", f.write_vectored(&[io::IoSlice::new(b"a"), io::IoSlice::new(b"bc")])?);
    say("set_len", f.set_len(18));
    say("sync", f.sync_all());
    say("sync data", f.sync_data());
    println!("length {}", f.metadata()?.len());
    drop(f);
    println!("text {}", fs::read_to_string("f")?);
    let mut f = OpenOptions::new().append(true).open("f")?;
    f.write_all(b"more")?;
    println!("length {}", fs::metadata("f")?.len());
    println!("read for append {}", f.read(&mut bytes).is_err());
    println!("copy {}", fs::copy("f", "g")?);
    println!("same {}", fs::read("f")? == fs::read("g")?);
    say("truncate", File::create("g"));
    println!("empty {}", fs::metadata("g")?.len());
    say("below a file", File::open("f/x"));
    say("long name", File::open("n".repeat(300)));
    let text = io::BufReader::new(File::open("f")?).lines().count();
    println!("lines {text}");
    say("remove", fs::remove_file("g"));
    say("remove", fs::remove_file("g"));
    Ok(())
}

// How many there are, the first and the last of them.
fn names(path: &str) -> io::Result<()> {
    let mut list = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let t = entry.file_type()?;
        let mark = if t.is_dir() { "/" } else if t.is_symlink() { "@" } else { "" };
        list.push(entry.file_name().into_string().unwrap() + mark);
    }
    list.sort_unstable();
    let none = String::new();
    println!("{}: {} {}", list.len(), list.first().unwrap_or(&none), list.last().unwrap_or(&none));
    Ok(())
}

fn directories() -> io::Result<()> {
    say("mkdir", fs::create_dir("d"));
    say("mkdir again", fs::create_dir("d"));
    say("mkdir below none", fs::create_dir("x/y"));
    say("mkdir all", fs::create_dir_all("d/e/f/g"));
    say("mkdir all again", fs::create_dir_all("d/e/f/g"));
    for n in 0..200 {
        fs::write(format!("d/e/file {n}"), [b'x'; 10])?;
    }
    names("d/e")?;
    names(".")?;
    say("list none", fs::read_dir("none"));
    say("list a file", fs::read_dir("f"));
    say("rmdir", fs::remove_dir("d/e"));
    say("rmdir a file", fs::remove_dir("f"));
    say("rename", fs::rename("d/e", "moved"));
    say("rename none", fs::rename("none", "x"));
    say("rename into itself", fs::rename("moved", "moved/in"));
    println!("exists {} {}", Path::new("moved/f/g").is_dir(), Path::new("d/e").exists());
    say("remove all", fs::remove_dir_all("moved"));
    say("rmdir", fs::remove_dir("d"));
    Ok(())
}

fn links() -> io::Result<()> {
    say("hard link", fs::hard_link("f", "h"));
    say("hard link again", fs::hard_link("f", "h"));
    say("hard link to none", fs::hard_link("none", "x"));
    fs::write("h", "through the other name")?;
    println!("{}", fs::read_to_string("f")?);
    fs::remove_file("h")?;
    say("read a link that is none", fs::read_link("f"));
    Ok(())
}

fn times() -> io::Result<()> {
    let now = SystemTime::now();
    let m = fs::metadata("f")?;
    let near = |t: SystemTime| t + Duration::from_secs(100) > now && t < now + Duration::from_secs(100);
    println!("modified {} accessed {}", near(m.modified()?), near(m.accessed()?));
    println!("file {} directory {}", m.is_file(), m.is_dir());
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(3));
    println!("slept {}", start.elapsed() >= Duration::from_millis(3));
    println!("since 1970 {}", now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() > 1600000000);
    // the keys of a map are random
    let mut map = std::collections::HashMap::new();
    for n in 0..100 {
        map.insert(n, n * n);
    }
    println!("squares {}", map.values().sum::<i32>());
    Ok(())
}

fn main() {
    surroundings();
    for group in [files, directories, links, times] {
        say("group", group());
    }
    fs::remove_file("f").unwrap();
    say("names", names("."));
    io::stdout().flush().unwrap();
    std::process::exit(3);
}
