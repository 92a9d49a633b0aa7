//! What a service does whose address everybody has: `cargo bench --bench exposed --features fake`.
//!
//! - **clients**: 1,000 of them read and post at the same time for 60 s, each with a key; errors are counted.
//! - **idle**: 10,000 connections that say nothing; the time of a request beside them.
//! - **slow**: 1,000 clients that send a header or a body byte by byte; the median time of the others before and beside.
//! - **large**: a body of 2 GB, announced and not announced; what is answered, and how much the service grew.
//!
//! `EMPANEL_PARTS=slow` does one of them, `EMPANEL_SECONDS=10` a shorter first.

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code, reason = "a program that prints and may stop")]

#[path = "../../tests/all/support.rs"]
mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Home, Service, key, statements};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CLIENTS: usize = 1_000;
const IDLE: usize = 10_000;
const SLOW: usize = 1_000;
const LARGE: u64 = 2 << 30;

fn main() {
    // A second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("profile: {}", if cfg!(debug_assertions) { "dev (debug)" } else { "release" });
    let parts = std::env::var("EMPANEL_PARTS").unwrap_or_else(|_| "clients,idle,slow,large".to_owned());
    for part in parts.split(',') {
        match part {
            "clients" => runtime.block_on(clients()),
            "idle" => runtime.block_on(idle()),
            "slow" => runtime.block_on(slow()),
            "large" => runtime.block_on(large()),
            other => println!("there is no part {other:?}; there are clients, idle, slow and large"),
        }
    }
}

/// As many as this process may have.
fn open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

struct World {
    _home: Home,
    service: Service,
    key: String,
}

async fn world() -> World {
    let home = Home::new("");
    let key = key(&home, "admin", "p", "ann").await;
    let service = Service::start(&home).await;
    World { _home: home, service, key }
}

impl World {
    fn address(&self) -> String {
        self.service.url.strip_prefix("http://").unwrap().to_owned()
    }

    /// Resident memory now, in bytes, and the most it was.
    fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.service.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
        };
        (of("VmRSS"), of("VmHWM"))
    }

    /// Times of requests one after the other, in milliseconds, sorted.
    async fn times(&self, count: usize) -> Vec<f64> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            let request = http.get(format!("{}/v1/tasks?limit=10", self.service.url)).bearer_auth(&self.key);
            let answer = request.timeout(Duration::from_secs(30)).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        times
    }
}

fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

async fn clients() {
    let seconds: u64 = std::env::var("EMPANEL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let world = world().await;
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(CLIENTS).build().unwrap();
    let rubric = world.service.client().with_key(&world.key).rubric(&statements(2)).await;
    let until = Instant::now() + Duration::from_secs(seconds);
    let (reads, posts, errors) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let one = async |client: usize| {
        let mut times = Vec::new();
        let mut round = 0;
        while Instant::now() < until {
            let is_post = round % 10 == 0;
            let url = |path: &str| format!("{}{path}", world.service.url);
            let request = if is_post {
                let work = json!({"system": format!("s{client}"), "text": format!("Work {round} of {client}.")});
                http.post(url("/v1/submissions")).json(&work)
            } else if round % 2 == 0 {
                http.get(url(&format!("/v1/rubrics/{rubric}")))
            } else {
                http.get(url("/v1/submissions?limit=5"))
            };
            let began = Instant::now();
            let sent = request.bearer_auth(&world.key).timeout(Duration::from_secs(60)).send().await;
            let ok = match sent {
                Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
                Err(_) => false,
            };
            times.push(began.elapsed().as_secs_f64() * 1e3);
            let counted = if ok && is_post {
                &posts
            } else if ok {
                &reads
            } else {
                &errors
            };
            counted.fetch_add(1, Ordering::Relaxed);
            round += 1;
        }
        times
    };
    let all = futures_util::future::join_all((0..CLIENTS).map(one)).await;
    let mut times: Vec<f64> = all.into_iter().flatten().collect();
    times.sort_by(f64::total_cmp);
    let (reads, posts, errors) = (reads.into_inner(), posts.into_inner(), errors.into_inner());
    println!(
        "clients: {CLIENTS} for {seconds} s: {reads} reads, {posts} posts, {errors} errors; {:.0} a second; \
         median {:.0} ms, p99 {:.0} ms; the service took {} MB at most",
        (reads + posts) as f64 / seconds as f64,
        at(&times, 0.5),
        at(&times, 0.99),
        world.memory().1 >> 20
    );
}

async fn idle() {
    let world = world().await;
    let before = world.times(200).await;
    let empty = world.memory().0;
    let mut open = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        open.push(TcpStream::connect(world.address()).await.unwrap());
    }
    let beside = world.times(200).await;
    println!(
        "idle: {} connections open; a request takes {:.1} ms beside them (median; {:.1} before); {} MB more memory",
        open.len(),
        at(&beside, 0.5),
        at(&before, 0.5),
        world.memory().0.saturating_sub(empty) >> 20
    );
}

async fn slow() {
    let world = world().await;
    let before = world.times(300).await;
    let mut tasks = Vec::new();
    for n in 0..SLOW {
        let (address, key) = (world.address(), world.key.clone());
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            let head = format!(
                "POST /v1/submissions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ncontent-length: 100000\r\n\r\n"
            );
            // Half of them never end their headers, half send their body byte by byte.
            let (at_once, rest) = if n % 2 == 0 { head.split_at(20) } else { (head.as_str(), "") };
            stream.write_all(at_once.as_bytes()).await.unwrap();
            let slowly = rest.bytes().chain(std::iter::repeat(b' '));
            for byte in slowly {
                tokio::time::sleep(Duration::from_millis(500)).await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let beside = world.times(300).await;
    let gone = tasks.iter().filter(|task| task.is_finished()).count();
    println!(
        "slow: {SLOW} clients send two bytes a second; a request takes {:.2} ms beside them (median; {:.2} before); {gone} of \
         them were given up by then",
        at(&beside, 0.5),
        at(&before, 0.5)
    );
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn large() {
    let world = world().await;
    // Everything that is made at the first request is there.
    world.times(50).await;
    for (what, length) in
        [("announced", format!("content-length: {LARGE}")), ("not announced", "transfer-encoding: chunked".to_owned())]
    {
        let (empty, _) = world.memory();
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        let head = format!(
            "POST /v1/submissions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{length}\r\n\r\n",
            world.address(),
            world.key
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let chunked = length.starts_with("transfer");
        let sender = tokio::spawn(async move {
            let piece = vec![b' '; 1 << 16];
            let mut sent = 0_u64;
            while sent < LARGE {
                let framed = if chunked { [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat() } else { piece.clone() };
                if write.write_all(&framed).await.is_err() {
                    break;
                }
                sent += piece.len() as u64;
            }
            sent
        });
        let mut answer = vec![0; 4_096];
        let told = tokio::time::timeout(Duration::from_secs(120), read.read(&mut answer)).await.unwrap().unwrap();
        let status = String::from_utf8_lossy(&answer[..told]).lines().next().unwrap_or_default().to_owned();
        drop(read);
        let sent = tokio::time::timeout(Duration::from_secs(120), sender).await.unwrap().unwrap();
        let (_, most) = world.memory();
        println!(
            "large: 2 GB {what}: {status} after {} MB were sent; the service grew by {:.1} MB at most",
            sent >> 20,
            most.saturating_sub(empty) as f64 / f64::from(1 << 20)
        );
    }
}
