//! Stores of earlier versions stay restorable: a backup of each format, as a build of then wrote it. The files are never
//! edited.

use std::path::Path;

use super::super::contract::{Home, project};
use super::super::{Blobs, ProjectStore, Query, Record, StoreOptions};
use super::*;
use crate::domain::{
    Answer, Attempt, Comparison, Grading, KnownAnswer, Override, Review, RubricVersion, Status, Submission, Task, Vote,
    VoteOutcome,
};

async fn count<R: Record>(p: &ProjectStore) -> usize {
    p.all::<R>(Query::default()).await.unwrap().len()
}

/// Two memos on one task, graded by three judges on three criteria, compared; a human decided about each.
async fn is_what_it_was(home: Home) {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/backup/v1.backup");
    let blobs = Blobs::open("memory:").await.unwrap();
    let options = StoreOptions::default();
    let done = restore(&frozen, &home.url(), &options, Some(&blobs), &mut |_| ()).await.unwrap();
    assert_eq!((done.backup.entries, done.backup.files, done.missing), (118, 3, 0));
    assert_eq!(done.records + done.links, 118);
    let store = home.open().await;
    let p = store.project(&project("default"));
    let counts = (
        count::<RubricVersion>(&p).await,
        count::<Override>(&p).await,
        count::<Review>(&p).await,
        count::<Vote>(&p).await,
        count::<Attempt>(&p).await,
        count::<Comparison>(&p).await,
    );
    assert_eq!(counts, (1, 2, 3, 24, 24, 1));
    assert!(count::<KnownAnswer>(&p).await > 0);
    let task = p.get::<Task>("memo%2F1").await.unwrap().unwrap().record;
    assert_eq!(blobs.get(&task.references[0].sha256).await.unwrap(), "unit,total\nall,1204\n");
    let gradings = p.all::<Grading>(Query::default()).await.unwrap();
    let scores: Vec<_> = gradings
        .iter()
        .map(|grading| (grading.system.as_str(), grading.status(), grading.result().unwrap().score.value))
        .collect();
    assert_eq!(scores, [("north", Status::AwaitingReview, Some(1.0)), ("south", Status::AwaitingReview, Some(0.375))]);
    for grading in &gradings {
        let submission = p.get::<Submission>(&grading.submission_id.to_string()).await.unwrap().unwrap().record;
        assert!(blobs.get(&submission.files[0].sha256).await.unwrap().starts_with(b"The total is "));
        let votes = p.all::<Vote>(Query::prefix(format!("{}/", grading.id))).await.unwrap();
        let met = |vote: &&Vote| matches!(&vote.outcome, VoteOutcome::Answered(said) if said.answer == Answer::Met);
        assert_eq!(votes.len(), 9);
        assert_eq!(votes.iter().filter(met).count(), if grading.system.as_str() == "north" { 6 } else { 4 });
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_the_first_format_is_restored_into_sled_as_it_was() {
    is_what_it_was(Home::sled()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_the_first_format_is_restored_into_postgres_as_it_was() {
    is_what_it_was(Home::postgres()).await;
}
