//! How many calls a judge has in flight, and when none may leave. One limit that moves says it all: it halves when
//! the provider says *too many*, grows again with every answer, and is one while the provider is down, so that a single
//! call at a time finds out whether it is back. Pauses that a provider asks for hold all calls of the judge, not only
//! the one that was told.
//!
//! Additive increase, multiplicative decrease with slow start, as TCP does it (RFC 5681), with calls for segments: a
//! decrease counts once per round trip, because all calls of one burst are turned away together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::config::Backoff;
use super::provider::Retry;
use super::seams::Timer;
use crate::domain::Cause;

/// Failures in a row, of any calls, after which a provider counts as down.
const DOWN_AFTER: u32 = 5;

/// The judge's calls in flight.
#[derive(Debug)]
pub(super) struct Flow {
    /// Of all replicas together.
    max: usize,
    backoff: Backoff,
    /// As many permits as `State::limit`, those that are owed aside.
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// This replica's part of `max`.
    most: usize,
    limit: f64,
    /// Below it the limit grows by one per answer, above it by one per round trip.
    slow_start_until: f64,
    /// Permits out there that are to vanish when they come back.
    owed: usize,
    /// No call leaves before this time.
    hold_until: Duration,
    last_decrease: Option<Duration>,
    failures_in_a_row: u32,
    down_since: Option<Duration>,
    answers: u64,
}

/// A call that may leave.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    flow: &'a Flow,
    permit: Option<SemaphorePermit<'a>>,
    left_at: Duration,
}

/// What a finished call says about its provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answers, whatever it answered.
    #[default]
    Up,
    /// Too many; with the pause that it asks for.
    TooMany(Option<Duration>),
    /// It does not answer, or only with errors of its own.
    Down,
}

impl Sign {
    /// From a failure that may pass.
    pub fn of(cause: Cause, retry: Retry) -> Self {
        match (retry, cause) {
            (Retry::Later(wish), Cause::RateLimited) => Self::TooMany(wish),
            // 503 with a wish: overloaded.
            (Retry::Later(Some(wish)), _) => Self::TooMany(Some(wish)),
            (Retry::Later(None), _) => Self::Down,
            (Retry::Never | Retry::Adapted, _) => Self::Up,
        }
    }
}

/// The provider has not answered for longer than anybody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Down {
    pub since: Duration,
}

impl Flow {
    pub fn new(max: usize, backoff: Backoff) -> Self {
        let max = max.clamp(1, Semaphore::MAX_PERMITS / 4);
        let state = State {
            most: max,
            limit: max as f64,
            slow_start_until: max as f64,
            owed: 0,
            hold_until: Duration::ZERO,
            last_decrease: None,
            failures_in_a_row: 0,
            down_since: None,
            answers: 0,
        };
        Self { max, backoff, permits: Semaphore::new(max), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls that may be in flight now.
    #[cfg(test)]
    fn limit(&self) -> usize {
        self.lock().limit as usize
    }

    /// Calls that were answered so far: whether others get through while one is turned away.
    pub fn answers(&self) -> u64 {
        self.lock().answers
    }

    /// Waits in order until a call may leave.
    ///
    /// # Errors
    /// [`Down`] if the provider has been down for longer than the judge's patience and nobody need find out now.
    pub async fn enter(&self, timer: &dyn Timer) -> Result<Flight<'_>, Down> {
        // The semaphore is never closed.
        let permit = self.permits.acquire().await.ok();
        loop {
            let now = timer.elapsed();
            let wait = {
                let state = self.lock();
                let wait = state.hold_until.saturating_sub(now);
                if let Some(since) = state.down_since
                    && now.saturating_sub(since) > self.backoff.patience
                    && !wait.is_zero()
                {
                    return Err(Down { since: now.saturating_sub(since) });
                }
                wait
            };
            if wait.is_zero() {
                break;
            }
            timer.sleep(wait).await;
        }
        Ok(Flight { flow: self, permit, left_at: timer.elapsed() })
    }

    /// A place for a call that may leave at once; `None` where it would have to wait.
    pub fn try_enter(&self, timer: &dyn Timer) -> Option<Flight<'_>> {
        let permit = self.permits.try_acquire().ok()?;
        let now = timer.elapsed();
        let flight = Flight { flow: self, permit: Some(permit), left_at: now };
        (self.lock().hold_until <= now).then_some(flight)
    }

    /// No call leaves for so long: an answer said that nothing is left of what the provider allows. A time beyond
    /// patience is not waited out: the provider says itself what it does not take.
    pub fn hold(&self, wish: Duration, timer: &dyn Timer) {
        if !wish.is_zero() && wish <= self.backoff.patience {
            let mut state = self.lock();
            state.hold_until = state.hold_until.max(timer.elapsed() + wish);
        }
    }

