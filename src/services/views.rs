//! Figures over everything that a project holds (a leaderboard, how far judges agree), as they were found last. Finding
//! them reads every grading, and some of them every vote; whoever only looks should not wait for that each time.
//!
//! - What was found belongs to a [`Stamp`] of the store: while nothing was committed it is the truth, and costs nothing.
//! - After a commit it is found again, once, however many look at it. Who looks waits a moment ([`Views::new`]); where that
//!   is not enough they are given what was found last *with its time*, or told that nothing is known yet. Never an old
//!   figure as if it were a new one.
//! - What takes long is not found again at once: it rests for [`REST`] times as long as it took, so that a busy service
//!   does not spend itself on pages.
//!
//! The API does not look here: what it answers is computed from what is kept when it is asked.

use std::any::Any;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::Timestamp;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, Stamp};

/// How many times as long as it took before something is found again.
const REST: u32 = 4;
/// Views that are remembered; each is some hundred kilobytes at most.
const KEPT: usize = 64;

/// What is known of a view.
#[derive(Debug)]
pub enum Seen<T> {
    /// Found; `None`: nothing was committed since. Else when it was found: newer work is not in it.
    Found(Arc<T>, Option<Timestamp>),
    /// It is being found for the first time.
    NotYet,
}

pub struct Views {
    patience: Duration,
    kept: Mutex<LruCache<String, Arc<dyn Any + Send + Sync>>>,
}

/// One view. Nobody holds its lock while they work or wait.
type View<T> = Mutex<State<T>>;

struct State<T> {
    last: Option<Last<T>>,
    /// Somebody finds it now.
    working: Option<Done>,
}

struct Last<T> {
    found: Arc<T>,
    stamp: Stamp,
    at: Timestamp,
    done: Instant,
    took: Duration,
}

/// `None`: they are at it.
type Outcome = Option<Result<(), Refusal>>;
type Done = watch::Receiver<Outcome>;

/// What is to be done about a view.
enum Step<T> {
    Tell(Seen<T>),
    Wait(Done),
    Find(watch::Sender<Outcome>, Done),
}

impl Views {
    /// `patience`: how long who looks waits for what is not known yet; a fifth of it where something older is known.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        let most = NonZeroUsize::new(KEPT).unwrap_or(NonZeroUsize::MIN);
        Self { patience, kept: Mutex::new(LruCache::new(most)) }
    }

    /// The view `name` of a project: as it was found last, or found now by `find`. Equal names must be found alike.
    ///
    /// # Errors
    /// If the store cannot; what `find` refuses.
    pub async fn see<T, F>(
        &self,
        services: &Services,
        project: &ProjectStore,
        name: &str,
        find: impl FnOnce(ProjectStore) -> F + Send + 'static,
    ) -> Result<Seen<T>, Refusal>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let stamp = services.store.stamp().await?;
        let view = self.view::<T>(&format!("{}/{name}", project.scope()));
        let mut done = match step(&mut lock(&view), &stamp, self.patience) {
            Step::Tell(seen) => return Ok(seen),
            Step::Wait(done) => done,
            Step::Find(tell, done) => {
                let (view, project, at) = (view.clone(), project.clone(), services.now());
                let runtime = tokio::runtime::Handle::current();
                // Seconds of arithmetic have no place among the threads that serve; and it goes on when its caller leaves.
                tokio::task::spawn_blocking(move || {
                    let begun = Instant::now();
                    let found = runtime.block_on(find(project));
                    let done = Instant::now();
                    let mut state = lock(&view);
                    state.working = None;
                    tell.send_replace(Some(found.map(|found| {
                        let took = done.duration_since(begun);
                        state.last = Some(Last { found: Arc::new(found), stamp, at, done, took });
                    })));
                });
                done
            }
        };
        let patience = if lock(&view).last.is_some() { self.patience / 5 } else { self.patience };
        if let Ok(Ok(outcome)) = tokio::time::timeout(patience, done.wait_for(Option::is_some)).await
            && let Some(Err(refusal)) = outcome.as_ref()
        {
            return Err(refusal.clone());
        }
        // Whoever found it may have panicked: what was known before is known still.
        let now = services.store.stamp().await?;
        Ok(lock(&view).last.as_ref().map_or(Seen::NotYet, |last| last.seen(&now)))
    }

    fn view<T: Send + Sync + 'static>(&self, name: &str) -> Arc<View<T>> {
        let mut kept = lock(&self.kept);
        if let Some(Ok(view)) = kept.get(name).map(|view| view.clone().downcast()) {
            return view;
        }
        let view = Arc::new(View::<T>::new(State { last: None, working: None }));
        kept.put(name.to_owned(), view.clone());
        view
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole values are put in and taken out under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Last<T> {
    fn seen(&self, now: &Stamp) -> Seen<T> {
        Seen::Found(self.found.clone(), (self.stamp != *now).then_some(self.at))
    }
}

