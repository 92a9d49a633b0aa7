//! Equal processes over one store. Each tells every few seconds that it lives; whoever has not seen another's beat move
//! for the length of a lease, *by their own clock*, takes it for dead and takes over what it held. Clocks are never
//! compared, so one that is minutes off does no harm.
//!
//! A lease is a record. Taking one over writes it anew, and everything that is done under a lease requires that the record
//! is as it was when it was taken ([`ProjectStore::fenced`]): a process that was stopped for a while, or cut off, finds
//! out at its first write that it is not the one any more, and nothing of it is kept.
//!
//! On a store that only one process can open (sled, memory) there are no leases, and nothing is paid for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{Clock, Replica, ReplicaId, Subject, WorkLease};
use crate::store::{Kept, ProjectStore, Query, Record, Store, StoreError};

/// Leases after which a dead replica's record is swept.
const SWEPT_AFTER: u32 = 20;
/// How often one who waits for what only one may do looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Replicas that left and are remembered.
const GONE_KEPT: usize = 64;

pub struct Replicas {
    me: ReplicaId,
    name: String,
    /// `None`: nobody else can be there.
    among: Option<Among>,
}

struct Among {
    /// So long a beat may stand still before its replica is taken for dead.
    lease: Duration,
    beat: Duration,
    seen: Mutex<Seen>,
    /// Time that only ever runs on; a parameter, so that tests need not wait.
    now: Box<dyn Fn() -> Instant + Send + Sync>,
}

#[derive(Default)]
struct Seen {
    mine: u64,
    others: HashMap<ReplicaId, Pulse>,
    /// Replicas that were there and are not any more, the latest first.
    gone: Vec<ReplicaId>,
    /// When this process last could tell that it lives.
    told: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Pulse {
    beat: u64,
    since: Instant,
}

/// What a lease is taken on.
#[must_use]
pub fn work_key(subject: Subject) -> String {
    match subject {
        Subject::Grading(id) => format!("grading/{id}"),
        Subject::Comparison(id) => format!("comparison/{id}"),
        Subject::Drafting(id) => format!("drafting/{id}"),
    }
}

impl Replicas {
    /// The only process over its store.
    #[must_use]
    pub fn alone(me: ReplicaId) -> Self {
        Self { me, name: String::new(), among: None }
    }

    /// One of several; `beat` must be well below `lease`.
    #[must_use]
    pub fn among(me: ReplicaId, name: String, lease: Duration, beat: Duration) -> Self {
        Self::timed(me, name, lease, beat, Box::new(Instant::now))
    }

    fn timed(
        me: ReplicaId,
        name: String,
        lease: Duration,
        beat: Duration,
        now: Box<dyn Fn() -> Instant + Send + Sync>,
    ) -> Self {
        Self { me, name, among: Some(Among { lease, beat, seen: Mutex::default(), now }) }
    }

    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.among.is_none()
    }

    #[must_use]
    pub fn me(&self) -> ReplicaId {
        self.me
    }

    /// How often to call [`Self::beat`]; `None` where nobody listens.
    #[must_use]
    pub fn every(&self) -> Option<Duration> {
        self.among.as_ref().map(|among| among.beat)
    }

    /// Replicas that live, this one included.
    #[must_use]
    pub fn count(&self) -> usize {
        let Some(among) = &self.among else { return 1 };
        let seen = among.lock();
        1 + seen.others.values().filter(|pulse| among.since(pulse.since) < among.lease).count()
    }

    /// Whether it is known that no other replica lives.
    #[must_use]
    pub fn is_only(&self) -> bool {
        self.among.as_ref().is_none_or(|among| among.lock().told.is_some()) && self.count() == 1
    }

