//! Old records stay readable. Each file in `fixtures/store/<kind>/` is one envelope as some build stored it;
//! the files are never edited, only added to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;

use super::backend::RawValue;
use super::record::{decode, encode};
use super::*;
use crate::domain::{
    AttemptReply, Battle, Comparison, Grading, Override, ProjectId, Review, RubricVersion, SaidOnCriterion, Status,
    Submission, Task, Vote, VoteOutcome,
};

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store").join(kind)
}

/// The frozen files of one version: `v1.json`, `v1-queued.json`.
fn frozen(kind: &str, version: u32) -> Vec<(String, Bytes)> {
    let exact = format!("v{version}.json");
    let variant = format!("v{version}-");
    let mut files: Vec<_> = fs::read_dir(folder(kind))
        .unwrap_or_else(|error| panic!("{}: {error}; freeze an envelope there", folder(kind).display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| *name == exact || name.starts_with(&variant))
        .collect();
    files.sort();
    files.into_iter().map(|name| (name.clone(), fs::read(folder(kind).join(name)).unwrap().into())).collect()
}

fn read<R: Record>(bytes: &Bytes) -> R {
    let raw = RawValue { revision: Revision(1), bytes: bytes.clone() };
    decode::<R>("frozen", &raw).unwrap_or_else(|error| panic!("{error}")).record
}

/// Every frozen version decodes; the current one also says the same when it is stored again: no field was
/// renamed, dropped or read as something else, and its links are those of today.
fn holds<R: Record>() -> &'static str {
    let mut current = 0;
    for version in 1..=R::VERSION {
        let files = frozen(R::KIND, version);
        assert!(!files.is_empty(), "{} has no frozen v{version}.json", R::KIND);
        for (name, bytes) in files {
            let record: R = read(&bytes);
            let again = encode(&record).unwrap_or_else(|error| panic!("{error}"));
            if version == R::VERSION {
                let mut stored: Value = serde_json::from_slice(&bytes).unwrap();
                let mut again: Value = serde_json::from_slice(&again.bytes).unwrap();
                if stored == again {
                    current += 1;
                    continue;
                }
                // What was linked otherwise is linked anew, and is the same record.
                assert!(R::LINKS > 1, "{}/{name}: {again} is not {stored}", R::KIND);
                for envelope in [&mut stored, &mut again] {
                    envelope["links"].take();
                }
                assert_eq!(again, stored, "{}/{name}", R::KIND);
            }
        }
    }
    assert!(current > 0, "no frozen {} has the links of today", R::KIND);
    R::KIND
}

#[test]
fn every_kind_has_frozen_records_and_all_of_them_still_read() {
    let tested = BTreeSet::from([
        holds::<Task>(),
        holds::<RubricVersion>(),
        holds::<Submission>(),
        holds::<Grading>(),
        holds::<Vote>(),
        holds::<crate::domain::KnownAnswer>(),
        holds::<crate::domain::Attempt>(),
        holds::<Override>(),
        holds::<Review>(),
        holds::<crate::domain::AuditEntry>(),
        holds::<crate::domain::AuditHead>(),
        holds::<crate::domain::Odds>(),
        holds::<crate::domain::Remembered>(),
        holds::<crate::domain::Reveal>(),
        holds::<crate::domain::ScoreOverride>(),
        holds::<Comparison>(),
        holds::<PlanTurn>(),
        holds::<Sweeps>(),
        holds::<LinksDone>(),
        holds::<crate::domain::MonthBudget>(),
        holds::<crate::domain::Replica>(),
        holds::<crate::domain::WorkLease>(),
        holds::<crate::domain::Drafting>(),
        holds::<Battle>(),
        holds::<crate::domain::Snapshot>(),
        holds::<crate::domain::Webhook>(),
        holds::<crate::domain::Delivery>(),
        holds::<crate::domain::DueDelivery>(),
        holds::<ApiKey>(),
        holds::<KeyUse>(),
        holds::<Session>(),
        holds::<IdempotentAnswer>(),
    ]);
    let kinds: BTreeSet<&str> = include_str!("records.rs")
        .lines()
        .chain(include_str!("uploads.rs").lines())
        .filter_map(|line| line.trim().strip_prefix("const KIND: &'static str = \"")?.strip_suffix("\";"))
        .collect();
    assert_eq!(tested, kinds, "a kind is not tested here");
}

fn first<R: Record>() -> R {
    named("v1.json")
}

fn named<R: Record>(name: &str) -> R {
    let files = frozen(R::KIND, 1);
    read(&files.iter().find(|(file, _)| file == name).unwrap().1)
}

