// raw.rs -- every call of WASI preview 1 from Rust, by its own name: those that Rust's standard
// library has no way to make, and the others once more.
//
// No native program has these calls; raw.txt is what they must say by the standard. stdin has
// "input", descriptor 3 is a socket that listens, 4 an empty directory.
#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    unsafe { proc_exit(99) }
}

macro_rules! calls {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        extern "C" {
            fn proc_exit(code: u32) -> !;
            $(fn $name($($arg: $type),*) -> u32;)*
        }
    };
}

type P = *const u8;
calls! {
    args_get(list: P, bytes: P);
    args_sizes_get(n: P, size: P);
    environ_get(list: P, bytes: P);
    environ_sizes_get(n: P, size: P);
    clock_res_get(id: u32, to: P);
    clock_time_get(id: u32, precision: u64, to: P);
    fd_advise(fd: u32, at: u64, size: u64, advice: u32);
    fd_allocate(fd: u32, at: u64, size: u64);
    fd_close(fd: u32);
    fd_datasync(fd: u32);
    fd_fdstat_get(fd: u32, to: P);
    fd_fdstat_set_flags(fd: u32, flags: u32);
    fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
    fd_filestat_get(fd: u32, to: P);
    fd_filestat_set_size(fd: u32, size: u64);
    fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
    fd_pread(fd: u32, iovs: P, n: u32, at: u64, to: P);
    fd_prestat_get(fd: u32, to: P);
    fd_prestat_dir_name(fd: u32, to: P, size: u32);
    fd_pwrite(fd: u32, iovs: P, n: u32, at: u64, to: P);
    fd_read(fd: u32, iovs: P, n: u32, to: P);
    fd_readdir(fd: u32, to: P, size: u32, cookie: u64, used: P);
    fd_renumber(from: u32, to: u32);
    fd_seek(fd: u32, by: i64, whence: u32, to: P);
    fd_sync(fd: u32);
    fd_tell(fd: u32, to: P);
    fd_write(fd: u32, iovs: P, n: u32, to: P);
    path_create_directory(fd: u32, path: P, size: u32);
    path_filestat_get(fd: u32, flags: u32, path: P, size: u32, to: P);
    path_filestat_set_times(fd: u32, flags: u32, path: P, size: u32, atim: u64, mtim: u64, how: u32);
    path_link(fd: u32, flags: u32, path: P, size: u32, to: u32, new: P, new_size: u32);
    path_open(fd: u32, look: u32, path: P, size: u32, how: u32, base: u64, inh: u64, flags: u32, to: P);
    path_readlink(fd: u32, path: P, size: u32, to: P, room: u32, used: P);
    path_remove_directory(fd: u32, path: P, size: u32);
    path_rename(fd: u32, path: P, size: u32, to: u32, new: P, new_size: u32);
    path_symlink(target: P, target_size: u32, fd: u32, path: P, size: u32);
    path_unlink_file(fd: u32, path: P, size: u32);
    poll_oneoff(subs: P, events: P, n: u32, to: P);
    proc_raise(signal: u32);
    random_get(to: P, size: u32);
    sched_yield();
    sock_accept(fd: u32, flags: u32, to: P);
    sock_recv(fd: u32, iovs: P, n: u32, flags: u32, size: P, out: P);
    sock_send(fd: u32, iovs: P, n: u32, flags: u32, size: P);
    sock_shutdown(fd: u32, how: u32);
}

fn put(text: &[u8]) {
    let iov = [text.as_ptr() as u32, text.len() as u32];
    let n = 0u32;
    unsafe { fd_write(1, iov.as_ptr() as P, 1, &n as *const u32 as P) };
}

fn put_number(mut n: u64) {
    if n > 9 {
        put_number(n / 10);
        n %= 10;
    }
    put(&[b'0' + n as u8]);
}

// The call's name and the number of its error.
macro_rules! say {
    ($name:ident($($arg:expr),*)) => {{
        put(stringify!($name).as_bytes());
        put(b" ");
        put_number(unsafe { $name($($arg),*) } as u64);
        put(b"\n");
    }};
}

fn value(what: &str, n: u64) {
    put(b"  ");
    put(what.as_bytes());
    put(b" ");
    put_number(n);
    put(b"\n");
}

static mut ROOM: [u64; 512] = [0; 512];

fn room() -> P {
    unsafe { core::ptr::addr_of!(ROOM) as P }
}

fn word(at: usize) -> u64 {
    unsafe { core::ptr::read_volatile((room() as *const u64).add(at)) }
}

fn half(at: usize) -> u32 {
    unsafe { core::ptr::read_volatile((room() as *const u32).add(at)) }
}

const SOCKET: u32 = 3;
const DIR: u32 = 4;
const ALL: u64 = 0xfffffff;
const FILE: u64 = 0x8e001ff;

fn open(path: &str, how: u32, rights: u64, flags: u32) -> u32 {
    say!(path_open(DIR, 1, path.as_ptr(), path.len() as u32, how, rights, ALL, flags, room()));
    half(0)
}

fn surroundings() {
    say!(args_sizes_get(room(), room().wrapping_add(4)));
    value("arguments", half(0) as u64);
    value("bytes", half(1) as u64);
    say!(args_get(room(), room().wrapping_add(64)));
    say!(environ_sizes_get(room(), room().wrapping_add(4)));
    value("variables", half(0) as u64);
    say!(environ_get(room(), room().wrapping_add(64)));
    for id in 0..5 {
        say!(clock_res_get(id, room()));
        say!(clock_time_get(id, 1, room()));
    }
    say!(random_get(room(), 4096));
    let mut same = 0;
    for n in 1..512 {
        same += (word(n) == word(n - 1)) as u64;
    }
    value("equal neighbours", same);
    say!(random_get(room(), 0));
    say!(random_get(usize::MAX as P, 16));
    say!(sched_yield());
    say!(proc_raise(15));
}

