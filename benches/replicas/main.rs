//! Equal replicas over one PostgreSQL, as processes: `cargo bench --bench replicas --features fake`.
//!
//! - **storm**: two replicas and 5,000 gradings; every 10 s one is killed and started again, once one is stopped (SIGSTOP)
//!   for 30 s, once PostgreSQL is crashed and restarted, once the network to it is cut for 20 s. Told: what was lost, what
//!   is there twice, how many calls were paid twice beside how many were in flight at the faults, and for how long the dead
//!   held what they had.
//! - **scale**: one, two and four replicas at 200 ms a call; calls per second, and what a call costs in CPU.
//!
//! `EMPANEL_PARTS=scale` does one of them, `EMPANEL_GRADINGS=500` a shorter storm. `docs/replicas.md` has what it printed.

#![allow(clippy::print_stdout, clippy::unwrap_used, dead_code, reason = "a program that prints and may stop")]

#[path = "../../tests/all/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use empanel::judge::fake::{Action, FakeOpenAi};
use empanel::store::postgres::server::{Database, Server};
use futures_util::{StreamExt, stream};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Home, NO_REVIEWS, Service, judge, panel, statements};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, watch};

const CRITERIA: usize = 2;
const LEASE_S: u64 = 5;
const LATENCY: Duration = Duration::from_millis(200);

fn main() {
    // A second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let parts = std::env::var("EMPANEL_PARTS").unwrap_or_else(|_| "scale,storm".to_owned());
    println!("profile: {}", if cfg!(debug_assertions) { "dev (debug)" } else { "release" });
    for part in parts.split(',') {
        match part {
            "scale" => runtime.block_on(scale()),
            "storm" => runtime.block_on(storm()),
            other => println!("there is no part {other:?}; there are scale and storm"),
        }
    }
}

fn home(url: &str, server: &FakeOpenAi, in_flight: usize, running: usize) -> Home {
    let home = Home::new(&format!(
        "[grading]\nmax_running = {running}\n{}{}[replicas]\nlease_s = {LEASE_S}\nbeat_s = 1\n",
        judge("anna", server, &format!("max_concurrency = {in_flight}")),
        panel(&["anna"], NO_REVIEWS)
    ));
    let sled = format!("sled:{}", home.path("data").display());
    let text = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), text.replace(&sled, url)).unwrap();
    home
}

/// A way to the database that can be cut: nothing comes through and nobody is told so.
struct Cable {
    folder: tempfile::TempDir,
    cut: watch::Sender<bool>,
}

impl Cable {
    fn to(server: &Server) -> Self {
        let folder = tempfile::Builder::new().prefix("cable").tempdir().unwrap();
        let name = ".s.PGSQL.5432";
        let (cut, is_cut) = watch::channel(false);
        let (listener, other) = (UnixListener::bind(folder.path().join(name)).unwrap(), server.folder().join(name));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, other.clone(), is_cut.clone()));
            }
        });
        Self { folder, cut }
    }

    fn url(&self, database: &Database) -> String {
        let url = database.url();
        let name = url.rsplit('/').next().unwrap();
        format!("postgres://postgres@{}/{name}", self.folder.path().display().to_string().replace('/', "%2F"))
    }
}

async fn carry(mut near: UnixStream, other: PathBuf, mut is_cut: watch::Receiver<bool>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let _ = is_cut.wait_for(|cut| !cut).await;
    let Ok(mut far) = UnixStream::connect(&other).await else { return };
    let (mut up, mut down) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let (read, is_up) = tokio::select! {
            read = near.read(&mut up) => (read, true),
            read = far.read(&mut down) => (read, false),
        };
        let Ok(bytes @ 1..) = read else { return };
        // What was on its way waits as long as the cut lasts.
        if is_cut.wait_for(|cut| !cut).await.is_err() {
            return;
        }
        let sent = if is_up { far.write_all(&up[..bytes]).await } else { near.write_all(&down[..bytes]).await };
        if sent.is_err() {
            return;
        }
    }
}

/// Somebody who posts, tries again elsewhere when nobody answers, and never posts anything twice.
struct Poster {
    http: reqwest::Client,
    urls: watch::Receiver<Vec<String>>,
    refused: AtomicU64,
}

