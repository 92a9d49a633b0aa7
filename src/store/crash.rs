//! The store is killed while it writes, and must then hold exactly what it said it holds.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::contract::{Home, Note, note, project};
use super::*;

const STORE: &str = "EMPANEL_CRASH_TEST_STORE";
const FIRST: &str = "EMPANEL_CRASH_TEST_FIRST";

/// Three records that belong together; every fifth batch has one that is kept in parts.
fn trio(number: u64) -> [Note; 3] {
    ["a", "b", "c"].map(|part| {
        let mut note = note(&format!("{number:08}/{part}"), &format!("batch {number}"), number);
        if number.is_multiple_of(5) && part == "b" {
            note.text = format!("{number} ").repeat(15_000);
        }
        note
    })
}

/// Not a test of its own: the process that is killed. It commits batches from eight tasks and writes a line
/// for each one that was acknowledged, until it is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the crash test as a process of its own"]
async fn the_process_that_is_killed() {
    let Ok(url) = std::env::var(STORE) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let p = store.project(&project("p"));
            tokio::spawn(async move {
                for number in (first + task..first + 100_000).step_by(8) {
                    let batch = trio(number).iter().fold(p.batch(), |batch, note| batch.insert(note));
                    p.commit(batch).await.unwrap();
                    writeln!(std::io::stdout().lock(), "\nack {number}.").unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Runs the child until it has acknowledged `acks` batches and kills it (SIGKILL); every batch that it
/// acknowledged, also those between the decision and the kill.
fn kill_after(acks: usize, url: &str, first: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::crash::the_process_that_is_killed", "--ignored", "--nocapture"])
        .env(STORE, url)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The full stop tells a whole line from one that the kill has cut short.
        let line = line.unwrap();
        let number = line.strip_prefix("ack ").and_then(|rest| rest.strip_suffix('.'));
        let Some(number) = number.map(|number| number.parse().unwrap()) else { continue };
        acknowledged.push(number);
        if acknowledged.len() == acks {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= acks, "the child ended by itself after {} batches", acknowledged.len());
    acknowledged
}

#[tokio::test]
async fn after_kill_9_every_acknowledged_batch_is_there_and_no_batch_is_there_in_part() {
    every_acknowledged_batch_is_there(&Home::sled()).await;
}

#[tokio::test]
async fn after_kill_9_of_a_client_of_postgres_every_acknowledged_batch_is_there_and_none_in_part() {
    every_acknowledged_batch_is_there(&Home::postgres()).await;
}

async fn every_acknowledged_batch_is_there(home: &Home) {
    let mut acknowledged = Vec::new();
    for (round, acks) in [1, 3, 20, 77, 200, 400].into_iter().enumerate() {
        let (url, first) = (home.url(), round as u64 * 1_000_000);
        acknowledged.extend(tokio::task::spawn_blocking(move || kill_after(acks, &url, first)).await.unwrap());
        home.wait_until_nobody_is_there();

        let store = home.open().await;
        let p = store.project(&project("p"));
        for number in &acknowledged {
            for expected in trio(*number) {
                let kept = p.get::<Note>(&expected.id).await.unwrap();
                assert_eq!(kept.map(|kept| kept.record), Some(expected), "round {round}");
            }
        }
        let all = p.all::<Note>(Query::default()).await.unwrap();
        assert_eq!(all.len() % 3, 0);
        for whole in all.chunks(3) {
            assert_eq!(whole, trio(whole[0].number), "round {round}");
        }
        for three in all.chunks(3).take(50) {
            let linked = p.all::<Note>(Query::link("tag", three[0].tag.clone().unwrap())).await.unwrap();
            assert_eq!(linked, three);
        }
        store.close().await.unwrap();
    }
}
