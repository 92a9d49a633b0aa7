//! Typed ids. A [`GradingId`] cannot be passed where a [`SubmissionId`] is meant, and none can be made
//! except by parsing or by an [`IdSource`], whose clock and seed are parameters: a test that runs twice
//! sees the same ids twice.

use std::sync::{Arc, Mutex};

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::time::Clock;

/// What every typed id can do.
pub trait Id: Copy {
    fn from_uuid(uuid: Uuid) -> Self;
    fn uuid(&self) -> Uuid;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl Id for $name {
            fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
            fn uuid(&self) -> Uuid { self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Ok(Self(Uuid::parse_str(text)?)) }
        }
    )+};
}

ids! {
    /// A rubric through all its versions.
    RubricId,
    SubmissionId,
    GradingId,
    ComparisonId,
    /// A rubric that a model was asked to propose.
    DraftingId,
    VoteId,
    OverrideId,
    ReviewId,
    /// One battle of an imported file.
    BattleId,
    /// A leaderboard that was kept.
    SnapshotId,
    /// An API key (not its secret).
    KeyId,
    /// An address that is told what happened.
    WebhookId,
    /// One event on its way to one webhook.
    DeliveryId,
    /// A process among equals over one store.
    ReplicaId,
    /// What a reviewer holds while a review is theirs; `submit` must show it.
    LeaseToken,
}

/// Makes ids: UUIDv7 from the given clock, ordered within this process even inside one millisecond.
pub struct IdSource {
    clock: Arc<dyn Clock>,
    state: Mutex<IdState>,
}

struct IdState {
    random: ChaCha12Rng,
    millis: u64,
    counter: u16,
}

impl IdSource {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, seed: [u8; 32]) -> Self {
        let random = ChaCha12Rng::from_seed(seed);
        Self { clock, state: Mutex::new(IdState { random, millis: 0, counter: 0 }) }
    }

    /// A fresh id.
    pub fn next<T: Id>(&self) -> T {
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // `rand_a` (12 bits) counts the ids of one millisecond; past 4,095 the time runs ahead by one,
        // so that the order of ids is the order of their making even when the clock stands still.
        if now > state.millis {
            state.millis = now;
            state.counter = 0;
        } else if state.counter == 0x0fff {
            state.millis += 1;
            state.counter = 0;
        } else {
            state.counter += 1;
        }
        let mut tail = [0u8; 10];
        state.random.fill_bytes(&mut tail);
        tail[..2].copy_from_slice(&state.counter.to_be_bytes());
        T::from_uuid(uuid::Builder::from_unix_timestamp_millis(state.millis, &tail).into_uuid())
    }

    /// 32 random bytes as hex: the secret part of an API key.
    pub fn secret(&self) -> String {
        let mut bytes = [0u8; 32];
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.random.fill_bytes(&mut bytes);
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::FixedClock;

    fn source() -> IdSource {
        IdSource::new(Arc::new(FixedClock::at("2026-01-02T03:04:05Z")), [7; 32])
    }

    #[test]
    fn ids_of_one_millisecond_are_ordered_by_their_making() {
        let source = source();
        let ids: Vec<GradingId> = (0..10_000).map(|_| source.next()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_same_seed_and_clock_give_the_same_ids() {
        let (a, b): (VoteId, VoteId) = (source().next(), source().next());
        assert_eq!(a, b);
        assert_eq!(a.uuid().get_version_num(), 7);
    }
}