impl Poster {
    async fn post(&self, path: &str, key: &str, body: &Value) -> Value {
        for attempt in 0.. {
            let urls = self.urls.borrow().clone();
            if let Some(url) = urls.get(attempt % urls.len().max(1)) {
                let request = self.http.post(format!("{url}{path}")).header("idempotency-key", key).json(body);
                if let Ok(answer) = request.send().await {
                    let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
                    if status.is_success() {
                        return serde_json::from_str(&text).unwrap();
                    }
                    assert!(status.is_server_error() || status == 409, "{status}: {text}");
                }
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        unreachable!("it is tried until it is taken")
    }

    async fn get(&self, path: &str) -> Value {
        for attempt in 0.. {
            let urls = self.urls.borrow().clone();
            if let Some(url) = urls.get(attempt % urls.len().max(1))
                && let Ok(answer) = self.http.get(format!("{url}{path}")).send().await
                && answer.status().is_success()
                && let Ok(value) = answer.json().await
            {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        unreachable!("it is tried until it is told")
    }

    async fn graded(&self, rubric: &str, n: usize) -> String {
        let work = json!({"system": "s", "text": format!("Report {n} of some length.")});
        let submission = self.post("/v1/submissions", &format!("submission-{n}"), &work).await;
        let asked = json!({"submission_id": submission["id"], "rubric_id": rubric});
        let grading = self.post("/v1/gradings", &format!("grading-{n}"), &asked).await;
        grading["id"].as_str().unwrap().to_owned()
    }
}

struct Running {
    service: Service,
    /// Its record's.
    id: String,
}

fn replica_ids(database: &Database) -> BTreeSet<String> {
    // Before the first of them there is not even the table.
    let url = database.url();
    let name = url.rsplit('/').next().unwrap();
    let told = database.server().psql(name, "SELECT id FROM empanel_records WHERE kind = 'replica'");
    told.unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The id of the replica that was not there before.
async fn start(home: &Home, database: &Database) -> Running {
    let before = replica_ids(database);
    let service = Service::start(home).await;
    loop {
        if let Some(id) = replica_ids(database).difference(&before).next() {
            return Running { service, id: id.clone() };
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn signal(service: &Service, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(service.id()).unwrap()).unwrap(), signal).unwrap();
}

async fn storm() {
    let gradings: usize = std::env::var("EMPANEL_GRADINGS").ok().and_then(|text| text.parse().ok()).unwrap_or(5_000);
    let in_flight_most = 24;
    println!(
        "storm: {gradings} gradings of {CRITERIA} criteria, {} ms a call, {in_flight_most} in flight at most",
        LATENCY.as_millis()
    );
    let postgres = Server::own();
    let database = postgres.database();
    let cable = Cable::to(&postgres);
    let server = FakeOpenAi::start_with(|_| Action::answer("MET"), LATENCY, 0).await;
    let home = home(&cable.url(&database), &server, in_flight_most, 64);
    let mut replicas = vec![start(&home, &database).await, start(&home, &database).await];
    let urls = |replicas: &[Running]| replicas.iter().map(|one| one.service.url.clone()).collect::<Vec<_>>();
    let (tell, told) = watch::channel(urls(&replicas));
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let poster = Arc::new(Poster { http, urls: told, refused: AtomicU64::new(0) });
    let rubric = poster.post("/v1/rubrics", "rubric", &statements(CRITERIA)).await["id"].as_str().unwrap().to_owned();

    let begun = Instant::now();
    let posted = {
        let (poster, rubric) = (poster.clone(), rubric.clone());
        tokio::spawn(async move {
            let one = |n: usize| {
                let (poster, rubric) = (poster.clone(), rubric.clone());
                async move { poster.graded(&rubric, n).await }
            };
            stream::iter(0..gradings).map(one).buffer_unordered(8).collect::<Vec<String>>().await
        })
    };
    let dead: Arc<Mutex<Dead>> = Arc::default();
    let watcher = {
        let (dead, folder, name) = (dead.clone(), postgres.folder().to_owned(), database.url());
        tokio::spawn(watch_leases(dead, folder, name.rsplit('/').next().unwrap().to_owned()))
    };
    let mut faults = Vec::new();
    let (mut kills, mut stopped, mut crashed, mut cut) = (0_u32, false, false, false);
    let mut next_kill = Duration::from_secs(10);
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let at = begun.elapsed();
        let done =
            database_try(&postgres, &database, "SELECT count(*) FROM empanel_gradings WHERE status = 'completed'");
        if posted.is_finished() && done.is_some_and(|done| done as usize >= gradings) {
            break;
        }
        if at >= next_kill {
            let victim = kills as usize % 2;
            let old = replicas.remove(victim);
            faults.push(in_flight_most / 2);
            dead.lock().await.died(&old.id);
            old.service.kill9();
            tell.send_replace(urls(&replicas));
            replicas.insert(victim, start(&home, &database).await);
            tell.send_replace(urls(&replicas));
            kills += 1;
            next_kill += Duration::from_secs(10);
        } else if !stopped && at > Duration::from_secs(23) {
            stopped = true;
            println!("{:>6.1} s: one is stopped for 30 s", at.as_secs_f64());
            faults.push(in_flight_most / 2);
            // Not one that is killed meanwhile: the others are.
            let sleeper = start(&home, &database).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            signal(&sleeper.service, Signal::STOP);
            dead.lock().await.died(&sleeper.id);
            let dead = dead.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(30)).await;
                dead.lock().await.lives_again(&sleeper.id);
                signal(&sleeper.service, Signal::CONT);
                // It lives on and works; it ends with the bench.
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                drop(sleeper);
            });
        } else if !crashed && at > Duration::from_secs(65) {
            crashed = true;
            println!("{:>6.1} s: PostgreSQL is crashed and restarted", at.as_secs_f64());
            faults.push(in_flight_most);
            let from = Instant::now();
            tokio::task::block_in_place(|| database.server().crash_and_restart());
            dead.lock().await.outages.push((from, Some(Instant::now())));
        } else if !cut && at > Duration::from_secs(85) {
            cut = true;
            println!("{:>6.1} s: the network to PostgreSQL is cut for 20 s", at.as_secs_f64());
            faults.push(in_flight_most);
            dead.lock().await.outages.push((Instant::now(), None));
            cable.cut.send_replace(true);
            tokio::time::sleep(Duration::from_secs(20)).await;
            cable.cut.send_replace(false);
            dead.lock().await.outages.last_mut().unwrap().1 = Some(Instant::now());
            next_kill = begun.elapsed() + Duration::from_secs(10);
        }
    }
    let took = begun.elapsed();
    let ids = posted.await.unwrap();
    watcher.abort();
    let (mut lost, mut doubled, mut votes) = (0, 0, 0);
    let poster = &poster;
    let read = ids.iter().map(|id| async move {
        let grading = poster.get(&format!("/v1/gradings/{id}")).await;
        (grading, poster.get(&format!("/v1/gradings/{id}/votes?limit=1000")).await)
    });
    let all: Vec<(Value, Value)> = stream::iter(read).buffered(32).collect().await;
    for (grading, told) in &all {
        let answers = told["items"].as_array().unwrap();
        let of: BTreeSet<&str> = answers.iter().filter_map(|vote| vote["criterion_id"].as_str()).collect();
        lost += usize::from(grading["status"] != "completed" || of.len() != CRITERIA);
        doubled += answers.len() - of.len();
        votes += answers.len();
    }
    let distinct = ids.iter().collect::<BTreeSet<_>>().len();
    let (asked, planned) = (server.count(), (gradings * CRITERIA) as u64);
    let longest = dead.lock().await.longest();
    println!(
        "{:.0} s, {kills} kills, stopped {stopped}, crashed {crashed}, cut {cut}; {} requests were tried again",
        took.as_secs_f64(),
        poster.refused.load(Ordering::Relaxed)
    );
    println!("gradings: {} posted, {distinct} distinct, {lost} lost; votes: {votes}, {doubled} twice", ids.len());
    println!(
        "calls: {asked} for {planned} questions: {} paid twice, {} may have been in flight at {} faults",
        asked.saturating_sub(planned),
        faults.iter().sum::<usize>(),
        faults.len()
    );
    println!(
        "the dead held a lease for {:.1} s at most, while the database could be reached; a lease and 5 s are {} s",
        longest.as_secs_f64(),
        LEASE_S + 5
    );
}

/// A number that the database tells, if it does.
fn database_try(server: &Server, database: &Database, statement: &str) -> Option<u64> {
    let url = database.url();
    server.psql(url.rsplit('/').next()?, statement).ok()?.trim().parse().ok()
}

/// Who is dead, since when, and for how long they still had something while the replicas could reach the database: when
/// they cannot, nobody can take over anything.
#[derive(Default)]
struct Dead {
    held: BTreeMap<String, (Instant, Duration)>,
    /// Of those who live again: the longest.
    over: Duration,
    /// From and to; no end while it lasts.
    outages: Vec<(Instant, Option<Instant>)>,
}

impl Dead {
    fn died(&mut self, replica: &str) {
        self.held.insert(replica.to_owned(), (Instant::now(), Duration::ZERO));
    }

    fn lives_again(&mut self, replica: &str) {
        let held = self.held.remove(replica).map(|(_, held)| held);
        self.over = self.over.max(held.unwrap_or_default());
    }

    fn longest(&self) -> Duration {
        self.held.values().map(|(_, held)| *held).max().unwrap_or_default().max(self.over)
    }

    fn still_hold(&mut self, holders: &BTreeSet<String>) {
        let now = Instant::now();
        for (_, (since, held)) in self.held.iter_mut().filter(|(replica, _)| holders.contains(*replica)) {
            let out =
                self.outages.iter().map(|(from, to)| to.unwrap_or(now).saturating_duration_since((*from).max(*since)));
            *held = (*held).max((now - *since).saturating_sub(out.sum::<Duration>()));
        }
    }
}

async fn watch_leases(dead: Arc<Mutex<Dead>>, folder: PathBuf, database: String) {
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let (folder, database) = (folder.clone(), database.clone());
        let holders = tokio::task::spawn_blocking(move || holders(&folder, &database)).await.unwrap();
        let Some(holders) = holders else { continue };
        dead.lock().await.still_hold(&holders);
    }
}

/// Replicas that hold something; `None` while the database does not answer.
fn holders(folder: &Path, database: &str) -> Option<BTreeSet<String>> {
    // A lease on work that is finished holds nobody up; it goes when the dead replica is cleared away.
    let statement = "SELECT DISTINCT l.record ->> 'replica' FROM empanel_records l WHERE l.kind = 'lease' AND NOT EXISTS \
                     (SELECT 1 FROM empanel_gradings g WHERE 'grading/' || g.id = l.record ->> 'of' AND g.status = 'completed')";
    let mut command = std::process::Command::new("psql");
    command.args(["-XAtq", "-U", "postgres", "-h"]).arg(folder).args(["-d", database, "-c", statement]);
    let said = command.output().ok().filter(|said| said.status.success())?;
    Some(String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect())
}

/// CPU seconds of a process and of everything that it started and that has ended.
fn cpu(process: u32) -> f64 {
    ticks(process, &[11, 12, 13, 14])
}

/// CPU seconds of a process alone.
fn own_cpu(process: u32) -> f64 {
    ticks(process, &[11, 12])
}

/// Fields of `/proc/PROCESS/stat` behind the name, in seconds.
fn ticks(process: u32, of: &[usize]) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let seconds = |at: &usize| fields.get(*at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    of.iter().map(seconds).sum()
}

/// CPU seconds of all processes whose name starts so.
fn cpu_of(name: &str) -> f64 {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let named = |id: &u32| std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|comm| comm.starts_with(name));
    ids.filter(named).map(own_cpu).sum()
}

