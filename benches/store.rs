//! How many commits and reads a second each store serves: `cargo bench --bench store`, or with `--profile dev` as it is
//! built while working on it. A commit is one record of about 1 KB with one link, durable when it is counted.
//!
//! PostgreSQL is a server of the bench's own on the same machine, over its socket, with `fsync` on.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints and may stop")]

use std::time::{Duration, Instant};

use empanel::domain::ProjectId;
use empanel::store::postgres::server::Server;
use empanel::store::{Link, ProjectStore, Record, Store, StoreOptions};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    id: String,
    text: String,
}

impl Record for Entry {
    const KIND: &'static str = "entry";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.clone()
    }
    fn links(&self) -> Vec<Link> {
        vec![("group", self.id.chars().take(3).collect())]
    }
}

const SPAN: Duration = Duration::from_secs(3);

fn entry(client: usize, number: usize) -> Entry {
    Entry { id: format!("{client:03}/{number:08}"), text: "x".repeat(1_000) }
}

/// Runs one client until the span is over; how often it came round.
async fn write(p: ProjectStore, client: usize, until: Instant) -> usize {
    let mut done = 0;
    while Instant::now() < until {
        p.commit(p.batch().insert(&entry(client, done))).await.unwrap();
        done += 1;
    }
    done
}

async fn read(p: ProjectStore, client: usize, until: Instant) -> usize {
    let mut done = 0;
    while Instant::now() < until {
        let key = entry(client % 8, done * 7 % 50).id;
        assert!(p.get::<Entry>(&key).await.unwrap().is_some(), "{key}");
        done += 1;
    }
    done
}

#[tokio::main]
async fn main() {
    let profile = if cfg!(debug_assertions) { "dev (debug)" } else { "release" };
    println!("profile: {profile}");
    let folder = tempfile::tempdir().unwrap();
    println!("sled");
    measure(&format!("sled:{}", folder.path().display())).await;
    println!("PostgreSQL");
    let database = Server::own().database();
    measure(&database.url()).await;
}

async fn measure(url: &str) {
    let store = Store::open(url, StoreOptions::default()).await.unwrap();
    for clients in [1, 64, 256] {
        let p = store.project(&ProjectId::parse(format!("writes-{clients}")).unwrap());
        let until = Instant::now() + SPAN;
        let tasks: Vec<_> = (0..clients).map(|client| tokio::spawn(write(p.clone(), client, until))).collect();
        println!("{:>8.0} durable writes/s by {clients} clients", rate(tasks).await);
    }
    let p = store.project(&ProjectId::parse("reads").unwrap());
    let batch = (0..8).flat_map(|c| (0..50).map(move |n| entry(c, n))).fold(p.batch(), |batch, e| batch.insert(&e));
    p.commit(batch).await.unwrap();
    for clients in [1, 64] {
        let until = Instant::now() + SPAN;
        let tasks: Vec<_> = (0..clients).map(|client| tokio::spawn(read(p.clone(), client, until))).collect();
        println!("{:>8.0} reads/s by {clients} clients", rate(tasks).await);
    }
    store.close().await.unwrap();
}

async fn rate(tasks: Vec<tokio::task::JoinHandle<usize>>) -> f64 {
    let started = Instant::now();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    done as f64 / started.elapsed().as_secs_f64()
}