    /// Whether this process has been unable, for the length of a lease, to tell that it lives: others have taken over
    /// what it holds, or will in a moment.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let Some(among) = &self.among else { return false };
        among.lock().told.is_some_and(|told| among.since(told) >= among.lease)
    }

    /// Tells that this process lives, and looks who else does.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn beat(&self, store: &Store, clock: &dyn Clock) -> Result<(), StoreError> {
        let Some(among) = &self.among else { return Ok(()) };
        let system = store.system();
        let beat = {
            let mut seen = among.lock();
            seen.mine += 1;
            seen.mine
        };
        // Before the write: others count from when they see it, which is later.
        let told = (among.now)();
        let mine = Replica { id: self.me, name: self.name.clone(), beat, started_at: clock.now() };
        let started_at = match system.get::<Replica>(&mine.key()).await? {
            Some(kept) => kept.record.started_at,
            None => mine.started_at,
        };
        system.commit(system.batch().put(&Replica { started_at, ..mine })).await?;
        let all = system.all::<Replica>(Query::default()).await?;
        let mut dead = Vec::new();
        {
            let mut seen = among.lock();
            seen.told = Some(told);
            // Who said good-bye, or was swept, is dead: what it held is free.
            let left = seen.others.keys().filter(|id| !all.iter().any(|replica| replica.id == **id)).copied();
            let mut gone: Vec<ReplicaId> = left.collect();
            gone.append(&mut seen.gone);
            gone.truncate(GONE_KEPT);
            seen.gone = gone;
            seen.others.retain(|id, _| all.iter().any(|replica| replica.id == *id));
            for replica in all.iter().filter(|replica| replica.id != self.me) {
                let fresh = Pulse { beat: replica.beat, since: (among.now)() };
                let pulse = seen.others.entry(replica.id).or_insert(fresh);
                if pulse.beat != replica.beat {
                    *pulse = fresh;
                }
                if among.since(pulse.since) > among.lease * SWEPT_AFTER {
                    dead.push(replica.id);
                }
            }
        }
        for dead in dead {
            self.clear(store, clock, dead).await?;
            system.commit(system.batch().delete::<Replica>(&dead.to_string())).await?;
        }
        Ok(())
    }

    /// Takes away what a dead replica left: leases on work that it had finished when it was killed, which nobody takes
    /// over because there is nothing left to do.
    async fn clear(&self, store: &Store, clock: &dyn Clock, dead: ReplicaId) -> Result<(), StoreError> {
        for project in store.projects().await? {
            let project = store.project(&project);
            for lease in project.all::<WorkLease>(Query::default()).await? {
                // Taken first, so that one that somebody else takes over meanwhile stays theirs.
                if lease.replica == dead
                    && let Some(leased) = self.take(&project, &lease.of, clock).await?
                {
                    self.give_back(&leased, &lease.of).await?;
                }
            }
        }
        Ok(())
    }

    /// Says good-bye: what this process held can be taken over at once.
    ///
    /// # Errors
    /// If the store cannot; then others wait for the length of a lease.
    pub async fn leave(&self, store: &Store) -> Result<(), StoreError> {
        if self.among.is_none() {
            return Ok(());
        }
        let system = store.system();
        system.commit(system.batch().delete::<Replica>(&self.me.to_string())).await
    }

    /// Takes the lease on a piece of work of a project. The answer is the project's records under that lease; `None` if
    /// somebody who lives has it.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn take(
        &self,
        project: &ProjectStore,
        of: &str,
        clock: &dyn Clock,
    ) -> Result<Option<ProjectStore>, StoreError> {
        let Some(among) = &self.among else { return Ok(Some(project.clone())) };
        let free = project.unfenced();
        let mine = WorkLease { of: of.to_owned(), replica: self.me, takeovers: 0, taken_at: clock.now() };
        let (lease, batch) = match free.get::<WorkLease>(of).await? {
            None => (mine.clone(), free.batch().insert(&mine)),
            Some(Kept { record, .. }) if record.replica != self.me && among.lives(record.replica) => return Ok(None),
            Some(Kept { record, revision }) => {
                let taken_over = u32::from(record.replica != self.me);
                let lease = WorkLease { takeovers: record.takeovers.saturating_add(taken_over), ..mine };
                if taken_over > 0 {
                    tracing::warn!(of, from = %record.replica, by = %self.me, "lease taken over from a replica that does not answer");
                    metrics::counter!(TAKEOVERS).increment(1);
                }
                let batch = free.batch().update(&lease, revision);
                (lease, batch)
            }
        };
        match free.commit_revision(batch).await {
            Ok(Some(revision)) => Ok(Some(free.fenced(&lease, revision))),
            Ok(None) | Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives back a lease that [`Self::take`] gave; one that was lost meanwhile is somebody else's.
    ///
    /// # Errors
    /// If the store cannot; then it ends with this process.
    pub async fn give_back(&self, leased: &ProjectStore, of: &str) -> Result<(), StoreError> {
        if self.among.is_none() { Ok(()) } else { give_back(leased, of).await }
    }

    /// Waits until nobody else does what only one may do at a time, here or at another replica. What is then written
    /// through [`Alone::project`] requires that it is still so.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn one_at_a_time(
        &self,
        here: &Arc<tokio::sync::Mutex<()>>,
        project: &ProjectStore,
        of: &'static str,
        clock: &dyn Clock,
    ) -> Result<Alone, StoreError> {
        let guard = here.clone().lock_owned().await;
        loop {
            if let Some(project) = self.take(project, of, clock).await? {
                return Ok(Alone { guard: Some(guard), project, of: (!self.is_alone()).then_some(of) });
            }
            // A replica that holds it and dies is found out after the length of a lease.
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Given to one at a time, here and at all replicas, until it is dropped.
pub struct Alone {
    guard: Option<tokio::sync::OwnedMutexGuard<()>>,
    project: ProjectStore,
    /// The lease that is to be given back.
    of: Option<&'static str>,
}

impl Alone {
    #[must_use]
    pub fn project(&self) -> &ProjectStore {
        &self.project
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let (guard, project) = (self.guard.take(), self.project.clone());
        let (Some(of), Ok(runtime)) = (self.of, tokio::runtime::Handle::try_current()) else { return };
        runtime.spawn(async move {
            if let Err(error) = give_back(&project, of).await {
                tracing::warn!(lease = of, %error, "a lease could not be given back; it ends with this replica");
            }
            drop(guard);
        });
    }
}

async fn give_back(leased: &ProjectStore, of: &str) -> Result<(), StoreError> {
    match leased.commit(leased.batch().delete::<WorkLease>(of)).await {
        Ok(()) | Err(StoreError::Fenced { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

impl Among {
    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since(&self, at: Instant) -> Duration {
        (self.now)().saturating_duration_since(at)
    }

    /// Whether a replica may still live. One that was never seen is watched from now on.
    fn lives(&self, replica: ReplicaId) -> bool {
        let mut seen = self.lock();
        if seen.gone.contains(&replica) {
            return false;
        }
        let pulse = seen.others.entry(replica).or_insert(Pulse { beat: 0, since: (self.now)() });
        self.since(pulse.since) < self.lease
    }
}

const TAKEOVERS: &str = "empanel_leases_taken_over_total";

/// What the metrics mean.
pub fn describe_metrics() {
    metrics::describe_counter!(TAKEOVERS, "Leases taken over from replicas that did not answer any more.");
    metrics::counter!(TAKEOVERS).increment(0);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::domain::{Id, ProjectId, SystemClock};
    use crate::store::{Backend, MemoryBackend};

    const LEASE: Duration = Duration::from_secs(15);
    const BEAT: Duration = Duration::from_secs(3);

    struct World {
        store: Store,
        project: ProjectStore,
        /// Seconds.
        passed: Arc<AtomicU64>,
    }

    fn world() -> World {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::default());
        let store = Store::over(backend);
        World { project: store.project(&ProjectId::parse("p").unwrap()), store, passed: Arc::default() }
    }

    impl World {
        fn replica(&self, n: u128) -> Replicas {
            let (start, passed) = (Instant::now(), self.passed.clone());
            let now = Box::new(move || start + Duration::from_secs(passed.load(Ordering::Relaxed)));
            let id = ReplicaId::from_uuid(uuid::Uuid::from_u128(n));
            Replicas::timed(id, format!("host:{n}"), LEASE, BEAT, now)
        }

        fn wait(&self, time: Duration) {
            self.passed.fetch_add(time.as_secs(), Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn what_a_living_replica_holds_is_nobody_elses_and_what_a_dead_one_held_is_taken_over() {
        let world = world();
        let World { store, project, .. } = &world;
        let clock = SystemClock;
        let (one, two) = (world.replica(1), world.replica(2));
        one.beat(store, &clock).await.unwrap();
        two.beat(store, &clock).await.unwrap();
        let held = one.take(project, "grading/1", &clock).await.unwrap().expect("it is free");
        assert!(two.take(project, "grading/1", &clock).await.unwrap().is_none());
        for _ in 0..20 {
            world.wait(BEAT);
            one.beat(store, &clock).await.unwrap();
            two.beat(store, &clock).await.unwrap();
        }
        assert_eq!((one.count(), two.count()), (2, 2));
        assert!(two.take(project, "grading/1", &clock).await.unwrap().is_none(), "a beat a minute later keeps it");

        // The first stops (SIGSTOP, a cut cable); the second goes on.
        let mut waited = Duration::ZERO;
        let taken = loop {
            world.wait(BEAT);
            waited += BEAT;
            two.beat(store, &clock).await.unwrap();
            if let Some(taken) = two.take(project, "grading/1", &clock).await.unwrap() {
                break taken;
            }
            assert!(waited <= LEASE + BEAT, "not taken over after {waited:?}");
        };
        assert!(waited >= LEASE - BEAT, "taken over too early, after {waited:?}");
        assert!(one.is_cut_off() && !two.is_cut_off());

        // The zombie wakes: nothing of it is kept, whatever it writes.
        let mut record = WorkLease {
            of: "by-product".to_owned(),
            ..project.get::<WorkLease>("grading/1").await.unwrap().unwrap().record
        };
        assert_eq!(record.takeovers, 1);
        let late = held.commit(held.batch().insert(&record)).await;
        assert_eq!(late, Err(StoreError::Fenced { key: "grading/1".to_owned() }));
        record.takeovers = 7;
        assert!(matches!(held.commit(held.batch().put(&record)).await, Err(StoreError::Fenced { .. })));
        assert!(project.get::<WorkLease>("by-product").await.unwrap().is_none());
        assert_eq!(one.give_back(&held, "grading/1").await, Ok(()));
        assert!(project.get::<WorkLease>("grading/1").await.unwrap().is_some(), "it is not the zombie's to give");
        taken.commit(taken.batch().insert(&record)).await.unwrap();
        two.give_back(&taken, "grading/1").await.unwrap();
        assert!(project.get::<WorkLease>("grading/1").await.unwrap().is_none());
        let again = one.take(project, "grading/1", &clock).await.unwrap();
        assert!(again.is_some(), "given back, it is free");
    }

    #[tokio::test]
    async fn who_says_good_bye_is_followed_at_once_and_clocks_do_not_matter() {
        let world = world();
        let World { store, project, .. } = &world;
        let hours_ahead = crate::domain::FixedClock::at("2031-01-01T00:00:00Z");
        let (one, two) = (world.replica(1), world.replica(2));
        one.beat(store, &hours_ahead).await.unwrap();
        two.beat(store, &SystemClock).await.unwrap();
        one.take(project, "grading/1", &hours_ahead).await.unwrap().expect("it is free");
        world.wait(BEAT);
        two.beat(store, &SystemClock).await.unwrap();
        assert!(two.take(project, "grading/1", &SystemClock).await.unwrap().is_none());
        one.leave(store).await.unwrap();
        two.beat(store, &SystemClock).await.unwrap();
        assert_eq!(two.count(), 1);
        assert!(two.take(project, "grading/1", &SystemClock).await.unwrap().is_some(), "nobody waits for who left");
    }
}