    /// So many replicas share the calls in flight; each has at least one.
    pub fn share(&self, replicas: u32) {
        let most = self.max.div_ceil(replicas.max(1) as usize);
        let mut state = self.lock();
        if most == state.most {
            return;
        }
        let before = state.limit as usize;
        // Whoever had all it was allowed has all that it is allowed now; a provider that asked for less still does.
        let full = before == state.most;
        state.most = most;
        state.limit = if full { most as f64 } else { state.limit.min(most as f64) };
        self.adjust(&mut state, before);
    }

    fn learn(&self, left_at: Duration, sign: Sign, now: Duration) {
        let mut state = self.lock();
        let before = state.limit as usize;
        match sign {
            Sign::Up => {
                state.answers += 1;
                state.failures_in_a_row = 0;
                state.down_since = None;
                let growth = if state.limit < state.slow_start_until { 1.0 } else { 1.0 / state.limit };
                state.limit = (state.limit + growth).min(state.most as f64);
            }
            Sign::TooMany(wish) => {
                if state.last_decrease.is_none_or(|last| left_at > last) {
                    state.limit = (state.limit / 2.0).max(1.0);
                    state.slow_start_until = state.limit;
                    state.last_decrease = Some(now);
                }
                // A pause beyond patience ends the call that was told; the others find out for themselves.
                if let Some(wish) = wish.filter(|wish| *wish <= self.backoff.patience) {
                    state.hold_until = state.hold_until.max(now + wish);
                }
            }
            Sign::Down => {
                state.failures_in_a_row += 1;
                if let Some(beyond) = state.failures_in_a_row.checked_sub(DOWN_AFTER) {
                    state.down_since.get_or_insert(now);
                    state.slow_start_until = state.slow_start_until.max(state.most as f64 / 2.0);
                    state.limit = 1.0;
                    let cool = self.backoff.base.saturating_mul(1u32.checked_shl(beyond).unwrap_or(u32::MAX));
                    state.hold_until = state.hold_until.max(now + cool.min(self.backoff.cap));
                }
            }
        }
        self.adjust(&mut state, before);
    }

    /// Makes the permits follow the limit.
    fn adjust(&self, state: &mut State, before: usize) {
        let after = state.limit as usize;
        if after > before {
            let more = after - before;
            let cancelled = more.min(state.owed);
            state.owed -= cancelled;
            self.permits.add_permits(more - cancelled);
        } else {
            let fewer = before - after;
            state.owed += fewer - self.permits.forget_permits(fewer);
        }
    }
}

/// A call that came home. Its place is free; what it says about its provider is still to be read.
#[derive(Debug)]
pub(super) struct Landed<'a> {
    flow: &'a Flow,
    left_at: Duration,
}

impl<'a> Flight<'a> {
    /// The call came home.
    pub fn land(self) -> Landed<'a> {
        Landed { flow: self.flow, left_at: self.left_at }
    }

    #[cfg(test)]
    fn done(self, sign: Sign, timer: &dyn Timer) {
        self.land().learn(sign, timer);
    }
}

