//! Worker processes, each reading one file at a time. They start when there is work, stay for the next file, and leave
//! when there is none. A worker that takes too long or dies is gone with its file, and says why.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

use super::tally::End;
use super::wire::{self, Reply, Request};

/// Files after which a worker makes room for a fresh one, so that nothing piles up in it.
const RETIRES_AFTER: u32 = 1_000;
/// How long a worker waits for its next file.
const IDLE: Duration = Duration::from_secs(20);

/// How workers are started and how far they may go.
#[derive(Debug, Clone)]
pub struct WorkerLimits {
    /// Processes at the same time.
    pub workers: usize,
    /// For one file.
    pub time: Duration,
    /// Bytes of address space of one worker (Linux).
    pub memory: u64,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        Self { workers, time: Duration::from_secs(60), memory: 2 << 30 }
    }
}

/// The workers of one service.
#[derive(Debug)]
pub(super) struct Pool {
    /// The program itself, and what makes it a worker.
    program: PathBuf,
    arguments: Vec<String>,
    limits: WorkerLimits,
    places: Semaphore,
    idle: Arc<Mutex<Vec<Worker>>>,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    served: u32,
    idle_since: Instant,
    /// What it says on its way out.
    heard: tokio::task::JoinHandle<String>,
}

/// How a worker failed its file.
#[derive(Debug)]
pub(super) enum Fate {
    /// No answer in time.
    TooSlow(Duration),
    /// It ended: how, and what it said last.
    Died { how: String, memory: bool },
    /// None could be started, or its answer made no sense.
    Unusable(String),
}

impl Fate {
    pub const fn end(&self) -> End {
        match self {
            Self::TooSlow(_) => End::TooSlow,
            Self::Died { memory: true, .. } => End::OutOfMemory,
            Self::Died { .. } => End::Died,
            Self::Unusable(_) => End::Unusable,
        }
    }

    /// For the manifest: what happened, and the way out.
    pub fn reason(&self, limits: &WorkerLimits) -> String {
        match self {
            Self::TooSlow(time) => {
                format!("reading it took longer than {} s and was stopped; save it again or as pdf", time.as_secs())
            }
            Self::Died { memory: true, .. } => {
                let most = limits.memory >> 20;
                format!("reading it needs more than {most} MiB of memory and was stopped; send a smaller file")
            }
            Self::Died { how, .. } => {
                format!("it is damaged in a way that ends its reader ({how}); save it again or as pdf")
            }
            Self::Unusable(reason) => format!("no reader could be started ({reason}); grade it again"),
        }
    }
}

impl Pool {
    pub fn new(program: PathBuf, limits: WorkerLimits) -> Self {
        let arguments = vec!["reader".to_owned(), "--memory".to_owned(), limits.memory.to_string()];
        Self { program, arguments, places: Semaphore::new(limits.workers.max(1)), limits, idle: Arc::default() }
    }

    pub fn limits(&self) -> &WorkerLimits {
        &self.limits
    }

    /// Hands a request to a worker. A caller that goes away takes the worker with it.
    pub async fn ask(&self, request: &Request) -> Result<Reply, Fate> {
        let request = wire::frame(request).map_err(|error| Fate::Unusable(error.to_string()))?;
        // The semaphore is never closed.
        let _place = self.places.acquire().await.ok();
        // One that waited may have been killed from outside meanwhile: then the next one, at last a fresh one.
        let mut worker = loop {
            let waiting = self.lock().pop();
            let fresh = waiting.is_none();
            let mut worker = match waiting {
                Some(worker) => worker,
                None => self.start().map_err(|error| Fate::Unusable(error.to_string()))?,
            };
            match worker.child.try_wait() {
                Ok(None) => break worker,
                _ if fresh => return Err(self.fate_of(worker).await),
                _ => {}
            }
        };
        match tokio::time::timeout(self.limits.time, worker.exchange(&request)).await {
            Ok(Ok(reply)) => {
                worker.served += 1;
                worker.idle_since = Instant::now();
                if worker.served < RETIRES_AFTER {
                    self.lock().push(worker);
                    self.send_home_later();
                }
                Ok(reply)
            }
            Ok(Err(_)) => Err(self.fate_of(worker).await),
            // Dropped, and so killed.
            Err(_) => Err(Fate::TooSlow(self.limits.time)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> io::Result<Worker> {
        let mut command = Command::new(&self.program);
        // No key of the service may be where a parser is.
        command.args(&self.arguments).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let gone = || io::Error::other("a worker without standard streams");
        let (to, from) = (child.stdin.take().ok_or_else(gone)?, child.stdout.take().ok_or_else(gone)?);
        let stderr = child.stderr.take();
        let heard = tokio::spawn(async move {
            let mut last = String::new();
            let Some(stderr) = stderr else { return last };
            let mut lines = BufReader::new(stderr.take(1 << 20)).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                tracing::debug!(line, "a reader says");
                if last.len() < 2_000 {
                    last.push_str(&line);
                    last.push(' ');
                }
            }
            last
        });
        Ok(Worker { child, to, from, served: 0, idle_since: Instant::now(), heard })
    }

    /// Why a worker does not answer any more.
    async fn fate_of(&self, mut worker: Worker) -> Fate {
        let ended = tokio::time::timeout(Duration::from_secs(5), worker.child.wait()).await;
        let Ok(Ok(status)) = ended else {
            return Fate::Unusable("its answer could not be read".to_owned());
        };
        let words = tokio::time::timeout(Duration::from_secs(1), &mut worker.heard).await;
        let words = words.ok().and_then(Result::ok).unwrap_or_default();
        let memory = words.contains("memory allocation of") || words.contains("Cannot allocate memory");
        tracing::warn!(%status, words, "a reader ended with its file");
        Fate::Died { how: status.to_string(), memory }
    }

    /// Ends workers that nobody needed for a while.
    fn send_home_later(&self) {
        let idle = Arc::clone(&self.idle);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE + Duration::from_secs(1)).await;
            idle.lock().unwrap_or_else(PoisonError::into_inner).retain(|worker| worker.idle_since.elapsed() < IDLE);
        });
    }
}

impl Worker {
    async fn exchange(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.to.write_all(request).await?;
        self.to.flush().await?;
        let mut head = [0; 4];
        self.from.read_exact(&mut head).await?;
        let mut frame = vec![0; wire::length(head)?];
        self.from.read_exact(&mut frame).await?;
        wire::value(&frame)
    }
}