fn files() -> u32 {
    let fd = open("f", 1, FILE, 0);
    let text = b"0123456789";
    let iov = [text.as_ptr() as u32, 4, text.as_ptr() as u32 + 4, 6];
    let back = [room() as u32 + 64, 8];
    say!(fd_write(fd, iov.as_ptr() as P, 2, room()));
    value("written", half(0) as u64);
    say!(fd_pwrite(fd, iov.as_ptr() as P, 1, 20, room()));
    say!(fd_seek(fd, -8, 1, room()));
    value("at", word(0));
    say!(fd_seek(fd, -8, 1, room()));
    say!(fd_seek(fd, 0, 9, room()));
    say!(fd_read(fd, back.as_ptr() as P, 1, room()));
    value("read", half(0) as u64);
    say!(fd_pread(fd, back.as_ptr() as P, 1, 22, room()));
    value("read", half(0) as u64);
    say!(fd_tell(fd, room()));
    value("at", word(0));
    say!(fd_filestat_set_size(fd, 9));
    say!(fd_allocate(fd, 5, 11));
    say!(fd_advise(fd, 0, 0, 3));
    say!(fd_advise(fd, 0, 0, 6));
    say!(fd_sync(fd));
    say!(fd_datasync(fd));
    say!(fd_filestat_set_times(fd, 1_000, 2_000, 5));
    say!(fd_filestat_get(fd, room()));
    value("size", word(4));
    value("atim", word(5));
    value("mtim", word(6));
    say!(fd_fdstat_set_flags(fd, 1));
    say!(fd_fdstat_get(fd, room()));
    value("type and flags", half(0) as u64 & 0xffffff);
    value("rights", word(1));
    say!(fd_fdstat_set_rights(fd, 2, 0));
    say!(fd_write(fd, iov.as_ptr() as P, 1, room()));
    say!(fd_fdstat_set_rights(fd, 2 | 64, 0));
    fd
}

fn paths() {
    let (d, f, g, s) = ("d".as_ptr(), "f".as_ptr(), "d/g".as_ptr(), "s".as_ptr());
    say!(path_create_directory(DIR, d, 1));
    say!(path_create_directory(DIR, d, 1));
    say!(path_link(DIR, 0, f, 1, DIR, g, 3));
    say!(path_symlink(g, 3, DIR, s, 1));
    say!(path_readlink(DIR, s, 1, room(), 2, room().wrapping_add(8)));
    value("bytes", half(2) as u64);
    say!(path_filestat_set_times(DIR, 1, s, 1, 5_000, 6_000, 5));
    say!(path_filestat_get(DIR, 1, f, 1, room()));
    value("type", word(2) & 0xff);
    value("names", word(3));
    value("mtim", word(6));
    say!(path_filestat_get(DIR, 0, s, 1, room()));
    value("type", word(2) & 0xff);
    say!(path_remove_directory(DIR, d, 1));
    say!(path_rename(DIR, f, 1, DIR, g, 3)); // one file: both names stay
    say!(path_unlink_file(DIR, f, 1));
    say!(path_rename(DIR, g, 3, DIR, f, 1));
    say!(path_remove_directory(DIR, f, 1));
    say!(path_unlink_file(DIR, d, 1));
    say!(path_remove_directory(DIR, d, 1));
    say!(path_unlink_file(DIR, s, 1));
    say!(path_create_directory(DIR, "../d".as_ptr(), 4));
    say!(path_create_directory(DIR, "/d".as_ptr(), 2));
    say!(fd_readdir(DIR, room(), 1024, 0, room().wrapping_add(1024)));
    value("used", half(256) as u64);
    say!(fd_readdir(DIR, room(), 40, 0, room().wrapping_add(1024)));
    value("used", half(256) as u64);
}

fn descriptors(fd: u32) {
    say!(fd_prestat_get(DIR, room()));
    value("size", half(1) as u64);
    say!(fd_prestat_dir_name(DIR, room(), 1));
    say!(fd_prestat_get(fd, room()));
    let other = open("f", 0, 2, 0);
    say!(fd_renumber(fd, other));
    say!(fd_renumber(fd, other));
    say!(fd_close(fd));
    say!(fd_close(other));
    say!(path_unlink_file(DIR, "f".as_ptr(), 1));
}

fn waiting() {
    // two clocks, one of them over at once; stdin
    static SUBS: [u64; 18] =
        [7, 0, 1, 0, 0, 0, 8, 0, 1, 3_600_000_000_000, 0, 0, 9, 1, 0, 0, 0, 0];
    say!(poll_oneoff(SUBS.as_ptr() as P, room(), 3, room().wrapping_add(2048)));
    value("events", half(512) as u64);
    value("whose", word(0));
    value("and", word(4));
    say!(poll_oneoff(SUBS.as_ptr() as P, room(), 0, room().wrapping_add(2048)));
}

fn sockets() {
    let back = [room() as u32 + 64, 8];
    say!(sock_accept(SOCKET, 4, room()));
    say!(sock_accept(DIR, 0, room()));
    say!(sock_recv(SOCKET, back.as_ptr() as P, 1, 0, room(), room().wrapping_add(4)));
    say!(sock_send(1, back.as_ptr() as P, 1, 0, room()));
    say!(sock_shutdown(1, 1));
    say!(sock_accept(99, 0, room()));
}

#[no_mangle]
pub extern "C" fn _start() {
    surroundings();
    let fd = files();
    paths();
    descriptors(fd);
    waiting();
    // nobody connects: the call is not to wait
    say!(fd_fdstat_set_flags(SOCKET, 4));
    sockets();
    unsafe { proc_exit(7) }
}
