//! The life of questions under everything that happens at once: eight people who take, answer, give back, decline,
//! adjudicate and send again, leases that run out, and a service that is killed between any two steps of any of them.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::answer::{self, Answer};
use super::{next, order, queue};
use crate::app::{Choices, build};
use crate::audit::{self, Verified};
use crate::config::Config;
use crate::domain::{
    Action, AuditEntry, AuditFacts, Author, Decision, FixedClock, Grading, LeaseToken, Override, OverrideValue,
    ProjectId, Review, ReviewId, ReviewState, Said,
};
use crate::ranking::made::{World, made_in};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{
    Backend, MemoryBackend, ProjectStore, Query, RawBatch, RawValue, Revision, Scan, Stamp, Store, StoreError,
};

/// What others do gets its turn before and after each step.
struct Stepwise(MemoryBackend);

/// Pending once.
async fn turn() {
    let mut passed = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut passed, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Backend for Stepwise {
    fn apply(&self, batch: RawBatch) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async {
            turn().await;
            let done = self.0.apply(batch).await;
            // Kept, and not yet answered: a kill here is the worst.
            turn().await;
            done
        })
    }
    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<RawValue>>, StoreError>> {
        Box::pin(async {
            turn().await;
            self.0.get_many(keys).await
        })
    }
    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(String, RawValue)>, StoreError>> {
        Box::pin(async {
            turn().await;
            self.0.scan(scan).await
        })
    }
    fn count(&self, prefix: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.0.count(prefix)
    }
    fn stamp(&self) -> BoxFuture<'_, Result<Stamp, StoreError>> {
        self.0.stamp()
    }
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.ready()
    }
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.close()
    }
}

/// What a person tries.
#[derive(Debug, Clone)]
enum Try {
    Claim(ReviewId),
    Submit(ReviewId, LeaseToken, OverrideValue),
    Release(ReviewId, LeaseToken),
    Decline(ReviewId),
    Resolve(ReviewId, OverrideValue),
    Withdraw(ReviewId),
    TakeBack(ReviewId),
}

type Running = Pin<Box<dyn Future<Output = Result<Review, Refusal>>>>;

struct Office {
    clock: Arc<FixedClock>,
    backend: Arc<Stepwise>,
    services: Arc<Services>,
    project: ProjectStore,
    people: Vec<Author>,
    reviews: Vec<ReviewId>,
    rng: ChaCha8Rng,
    lives: u8,
    running: BTreeMap<usize, (Try, Running)>,
    /// Leases that people were told they have.
    held: HashMap<usize, Vec<(ReviewId, LeaseToken)>>,
    /// Answers that people were told are in.
    acknowledged: Vec<(ReviewId, LeaseToken, OverrideValue)>,
    /// How each review was seen last.
    seen: HashMap<ReviewId, Review>,
    counts: BTreeMap<&'static str, u32>,
}

async fn services(clock: Arc<FixedClock>, life: u8) -> Arc<Services> {
    let text = "[store]\nurl = \"memory:\"\n[files]\nurl = \"memory:\"\n[reading]\nisolation = \"thread\"\n";
    let config = Config::parse(text, "test", std::iter::empty()).unwrap();
    build(&config, Choices { clock, seed: [life; 32], ..Choices::system().unwrap() }).await.unwrap()
}