#[test]
fn frozen_records_mean_what_they_meant() {
    assert_eq!(first::<Task>().key(), "gdpval%2F83d10b06");
    let rubric: RubricVersion = first();
    assert_eq!(rubric.key(), "01890a5d-ac96-774b-bcce-b302099a8057/000002");
    assert_eq!(rubric.rubric.criteria()[1].points, -2.5);
    let grading: Grading = named("v1.json");
    assert_eq!(grading.status(), Status::AwaitingReview);
    assert_eq!(grading.result().unwrap().score.value, Some(0.1 + 0.2));
    assert_eq!(named::<Grading>("v1-queued.json").status(), Status::Queued);
    let vote: Vote = named("v1.json");
    assert_eq!(vote.key(), "01890a5d-ac96-774b-bcce-b302099a8059/gpt%2Fmini/0001/c-totals tie");
    assert_eq!(named::<Vote>("v1-failed.json").key(), "01890a5d-ac96-774b-bcce-b302099a805c/judge/0000/o-b_first");
    let VoteOutcome::Answered(opinion) = named::<Vote>("v1-by-criterion.json").outcome else {
        panic!("it is answered")
    };
    let by = opinion.by_criterion.unwrap();
    assert_eq!((by.criteria.len(), by.unknown, &by.criteria[2].said), (5, 2, &SaidOnCriterion::Missing));
    assert_eq!(named::<Comparison>("v1-by-criteria.json").rubric.unwrap().version, 2);
    assert!(named::<Comparison>("v1-queued.json").rubric.is_none());
    assert_eq!(first::<PlanTurn>().number, 7);
    assert_eq!(first::<LinksDone>().key(), "review");
    assert!((first::<crate::domain::MonthBudget>().taken() - 1.75).abs() < 1e-12);
    let attempt: crate::domain::Attempt = first();
    assert!(matches!(attempt.reply, AttemptReply::InFlight));
    assert_eq!(attempt.key(), "01890a5d-ac96-774b-bcce-b302099a8059/gpt%2Fmini/0001/c-totals tie/0002");
    assert!(first::<Review>().resolution.is_none());
    assert_eq!(first::<IdempotentAnswer>().status, 202);
}

#[tokio::test]
async fn the_votes_of_a_grading_are_those_under_its_id() {
    let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
    let p = store.project(&super::contract::project("p"));
    let (a, b): (Vote, Vote) = (named("v1.json"), named("v1-failed.json"));
    p.commit(p.batch().insert(&a).insert(&b)).await.unwrap();
    let prefix = format!("{}/", a.key().split('/').next().unwrap());
    assert_eq!(p.all::<Vote>(Query::prefix(prefix)).await.unwrap(), vec![a]);
}

#[test]
fn what_is_at_stake_first_is_first_in_the_queue() {
    let priorities = [f64::INFINITY, 1e300, 12.5, 5.0, 1.0, f64::MIN_POSITIVE, 0.0, -0.0, -1.0, -1e300];
    let places: Vec<String> = priorities.iter().map(|one| queue_place(*one)).collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
}

#[tokio::test]
async fn what_an_older_build_wrote_is_found_under_the_links_of_this_one() {
    /// A review as it was linked before the queue had an order.
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    #[serde(transparent)]
    struct Old(Review);
    impl Record for Old {
        const KIND: &'static str = Review::KIND;
        const VERSION: u32 = Review::VERSION;
        fn key(&self) -> String {
            self.0.key()
        }
        fn links(&self) -> Vec<crate::store::Link> {
            vec![("pending", "yes".to_owned())]
        }
    }
    let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
    store.prepare().await.unwrap();
    assert_eq!(store.system().count::<LinksDone>().await.unwrap(), 0, "an empty store stays empty");
    let project = store.project(&ProjectId::parse("p").unwrap());
    let review = Review { resolution: None, withdrawn: None, ..first::<Review>() };
    project.commit(project.batch().insert(&Old(review.clone()))).await.unwrap();
    assert_eq!(project.count_places::<Review>("queue", "").await.unwrap(), 0);
    store.prepare().await.unwrap();
    assert_eq!(project.count_places::<Review>("queue", "").await.unwrap(), 1);
    assert_eq!(project.relink::<Review>().await.unwrap(), 0, "done once");
    assert_eq!(project.get::<Review>(&review.key()).await.unwrap().unwrap().record, review);
    assert_eq!(store.system().get::<LinksDone>("review").await.unwrap().unwrap().record.links, Review::LINKS);
}