fn step<T>(state: &mut State<T>, now: &Stamp, patience: Duration) -> Step<T> {
    if let Some(last) = &state.last {
        let rests = last.took > patience && last.done.elapsed() < last.took * REST;
        if last.stamp == *now || rests {
            return Step::Tell(last.seen(now));
        }
    }
    // One who panicked has dropped their end.
    if let Some(done) = state.working.clone().filter(|done| done.has_changed().is_ok()) {
        return Step::Wait(done);
    }
    let (tell, done) = watch::channel(None);
    state.working = Some(done.clone());
    Step::Find(tell, done)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::app::{Choices, build};
    use crate::config::Config;
    use crate::domain::ProjectId;
    use crate::store::PlanTurn;

    struct World {
        services: Arc<Services>,
        project: ProjectStore,
        /// How often it was found.
        times: Arc<AtomicUsize>,
        gate: Arc<tokio::sync::Semaphore>,
    }

    impl World {
        async fn new() -> Self {
            let text = "[store]\nurl = \"memory:\"\n[files]\nurl = \"memory:\"\n";
            let config = Config::parse(text, "test", std::iter::empty()).unwrap();
            let services = build(&config, Choices::system().unwrap()).await.unwrap();
            let project = services.store.project(&ProjectId::parse("p").unwrap());
            Self { services, project, times: Arc::default(), gate: Arc::new(tokio::sync::Semaphore::new(0)) }
        }

        async fn commit(&self, number: u64) {
            self.project.commit(self.project.batch().put(&PlanTurn { number })).await.unwrap();
        }

        /// Looks at the number that is kept; finding it takes until the gate lets it.
        async fn look(&self, views: &Views) -> Seen<u64> {
            let (times, gate) = (self.times.clone(), self.gate.clone());
            let find = move |project: ProjectStore| async move {
                times.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                Ok(project.get::<PlanTurn>("plan").await?.unwrap().record.number)
            };
            views.see(&self.services, &self.project, "number", find).await.unwrap()
        }

        async fn found(&self) -> usize {
            // Finding ends on a thread of its own, after the gate.
            while self.gate.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            self.times.load(Ordering::SeqCst)
        }
    }

    fn told(seen: Seen<u64>) -> Option<(u64, bool)> {
        match seen {
            Seen::Found(number, as_of) => Some((*number, as_of.is_none())),
            Seen::NotYet => None,
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_nothing_has_changed_is_found_once_and_a_commit_finds_it_again() {
        let world = World::new().await;
        let views = Views::new(Duration::from_secs(600));
        world.gate.add_permits(100);
        world.commit(1).await;
        for _ in 0..3 {
            assert_eq!(told(world.look(&views).await), Some((1, true)));
        }
        assert_eq!(world.times.load(Ordering::SeqCst), 1);
        world.commit(2).await;
        assert_eq!(told(world.look(&views).await), Some((2, true)), "with patience nothing old is told");
        assert_eq!(world.times.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_has_no_patience_is_told_that_nothing_is_known_or_what_is_old_with_its_time() {
        let world = World::new().await;
        let views = Views::new(Duration::ZERO);
        world.commit(1).await;
        for _ in 0..20 {
            assert_eq!(told(world.look(&views).await), None);
        }
        world.gate.add_permits(1);
        assert_eq!(world.found().await, 1, "twenty who look are one who finds");
        let first = loop {
            match told(world.look(&views).await) {
                Some(first) => break first,
                None => tokio::task::yield_now().await,
            }
        };
        assert_eq!(first, (1, true));
        world.commit(2).await;
        assert_eq!(told(world.look(&views).await), Some((1, false)), "it is old, and says so");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_cannot_be_found_is_a_refusal_and_is_tried_again() {
        let world = World::new().await;
        let views = Views::new(Duration::from_secs(600));
        for _ in 0..2 {
            let find = |_| async { Err::<u64, _>(Refusal::not_found("number", 7)) };
            let seen = views.see(&world.services, &world.project, "number", find).await;
            assert!(matches!(seen, Err(Refusal::NotFound { .. })), "{seen:?}");
        }
        let find = |_| async { panic!("on purpose") };
        let seen: Seen<u64> = views.see(&world.services, &world.project, "number", find).await.unwrap();
        assert!(matches!(seen, Seen::NotYet), "a panic is no figure");
        world.gate.add_permits(1);
        world.commit(3).await;
        assert_eq!(told(world.look(&views).await), Some((3, true)));
    }

    #[test]
    fn what_took_long_rests_before_it_is_found_again() {
        let (old, now) = (Stamp::of("1"), Stamp::of("2"));
        let state = |took: u64| {
            let (done, took) = (Instant::now(), Duration::from_secs(took));
            let at = Timestamp::UNIX_EPOCH;
            State { last: Some(Last { found: Arc::new(1_u64), stamp: old.clone(), at, done, took }), working: None }
        };
        let patience = Duration::from_secs(60);
        assert!(matches!(step(&mut state(61), &now, patience), Step::Tell(Seen::Found(_, Some(_)))));
        assert!(matches!(step(&mut state(61), &old, patience), Step::Tell(Seen::Found(_, None))));
        assert!(matches!(step(&mut state(59), &now, patience), Step::Find(..)), "what is quick is found at once");
    }
}
