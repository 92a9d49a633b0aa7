//! A worker whose memory can be looked at: the program behind a shell that says who it is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use empanel::document::Limits;
use empanel::domain::{FileExtract, FileName, Outcome, StoredFile};
use empanel::reading::{End, Reading, Sheaf, Source, WorkerLimits};
use sha2::Digest;

use super::{Case, Expect};

/// What a file may take before its worker is stopped; nothing here should come so far.
pub const TIME: Duration = Duration::from_secs(60);
pub const MEMORY: u64 = 2 << 30;

/// What became of one file.
pub struct Outcomes {
    pub bytes: usize,
    pub extracts: Vec<FileExtract>,
    /// Its worker did not end by itself: how.
    pub stopped: Option<End>,
    /// Of its pages, if it has any: whether they could be drawn.
    pub drawn: Option<Result<usize, String>>,
    /// Largest resident memory of the worker, in MiB, where the system tells (Linux).
    pub peak: Option<u64>,
    pub time: Duration,
}

/// Workers that leave their numbers behind.
pub struct Watched {
    folder: tempfile::TempDir,
}

impl Watched {
    /// # Panics
    /// If there is no folder to be had or no shell.
    pub fn new(program: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let watched = Self { folder: tempfile::tempdir().unwrap() };
        let text =
            format!("#!/bin/sh\necho $$ >> '{}'\nexec '{}' \"$@\"\n", watched.numbers().display(), program.display());
        std::fs::write(watched.shell(), text).unwrap();
        std::fs::set_permissions(watched.shell(), std::fs::Permissions::from_mode(0o755)).unwrap();
        // Whoever forked in the meantime holds the file open for a moment, and then nobody ever does again.
        let busy = || {
            let tried = std::process::Command::new(watched.shell()).arg("--version").output();
            tried.is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy)
        };
        while busy() {
            std::thread::yield_now();
        }
        watched
    }

    fn shell(&self) -> PathBuf {
        self.folder.path().join("worker")
    }

    fn numbers(&self) -> PathBuf {
        self.folder.path().join("numbers")
    }

    /// Reads a file in a worker of its own, and draws its first pages if it is a pdf.
    pub async fn read(&self, case: &Case) -> Outcomes {
        std::fs::write(self.numbers(), "").unwrap();
        let limits = WorkerLimits { workers: 1, time: TIME, memory: MEMORY };
        let reading = Reading::isolated(Limits::default(), self.shell(), limits);
        let bytes = tokio::task::spawn_blocking(case.make).await.unwrap();
        let size = bytes.len();
        let sha256 = hex::encode(sha2::Sha256::digest(&bytes));
        // As the service has it from a sender who says nothing.
        let media_type = String::new();
        let file = StoredFile { name: FileName::parse(case.name).unwrap(), media_type, bytes: size as u64, sha256 };
        let bytes = bytes::Bytes::from(bytes);
        let start = Instant::now();
        let extracts = reading.read(Source { file: file.clone(), bytes: bytes.clone() }).await;
        let ends = [End::TooSlow, End::OutOfMemory, End::Died, End::Unusable];
        let stopped = ends.into_iter().find(|end| reading.tally().of(*end) > 0);
        let drawn = if case.name.ends_with(".pdf") {
            let sheaf = Sheaf { media_type: "application/pdf".to_owned(), sha256: file.sha256, bytes };
            Some(reading.draw(&sheaf, 1..3, 800).await.map(|drawn| drawn.pages.len()))
        } else {
            None
        };
        let time = start.elapsed();
        Outcomes { bytes: size, extracts, stopped, drawn, peak: peak(&self.numbers()), time }
    }
}

/// The largest resident memory of those workers that still wait for their next file, in MiB.
fn peak(numbers: &Path) -> Option<u64> {
    let numbers = std::fs::read_to_string(numbers).ok()?;
    let of = |worker: &str| {
        let status = std::fs::read_to_string(format!("/proc/{worker}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().split(' ').next()?.parse::<u64>().ok()
    };
    numbers.lines().filter_map(of).max().map(|kib| kib.div_ceil(1_024))
}

impl Outcomes {
    /// In words: what became of the file.
    pub fn words(&self) -> String {
        if let Some(end) = self.stopped {
            return format!("STOPPED: {end:?}");
        }
        let outer = &self.extracts[0];
        let mut words = match &outer.outcome {
            Outcome::Unreadable { reason } => return format!("refused: {reason}"),
            Outcome::Read => vec!["read".to_owned()],
            Outcome::Partial => vec!["in part".to_owned()],
        };
        let mut codes: Vec<&str> = self.extracts.iter().flat_map(|f| &f.findings).map(|f| f.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        words.extend(codes.into_iter().map(str::to_owned));
        words.extend(self.cuts().take(1).map(|cut| format!("cut: {cut}")));
        words.extend(self.inside().take(1).map(|why| format!("inside: {why}")));
        words.extend(self.drawn.iter().filter_map(|drawn| drawn.as_ref().err()).map(|why| format!("not drawn: {why}")));
        words.join("; ")
    }

    fn cuts(&self) -> impl Iterator<Item = String> {
        self.extracts.iter().flat_map(|file| &file.cuts).map(|cut| format!("{}; {}", cut.what, cut.why))
    }

    fn inside(&self) -> impl Iterator<Item = &str> {
        self.extracts.iter().skip(1).filter_map(|file| match &file.outcome {
            Outcome::Unreadable { reason } => Some(reason.as_str()),
            Outcome::Read | Outcome::Partial => None,
        })
    }

    /// What is not as it must be.
    pub fn wrong(&self, case: &Case) -> Option<String> {
        let outer = &self.extracts[0];
        let as_expected = match case.expect {
            Expect::Refused(why) => matches!(&outer.outcome, Outcome::Unreadable { reason } if reason.contains(why)),
            Expect::Found(codes) => codes.iter().all(|code| {
                outer.is_readable()
                    && self.extracts.iter().flat_map(|file| &file.findings).any(|found| found.code == *code)
            }),
            Expect::Cut(words) => outer.is_readable() && self.cuts().any(|cut| cut.contains(words)),
            Expect::Inside(why) => outer.is_readable() && self.inside().any(|reason| reason.contains(why)),
            Expect::Harmless => true,
        };
        let too_much = self.peak.filter(|peak| *peak > case.memory);
        let undrawn = self.drawn.as_ref().and_then(|drawn| drawn.as_ref().err());
        let undrawn =
            undrawn.filter(|why| ["took longer", "needs more", "ends its reader"].iter().any(|how| why.contains(how)));
        if let Some(why) = undrawn.filter(|_| !case.undrawn) {
            return Some(format!("STOPPED while it was drawn: {why}"));
        }
        match (self.stopped, too_much) {
            (Some(_), _) => Some(self.words()),
            (None, Some(peak)) => Some(format!("{peak} MiB, more than {}: {}", case.memory, self.words())),
            (None, None) if !as_expected => Some(format!("not {:?} but {}", case.expect, self.words())),
            (None, None) => None,
        }
    }
}