const SCALED: usize = 20;
const OF_ONE: usize = 2;

/// Each replica works on so many gradings at a time, whatever judges allow.
async fn scale() {
    println!("scale: {SCALED} criteria, {OF_ONE} gradings at a time per replica, {} ms a call", LATENCY.as_millis());
    println!(
        "| replicas | calls/s | of one | CPU of the replicas: ms a call | of PostgreSQL | of judges and bench | cores in use |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut first = None;
    for count in [1_usize, 2, 4] {
        let postgres = Server::own();
        let database = postgres.database();
        let server = FakeOpenAi::start_with(|_| Action::answer("MET"), LATENCY, 0).await;
        let home = home(&database.url(), &server, 4_096, OF_ONE);
        let mut replicas = Vec::new();
        for _ in 0..count {
            replicas.push(Service::start(&home).await);
        }
        let urls: Vec<String> = replicas.iter().map(|one| one.url.clone()).collect();
        let (_tell, told) = watch::channel(urls);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let poster = Poster { http, urls: told, refused: AtomicU64::new(0) };
        let rubric = poster.post("/v1/rubrics", "r", &statements(SCALED)).await["id"].as_str().unwrap().to_owned();
        let next = AtomicUsize::new(0);
        // More than is done in the time: nobody runs dry.
        let gradings = 250 * count;
        let all = stream::iter(0..gradings).map(|_| poster.graded(&rubric, next.fetch_add(1, Ordering::Relaxed)));
        all.buffer_unordered(8).count().await;
        // In full swing.
        let (calls, at) = (server.count(), Instant::now());
        let before: f64 = replicas.iter().map(|one| cpu(one.id())).sum();
        let (postgres_before, own_before) = (cpu_of("postgres"), own_cpu(std::process::id()));
        tokio::time::sleep(Duration::from_secs(15)).await;
        let (calls, took) = ((server.count() - calls) as f64, at.elapsed().as_secs_f64());
        let used = replicas.iter().map(|one| cpu(one.id())).sum::<f64>() - before;
        let (of_postgres, own) = (cpu_of("postgres") - postgres_before, own_cpu(std::process::id()) - own_before);
        let left = database_try(&postgres, &database, "SELECT count(*) FROM empanel_gradings WHERE status = 'queued'");
        assert!(left.is_some_and(|left| left > 0), "it ran dry; post more");
        let rate = calls / took;
        let of_one = rate / *first.get_or_insert(rate);
        println!(
            "| {count} | {rate:.0} | {of_one:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            used / calls * 1e3,
            of_postgres / calls * 1e3,
            own / calls * 1e3,
            (used + of_postgres + own) / took
        );
    }
}
