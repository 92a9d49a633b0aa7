//! A worker: a process of its own that reads files for the service. It has no environment, no network to use, a bound
//! on its memory and its open files, and can write nothing. What breaks a parser breaks this process and nothing else.

use std::io::{self, Write as _};

use super::wire::{Reply, Request, receive, send};
use crate::document::{self, Input};

/// Answers requests on standard input until it is closed.
///
/// # Errors
/// If the service is gone in the middle of a frame.
pub fn serve(memory_bytes: u64) -> io::Result<()> {
    confine(memory_bytes)?;
    end_with_parent();
    // The service says what happened to a file; a parser's backtrace helps nobody.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        let _ = writeln!(io::stderr(), "a parser panicked{}", place.unwrap_or_default());
    }));
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    while let Some(request) = receive::<Request>(&mut from)? {
        send(&mut to, &answer(request))?;
    }
    Ok(())
}

fn answer(request: Request) -> Reply {
    match request {
        Request::Read { name, media_type, bytes, limits } => {
            #[cfg(any(test, feature = "fake"))]
            misbehave(&name);
            let media_type = Some(media_type.as_str()).filter(|media_type| !media_type.is_empty());
            Reply::Read(document::read(&Input { name: &name, media_type, bytes: &bytes }, &limits))
        }
        Request::Draw { bytes, first, end, max_px, limits } => {
            match document::render_pdf(&bytes, first..end, max_px, &limits) {
                Ok(drawn) => Reply::Drawn { renderer: drawn.renderer, pages: drawn.pages, of: drawn.of },
                Err(reason) => Reply::Failed(reason),
            }
        }
    }
}

/// Bounds that a process can only set on itself.
#[cfg(unix)]
fn confine(memory_bytes: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let most = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::Core, most(0))?;
    setrlimit(Resource::Fsize, most(0))?;
    setrlimit(Resource::Nofile, most(64))?;
    // macOS knows the limit and does not keep to it.
    if cfg!(target_os = "linux") {
        setrlimit(Resource::As, most(memory_bytes))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn confine(_: u64) -> io::Result<()> {
    Ok(())
}

/// A worker in an endless loop does not notice that its input was closed: it ends with the service all the same.
#[cfg(unix)]
fn end_with_parent() {
    let parent = std::os::unix::process::parent_id();
    std::thread::spawn(move || {
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        std::process::exit(1);
    });
}

#[cfg(not(unix))]
fn end_with_parent() {}

/// Ways in which a parser could break a process, for tests: no real file is known to do so.
#[cfg(any(test, feature = "fake"))]
fn misbehave(name: &str) {
    #[expect(unconditional_recursion, reason = "that is what it is there for")]
    fn deeper(depth: u64) -> u64 {
        std::hint::black_box(depth) + deeper(depth + 1)
    }
    match name {
        "misbehave-abort.bin" => std::process::abort(),
        "misbehave-exit.bin" => std::process::exit(7),
        "misbehave-stack.bin" => {
            deeper(0);
        }
        "misbehave-loop.bin" => loop {
            std::hint::spin_loop();
        },
        "misbehave-memory.bin" => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                held.push(vec![1; 16 << 20]);
            }
        }
        "misbehave-write.bin" => {
            // Ends the process: SIGXFSZ.
            let _ = std::fs::write("misbehave-written", b"x");
        }
        "misbehave-environment.bin" => {
            let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
            assert!(names.is_empty(), "{names:?}");
        }
        _ => {}
    }
}