impl Office {
    async fn new(seed: u64) -> Self {
        let clock = Arc::new(FixedClock::at("2026-02-01T00:00:00Z"));
        let backend = Arc::new(Stepwise(MemoryBackend::default()));
        let project = Store::over(backend.clone()).project(&ProjectId::parse("p").unwrap());
        let world = World { tasks: 15, random_share: 0.6, answered: 0, ..World::default() };
        made_in(project.clone(), &world).await;
        let mut reviews = Vec::new();
        for kept in project.list::<Review>(Query::default().limit(1_000)).await.unwrap().items {
            let reviewers = 1 + reviews.len() as u32 % 3;
            let review = Review { reviewers, ..kept.record };
            project.commit(project.batch().update(&review, kept.revision)).await.unwrap();
            reviews.push(review.id);
        }
        assert!(reviews.len() > 60, "{}", reviews.len());
        Self {
            services: services(clock.clone(), 100).await,
            clock,
            backend,
            project,
            people: (0..8).map(|n| Author::parse(format!("person{n}")).unwrap()).collect(),
            reviews,
            rng: ChaCha8Rng::seed_from_u64(seed),
            lives: 100,
            running: BTreeMap::new(),
            held: HashMap::new(),
            acknowledged: vec![],
            seen: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    fn below(&mut self, n: usize) -> usize {
        (self.rng.next_u64() % n as u64) as usize
    }

    fn value(&mut self) -> OverrideValue {
        if self.below(3) == 0 { OverrideValue::Unmet } else { OverrideValue::Met }
    }

    /// What an idle person tries next.
    fn idea(&mut self, who: usize) -> Try {
        // Few are looked at by all at a time, so that people meet.
        let near = self.acknowledged.len() / 2 + self.below(10);
        let at = if self.below(2) == 0 { near % self.reviews.len() } else { self.below(self.reviews.len()) };
        let review = self.reviews[at];
        let held: Vec<_> = self.held.get(&who).cloned().unwrap_or_default();
        let mine = held.last().copied();
        match (self.below(20), mine) {
            (0..=9, Some((review, token))) => Try::Submit(review, token, self.value()),
            (10, Some((review, token))) => Try::Release(review, token),
            (11, _) => Try::Decline(review),
            (12 | 13, _) => Try::Resolve(review, self.value()),
            (14, _) if self.below(4) == 0 => Try::Withdraw(review),
            (14, _) => Try::TakeBack(review),
            (15, _) if !self.acknowledged.is_empty() => {
                // The reply was lost on its way: the same again.
                let at = self.below(self.acknowledged.len());
                let (review, token, value) = self.acknowledged[at].clone();
                Try::Submit(review, token, value)
            }
            _ => Try::Claim(review),
        }
    }

    fn start(&mut self, who: usize) {
        let idea = self.idea(who);
        let (services, project, person) = (self.services.clone(), self.project.clone(), self.people[who].clone());
        let said = |value: OverrideValue| Answer { value: Said::Verdict(value), reason: "looked".to_owned() };
        let trying = idea.clone();
        let running: Running = Box::pin(async move {
            match trying {
                Try::Claim(id) => queue::claim(&services, &project, id, &person).await,
                Try::Submit(id, token, value) => answer::submit(&services, &project, id, token, &said(value)).await,
                Try::Release(id, token) => queue::release(&services, &project, id, token).await,
                Try::Decline(id) => queue::decline(&services, &project, id, &person, "no time", false).await,
                Try::Resolve(id, value) => answer::resolve(&services, &project, id, &person, &said(value)).await,
                Try::Withdraw(id) => queue::withdraw(&services, &project, id, &person, "not needed").await,
                Try::TakeBack(id) => answer::take_back(&services, &project, id, &person).await,
            }
        });
        self.running.insert(who, (idea, running));
    }

    /// Lets one person's request go one step further; whether it ended.
    fn step(&mut self, who: usize) -> Option<ReviewId> {
        let (idea, running) = self.running.get_mut(&who)?;
        let Poll::Ready(done) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { return None };
        let idea = idea.clone();
        self.running.remove(&who);
        let counts = &mut self.counts;
        let mut count = |what| *counts.entry(what).or_default() += 1;
        let id = match (idea, done) {
            (Try::Claim(id), Ok(review)) => {
                count("claimed");
                let token = review.lease.unwrap().token;
                self.held.entry(who).or_default().push((id, token));
                id
            }
            (Try::Submit(id, token, value), Ok(_)) => {
                count("answered");
                self.forget(who, token);
                if !self.acknowledged.iter().any(|(_, known, _)| *known == token) {
                    self.acknowledged.push((id, token, value));
                }
                id
            }
            (Try::Release(id, token), Ok(_)) => {
                self.forget(who, token);
                id
            }
            (Try::Decline(id), Ok(_)) => {
                count("declined");
                id
            }
            (Try::Resolve(id, _), Ok(_)) => {
                count("adjudicated");
                id
            }
            (Try::Withdraw(id), Ok(_)) => {
                count("withdrawn");
                id
            }
            (Try::TakeBack(id), Ok(_)) => {
                count("taken back");
                id
            }
            (idea, Err(Refusal::Conflict { .. })) => {
                count("refused");
                if let Try::Submit(_, token, _) | Try::Release(_, token) = &idea {
                    self.forget(who, *token);
                }
                match idea {
                    Try::Claim(id) | Try::Submit(id, ..) | Try::Release(id, _) => id,
                    Try::Decline(id) | Try::Resolve(id, _) | Try::Withdraw(id) | Try::TakeBack(id) => id,
                }
            }
            (idea, Err(error)) => panic!("{idea:?}: {error}"),
        };
        Some(id)
    }

    /// A lease that is of no use any more; sometimes it is tried again all the same.
    fn forget(&mut self, who: usize, token: LeaseToken) {
        if !self.rng.next_u64().is_multiple_of(8)
            && let Some(held) = self.held.get_mut(&who)
        {
            held.retain(|(_, own)| *own != token);
        }
    }

    /// Everything in flight is gone, wherever it was; what is kept is kept.
    async fn kill(&mut self) {
        self.running.clear();
        self.lives += 1;
        self.services = services(self.clock.clone(), self.lives).await;
        self.project = Store::over(self.backend.clone()).project(&ProjectId::parse("p").unwrap());
        *self.counts.entry("killed").or_default() += 1;
    }

    async fn holds(&mut self, id: ReviewId) {
        let review = self.project.get::<Review>(&id.to_string()).await.unwrap().unwrap().record;
        let people: Vec<&Author> = review.answers.iter().map(|answer| &answer.reviewer).collect();
        assert!(people.len() <= review.reviewers as usize, "{review:?}");
        assert!((1..people.len()).all(|at| !people[..at].contains(&people[at])), "somebody answered twice: {review:?}");
        if let Some(before) = self.seen.insert(id, review.clone()) {
            let ever = |review: &Review, answer| {
                review.answers.contains(answer) || review.taken_back.iter().any(|back| back.answer == *answer)
            };
            assert!(before.answers.iter().all(|one| ever(&review, one)), "an answer was lost or changed: {review:?}");
            assert_eq!(before.taken_back[..], review.taken_back[..before.taken_back.len()]);
            let reopened = review.taken_back.len() > before.taken_back.len();
            assert!(reopened || before.resolution.is_none() || before.resolution == review.resolution, "settled twice");
            assert!(before.withdrawn.is_none() || before.withdrawn == review.withdrawn);
        }
        for (_, token, value) in self.acknowledged.iter().filter(|(of, ..)| *of == id) {
            let ever = review.answers.iter().chain(review.taken_back.iter().map(|back| &back.answer));
            let with: Vec<_> = ever.filter(|answer| answer.token == Some(*token)).collect();
            assert_eq!(with.len(), 1, "an acknowledged answer is there exactly once: {review:?}");
            assert_eq!(with[0].value, Said::Verdict(value.clone()));
        }
        assert!(review.resolution.is_none() || review.withdrawn.is_none());
        let full = people.len() == review.reviewers as usize;
        let differ = review.answers.windows(2).any(|pair| pair[0].value != pair[1].value);
        if let Some(end) = &review.resolution {
            assert!(!(differ && people.contains(&&end.by)), "a conflict was resolved by one of its own: {review:?}");
            assert!(full || !people.contains(&&end.by));
        } else {
            assert!(!full || differ || review.withdrawn.is_some(), "all agree and it is not settled: {review:?}");
        }
        let (grading, criterion) = review.criterion().unwrap();
        let decided = self.project.all::<Override>(Query::prefix(format!("{grading}/"))).await.unwrap();
        let of_it: Vec<_> = decided.iter().filter(|one| one.review_id == Some(id)).collect();
        // Each answer that had settled it left a decision and one that takes it back.
        let undone = review.taken_back.iter().filter(|back| back.had_settled).count();
        let expected = 2 * undone + usize::from(review.resolution.is_some());
        assert_eq!(of_it.len(), expected, "one decision per settled question");
        if let Some(one) = of_it.last().filter(|one| one.value != OverrideValue::Withdrawn) {
            let grading = self.project.get::<Grading>(&grading.to_string()).await.unwrap().unwrap().record;
            let verdicts = &grading.result().unwrap().verdicts;
            let holds = &verdicts.iter().find(|verdict| verdict.criterion_id == *criterion).unwrap().decision;
            let wanted = if one.value == OverrideValue::Met { Decision::Met } else { Decision::Unmet };
            assert_eq!(*holds, wanted, "the grading says what was decided");
        }
    }

    /// Who is given which question, read from the indexes of the queue as far as needed, is what everything that is kept
    /// gives when it is read and sorted.
    async fn line_holds(&mut self) {
        let now = self.services.now();
        let (at, of) = (self.below(8), self.below(self.reviews.len()));
        let (person, beside) = (self.people[at].clone(), self.reviews[of]);
        let all = self.project.all::<Review>(Query::default()).await.unwrap();
        let beside = all.iter().find(|one| one.id == beside).unwrap();
        let mine = |one: &Review| one.live_lease(now).is_some_and(|lease| lease.reviewer == person);
        let mut wanted: Vec<&Review> = all
            .iter()
            .filter(|one| matches!(one.state(now), ReviewState::Open | ReviewState::Submitted) || mine(one))
            .filter(|one| !one.is_done_by(&person))
            .collect();
        let group = |one: &Review| match one {
            one if mine(one) => 0,
            one if one.about.grading_id() == beside.about.grading_id() => 1,
            _ => 2,
        };
        wanted.sort_by(|a, b| group(a).cmp(&group(b)).then(b.priority.total_cmp(&a.priority)).then(a.id.cmp(&b.id)));
        let mut line = next::Line::of(&self.services, &self.project, &person, Some(beside)).await.unwrap();
        let mut given = Vec::new();
        while let Some(one) = line.next().await.unwrap() {
            given.push(one.id);
        }
        assert_eq!(given, wanted.iter().map(|one| one.id).collect::<Vec<_>>());
        let left = next::left(&self.services, &self.project, &person, Some(beside)).await.unwrap();
        let here = |one: &&&Review| one.id != beside.id && one.about.grading_id() == beside.about.grading_id();
        let counted = next::Left {
            all: wanted.len(),
            here: wanted.iter().filter(here).count(),
            holding: wanted.iter().filter(|one| mine(one)).count(),
        };
        assert_eq!(left, counted);
        let at = wanted.iter().position(|one| one.id == beside.id);
        let id = |at: usize| wanted.get(at).map(|one| one.id);
        let around = next::around(&self.services, &self.project, &person, beside).await.unwrap();
        assert_eq!(around, (at.and_then(|at| at.checked_sub(1)).and_then(id), id(at.map_or(0, |at| at + 1))));
        let mut sorted: Vec<&Review> = all.iter().collect();
        sorted.sort_by(|a, b| b.priority.total_cmp(&a.priority).then(a.id.cmp(&b.id)));
        let indexes = [order::QUEUE, order::SETTLED];
        let some = order::some(&self.project, &indexes, 7, 40).await.unwrap();
        assert!(some.iter().eq(sorted.iter().skip(7).take(40).copied()), "listed in order");
        let past = queue::page(&self.services, &self.project, &[], Some(beside), 1_000).await.unwrap().0;
        let place = sorted.iter().position(|one| one.id == beside.id).unwrap();
        assert!(past.iter().eq(sorted[place + 1..].iter().copied()), "continued past any question");
        let conflicts = all.iter().filter(|one| one.state(now) == ReviewState::Conflict).count();
        assert_eq!(order::conflicts(&self.project).await.unwrap(), conflicts);
        *self.counts.entry("lines").or_default() += 1;
    }

    /// The log tells exactly what happened.
    async fn log_holds(&self) {
        let Verified::Whole(Some(head)) = audit::verify(&self.project, None).await.unwrap() else {
            panic!("the log is broken");
        };
        let facts: Vec<AuditFacts> = self
            .project
            .all::<AuditEntry>(Query::default())
            .await
            .unwrap()
            .iter()
            .map(|entry| serde_json::from_str(&entry.facts).unwrap())
            .collect();
        assert_eq!(facts.len() as u64, head.seq);
        let count = |action| facts.iter().filter(|facts| facts.action == action).count();
        let reviews = self.project.all::<Review>(Query::default()).await.unwrap();
        let all = |of: fn(&Review) -> usize| reviews.iter().map(of).sum::<usize>();
        let undone = all(|review| review.taken_back.iter().filter(|back| back.had_settled).count());
        assert_eq!(count(Action::ReviewAnswered), all(|review| review.answers.len() + review.taken_back.len()));
        assert_eq!(count(Action::ReviewResolved), all(|review| usize::from(review.resolution.is_some())) + undone);
        assert_eq!(count(Action::ReviewTakenBack), all(|review| review.taken_back.len()));
        assert_eq!(count(Action::ReviewDeclined), reviews.iter().map(|review| review.declined.len()).sum::<usize>());
    }
}

/// `EMPANEL_MODEL_SEEDS=20` walks twenty ways more.
#[test]
fn whatever_eight_people_and_a_dying_service_do_no_answer_is_lost_doubled_or_changed() {
    let more: u64 = std::env::var("EMPANEL_MODEL_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for seed in 2026..=2026 + more {
        runtime.block_on(walk(seed));
    }
}

async fn walk(seed: u64) {
    let mut world = on_a_spinning_executor(Office::new(seed)).await;
    // A turn is one access to the store of one person; some ten to thirty are a request.
    for _ in 0..30_000 {
        match world.below(1_000) {
            0 => on_a_spinning_executor(world.kill()).await,
            1..=6 => world.clock.advance(Duration::from_secs(600)),
            7..=12 => on_a_spinning_executor(world.line_holds()).await,
            _ => {
                let who = world.below(8);
                if !world.running.contains_key(&who) {
                    world.start(who);
                }
                if let Some(id) = world.step(who) {
                    on_a_spinning_executor(world.holds(id)).await;
                }
            }
        }
    }
    world.running.clear();
    for id in world.reviews.clone() {
        on_a_spinning_executor(world.holds(id)).await;
    }
    on_a_spinning_executor(world.log_holds()).await;
    // The walk went everywhere: a model that refuses everything would hold, too.
    for (what, least) in [
        ("claimed", 100),
        ("answered", 60),
        ("adjudicated", 5),
        ("declined", 5),
        ("killed", 10),
        ("refused", 100),
        ("withdrawn", 1),
        ("taken back", 1),
        ("lines", 100),
    ] {
        let found = world.counts.get(what).copied().unwrap_or(0);
        assert!(found >= least, "{what}: {found} times with seed {seed}; {:?}", world.counts);
    }
}

/// Polls to the end: the store's turns are nobody's to wake.
async fn on_a_spinning_executor<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(done),
        Poll::Pending => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}