impl Landed<'_> {
    pub fn learn(self, sign: Sign, timer: &dyn Timer) {
        self.flow.learn(self.left_at, sign, timer.elapsed());
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = self.flow.lock();
        if state.owed > 0 {
            state.owed -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::fake::StillTimer;
    use std::sync::Arc;

    fn flow(max: usize) -> (Flow, StillTimer) {
        (Flow::new(max, Backoff::default()), StillTimer::default())
    }

    #[tokio::test]
    async fn replicas_share_what_may_be_in_flight_and_get_it_back() {
        let (flow, hand) = flow(10);
        flow.share(3);
        assert_eq!(flow.limit(), 4, "rounded up: each has at least one");
        let held = burst(&flow, &hand, 4).await;
        assert!(flow.try_enter(&hand).is_none());
        // A replica comes: what is out there comes home before anything leaves.
        flow.share(5);
        drop(held);
        let two = burst(&flow, &hand, 2).await;
        assert!(flow.try_enter(&hand).is_none());
        flow.share(100);
        drop(two);
        assert_eq!(burst(&flow, &hand, 1).await.len(), 1);
        flow.share(1);
        assert_eq!((flow.limit(), burst(&flow, &hand, 10).await.len()), (10, 10));
    }

    async fn burst<'a>(flow: &'a Flow, hand: &StillTimer, calls: usize) -> Vec<Flight<'a>> {
        let mut flights = Vec::new();
        for _ in 0..calls {
            flights.push(flow.enter(hand).await.unwrap());
        }
        hand.sleep(Duration::from_millis(10)).await;
        flights
    }

    fn free(flow: &Flow) -> usize {
        flow.permits.available_permits()
    }

    #[tokio::test]
    async fn a_burst_that_is_turned_away_halves_the_limit_once_and_answers_bring_it_back() {
        let (flow, hand) = flow(64);
        for flight in burst(&flow, &hand, 64).await {
            flight.done(Sign::TooMany(None), &hand);
        }
        assert_eq!((flow.limit(), free(&flow)), (32, 32));
        hand.sleep(Duration::from_millis(10)).await;
        for flight in burst(&flow, &hand, 32).await {
            flight.done(Sign::TooMany(None), &hand);
        }
        assert_eq!((flow.limit(), free(&flow)), (16, 16));
        // About one more per round trip.
        for round_trip in 1..=20 {
            let limit = flow.limit();
            for flight in burst(&flow, &hand, limit).await {
                flight.done(Sign::Up, &hand);
            }
            assert!((16 + round_trip / 2..=16 + round_trip).contains(&flow.limit()), "{round_trip}: {}", flow.limit());
            assert_eq!(free(&flow), flow.limit());
        }
        for _ in 0..10_000 {
            burst(&flow, &hand, 1).await.remove(0).done(Sign::Up, &hand);
        }
        assert_eq!((flow.limit(), free(&flow)), (64, 64), "and never above what is configured");
    }

    #[tokio::test]
    async fn a_pause_that_is_asked_for_holds_every_call_of_the_judge() {
        let (flow, hand) = flow(8);
        burst(&flow, &hand, 1).await.remove(0).done(Sign::TooMany(Some(Duration::from_secs(7))), &hand);
        let before = hand.elapsed();
        drop(flow.enter(&hand).await.unwrap());
        assert_eq!(hand.elapsed() - before, Duration::from_secs(7));
        drop(flow.enter(&hand).await.unwrap());
        assert_eq!(hand.elapsed() - before, Duration::from_secs(7), "once");
    }

    #[tokio::test]
    async fn while_a_provider_is_down_one_call_at_a_time_finds_out_whether_it_is_back() {
        let (flow, hand) = flow(64);
        for flight in burst(&flow, &hand, 20).await {
            flight.done(Sign::Down, &hand);
        }
        assert_eq!((flow.limit(), free(&flow)), (1, 1));
        let mut probes = 0;
        let before = hand.elapsed();
        while hand.elapsed() - before < Duration::from_secs(60) {
            let flight = flow.enter(&hand).await.unwrap();
            assert_eq!(free(&flow), 0, "only one");
            flight.done(Sign::Down, &hand);
            probes += 1;
        }
        assert!((7..=12).contains(&probes), "{probes} probes in a minute");
        for _ in 0..40 {
            flow.enter(&hand).await.unwrap().done(Sign::Up, &hand);
        }
        assert!(flow.limit() >= 32, "it is soon at work again: {}", flow.limit());
        assert_eq!(free(&flow), flow.limit());
    }

    #[tokio::test]
    async fn nobody_waits_for_a_provider_that_stays_down_longer_than_patience() {
        let (flow, hand) = flow(4);
        let backoff = Backoff::default();
        while hand.elapsed() <= backoff.patience {
            flow.enter(&hand).await.unwrap().done(Sign::Down, &hand);
        }
        flow.enter(&hand).await.map(|flight| flight.done(Sign::Down, &hand)).ok();
        let down = flow.enter(&hand).await.unwrap_err();
        assert!(down.since >= backoff.patience, "{down:?}");
        // Later somebody may try again.
        hand.sleep(Duration::from_mins(1)).await;
        flow.enter(&hand).await.unwrap().done(Sign::Up, &hand);
        assert!(flow.enter(&hand).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_gives_its_place_back_and_debts_are_paid() {
        let (flow, hand) = flow(8);
        let flights = burst(&flow, &hand, 8).await;
        let mut flights = flights.into_iter();
        flights.next().unwrap().done(Sign::TooMany(None), &hand);
        assert_eq!(flow.limit(), 4);
        drop(flights);
        assert_eq!(free(&flow), 4);
    }

    #[tokio::test]
    async fn places_are_given_in_the_order_in_which_they_were_asked_for() {
        let flow = Arc::new(Flow::new(1, Backoff::default()));
        let hand = Arc::new(StillTimer::default());
        let first = flow.enter(hand.as_ref()).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for n in 0..6 {
            let (flow, hand, order) = (flow.clone(), hand.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let flight = flow.enter(hand.as_ref()).await.unwrap();
                order.lock().unwrap().push(n);
                flight.done(Sign::Up, hand.as_ref());
            }));
            tokio::task::yield_now().await;
        }
        first.done(Sign::Up, hand.as_ref());
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    }
}
