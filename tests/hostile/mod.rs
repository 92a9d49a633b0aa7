//! Hostile files: one line makes one, and says what must become of it. The files are made when they are wanted, so that
//! none lies about; together they are some hundred megabytes.
//!
//! `tests/all/hostile.rs` has every one read by a worker process, as in the service; `cargo bench --bench hostile` prints
//! what became of each, with its memory and its time. How to add one: a line in the list of its kind.

#![allow(clippy::unwrap_used, reason = "a file that cannot be made is a mistake in its line")]

pub mod archives;
pub mod build;
pub mod mails;
pub mod office;
pub mod pdfs;
pub mod pictures;
pub mod tables;
pub mod texts;
pub mod watched;

/// What must become of a file.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// It is unreadable, for a reason with these words.
    Refused(&'static str),
    /// It is read, with findings of these codes, on it or on a file in it.
    Found(&'static [&'static str]),
    /// It is read in part: a cut of it, or of a file in it, has these words.
    Cut(&'static str),
    /// It is read, and a file in it is unreadable, for a reason with these words.
    Inside(&'static str),
    /// It is read as any other, or refused by whatever reader it comes to: it only must not hurt.
    Harmless,
}

/// One hostile file.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub make: fn() -> Vec<u8>,
    pub expect: Expect,
    /// MiB of memory that its reader may take.
    pub memory: u64,
    /// The library that draws pages has no limit for what is in it: its pages may end at the worker's.
    pub undrawn: bool,
    /// It takes seconds: the bench reads it, the tests do not.
    pub long: bool,
}

impl Case {
    /// It needs more than others, and no more than this.
    pub const fn within(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    pub const fn undrawn(self) -> Self {
        Self { undrawn: true, ..self }
    }

    pub const fn long(self) -> Self {
        Self { long: true, ..self }
    }
}

/// What a reader of a small file may take, in MiB of resident memory. A worker that has done nothing takes about twenty.
const USUAL_MEMORY: u64 = 256;

const fn case(name: &'static str, make: fn() -> Vec<u8>, expect: Expect) -> Case {
    Case { name, make, expect, memory: USUAL_MEMORY, undrawn: false, long: false }
}

pub const fn refused(name: &'static str, why: &'static str, make: fn() -> Vec<u8>) -> Case {
    case(name, make, Expect::Refused(why))
}

pub const fn found(name: &'static str, codes: &'static [&'static str], make: fn() -> Vec<u8>) -> Case {
    case(name, make, Expect::Found(codes))
}

pub const fn cut(name: &'static str, words: &'static str, make: fn() -> Vec<u8>) -> Case {
    case(name, make, Expect::Cut(words))
}

pub const fn inside(name: &'static str, why: &'static str, make: fn() -> Vec<u8>) -> Case {
    case(name, make, Expect::Inside(why))
}

pub const fn harmless(name: &'static str, make: fn() -> Vec<u8>) -> Case {
    case(name, make, Expect::Harmless)
}

/// All of them, by kind.
pub const KINDS: &[(&str, &[Case])] = &[
    ("archives", archives::CASES),
    ("office files", office::CASES),
    ("pdf", pdfs::CASES),
    ("pictures", pictures::CASES),
    ("tables", tables::CASES),
    ("texts", texts::CASES),
    ("mails", mails::CASES),
];
