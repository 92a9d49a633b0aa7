//! Whoever changes the log is found out.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::domain::{Clock, FixedClock, ProjectId};
use crate::store::{Backend, MemoryBackend, RawBatch, Scan, Store};

struct Log {
    backend: Arc<MemoryBackend>,
    project: ProjectStore,
}

impl Log {
    async fn with(entries: usize) -> Self {
        let backend = Arc::new(MemoryBackend::default());
        let project = Store::over(backend.clone()).project(&ProjectId::parse("p").unwrap());
        let clock = FixedClock::at("2026-03-01T10:00:00.25Z");
        for n in 0..entries {
            let ann = Author::parse("ann \"the\\ lead\"").unwrap();
            let act = Act::new(&ann, Action::ReviewAnswered, format!("review/{n}"))
                .with(json!({ "value": "met", "reason": "Zeile 2: ä / \n x", "n": 0.1 + 0.2 }));
            record(&project, clock.now(), [act]).await.unwrap();
        }
        Self { backend, project }
    }

    /// Everything that is stored of the log: key and bytes.
    async fn raw(&self) -> Vec<(String, Bytes)> {
        let scan = Scan { prefix: String::new(), after: None, limit: 10_000, backwards: false };
        let all = self.backend.scan(scan).await.unwrap();
        all.into_iter().filter(|(key, _)| key.contains("audit_")).map(|(key, value)| (key, value.bytes)).collect()
    }

    async fn write(&self, key: &str, bytes: Option<Bytes>) {
        let writes = vec![(key.to_owned(), bytes)];
        self.backend.apply(RawBatch { expects: vec![], writes }).await.unwrap();
    }

    async fn found(&self) -> Verified {
        verify(&self.project, None).await.unwrap()
    }

    async fn is_whole(&self) -> bool {
        matches!(self.found().await, Verified::Whole(_))
    }
}

#[tokio::test]
async fn every_byte_that_is_changed_is_found() {
    let log = Log::with(3).await;
    assert!(log.is_whole().await);
    let raw = log.raw().await;
    assert_eq!(raw.len(), 4, "three entries and the head");
    let mut changed = 0;
    for (key, bytes) in &raw {
        for at in 0..bytes.len() {
            // Another letter, the other case, white space, a digit more.
            for other in [bytes[at] ^ 1, bytes[at] ^ 0x20, b' ', bytes[at].wrapping_add(1)] {
                if other == bytes[at] {
                    continue;
                }
                let mut tampered = bytes.to_vec();
                tampered[at] = other;
                log.write(key, Some(tampered.into())).await;
                assert!(!log.is_whole().await, "byte {at} of {key} became {:?}", char::from(other));
                changed += 1;
            }
        }
        log.write(key, Some(bytes.clone())).await;
    }
    assert!(changed > 4_000 && log.is_whole().await, "{changed}");
}

#[tokio::test]
async fn what_is_removed_moved_doubled_or_set_back_is_found() {
    let log = Log::with(4).await;
    let raw = log.raw().await;
    let entries: Vec<_> = raw.iter().filter(|(key, _)| key.contains("audit_entry")).collect();
    for (at, (key, bytes)) in entries.iter().enumerate() {
        log.write(key, None).await;
        let Verified::Broken { seq, why } = log.found().await else { panic!("entry {at} is gone and nobody notices") };
        assert_eq!((seq, why.as_str()), (at as u64 + 1, "the entry is gone"));
        log.write(key, Some(bytes.clone())).await;
    }
    // Two change their places.
    log.write(&entries[0].0, Some(entries[1].1.clone())).await;
    log.write(&entries[1].0, Some(entries[0].1.clone())).await;
    assert!(!log.is_whole().await);
    log.write(&entries[0].0, Some(entries[0].1.clone())).await;
    log.write(&entries[1].0, Some(entries[1].1.clone())).await;
    assert!(log.is_whole().await);

    // The end is cut off, with the head of then: a shorter log that fits, unless its end was noted.
    let Verified::Whole(Some(head)) = log.found().await else { panic!("it was whole") };
    let shorter = Log::with(3).await;
    let short_raw = shorter.raw().await;
    for (key, _) in &raw {
        let then = short_raw.iter().find(|(own, _)| own == key).map(|(_, bytes)| bytes.clone());
        log.write(key, then).await;
    }
    assert!(log.is_whole().await);
    let Verified::Broken { seq: 4, why } = verify(&log.project, Some(&head)).await.unwrap() else {
        panic!("the noted entry is gone and nobody notices")
    };
    assert!(why.contains("which was noted"), "{why}");

    // The head alone is gone, or knows fewer entries than there are.
    let log = Log::with(2).await;
    let raw = log.raw().await;
    let (head, bytes) = raw.iter().find(|(key, _)| key.contains("audit_head")).unwrap();
    log.write(head, None).await;
    assert!(!log.is_whole().await);
    let one = Log::with(1).await.raw().await;
    log.write(head, one.iter().find(|(key, _)| key == head).map(|(_, bytes)| bytes.clone())).await;
    let Verified::Broken { why, .. } = log.found().await else { panic!("there is an entry more") };
    assert!(why.contains("does not know"), "{why}");
    log.write(head, Some(bytes.clone())).await;
    assert!(log.is_whole().await);
}

#[tokio::test]
async fn two_who_append_at_once_both_stand_in_the_log() {
    let log = Log::with(0).await;
    let ann = Author::parse("ann").unwrap();
    let at = FixedClock::at("2026-03-01T10:00:00Z").now();
    let act = |n: usize| [Act::new(&ann, Action::ReviewDeclined, format!("review/{n}"))];
    // Both were made from the same head; the second commit is refused and made again.
    let first = append(&log.project, log.project.batch(), at, act(1)).await.unwrap();
    let second = append(&log.project, log.project.batch(), at, act(2)).await.unwrap();
    log.project.commit(first).await.unwrap();
    let refused = log.project.commit(second).await.unwrap_err();
    assert!(is_overtaken(&refused), "{refused}");
    record(&log.project, at, act(2)).await.unwrap();
    let Verified::Whole(Some(head)) = log.found().await else { panic!("it is whole") };
    assert_eq!(head.seq, 2);
}

#[tokio::test]
async fn a_configuration_is_logged_when_it_changes_and_only_then() {
    let log = Log::with(0).await;
    let (ann, at) = (Author::parse("operator").unwrap(), FixedClock::at("2026-03-01T10:00:00Z").now());
    for (panels, entries) in [("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
        configuration(&log.project, at, &ann, json!({ "panels": panels })).await.unwrap();
        let Verified::Whole(Some(head)) = log.found().await else { panic!("it is whole") };
        assert_eq!(head.seq, entries, "{panels}");
    }
}
