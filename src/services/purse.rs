//! Budgets. A question leaves when what is spent, what those in flight will cost, and what it will cost itself stay within
//! the budget; what a question really cost is known when it is answered. So a budget is passed by no more than the
//! questions in flight cost beyond their estimates. What is not asked for want of money fails with `over_budget`, and can
//! be retried with more.
//!
//! Where several replicas spend one budget, each sets a small part of it aside for itself, in a record that they all
//! share ([`MonthBudget`]), and draws more when that is used up: together they never spend more than there is. Who ends
//! gives back what is left; of one that was killed a part ([`PART`] of the budget) stays set aside until another needs it
//! and lives alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::replicas::Replicas;
use crate::domain::{Drafting, MonthBudget, ReplicaId, Timestamp, Vote};
use crate::store::{Kept, MAX_PAGE, ProjectStore, Query, StoreError};

/// Of a month's budget, how much a replica sets aside at a time.
const PART: f64 = 0.005;
/// Seconds before a store that does not answer is asked again for money.
const AGAIN: Duration = Duration::from_secs(1);

/// The budgets of projects, each for a calendar month (UTC). What was spent before this process began is read from the
/// votes, once.
#[derive(Debug)]
pub struct Purses {
    month_usd: Option<f64>,
    /// By project: the month, and its budget.
    open: tokio::sync::Mutex<HashMap<String, (String, Arc<Purse>)>>,
    /// It is known that no other replica lives.
    alone: Arc<AtomicBool>,
}

impl Purses {
    #[must_use]
    pub fn new(month_usd: Option<f64>) -> Self {
        Self { month_usd, open: tokio::sync::Mutex::default(), alone: Arc::default() }
    }

    /// Whether it is known, now, that no other replica lives.
    pub fn set_alone(&self, alone: bool) {
        self.alone.store(alone, Ordering::Relaxed);
    }

    /// The largest share of its month's budget that a project has spent, or set aside for what is asked next, as far as
    /// this process knows; `None` without such a budget.
    pub async fn fullest(&self, now: Timestamp) -> Option<f64> {
        let limit = self.month_usd?;
        let month = month_of(now);
        let open = self.open.lock().await.values().cloned().collect::<Vec<_>>();
        let mut most: f64 = 0.0;
        for (_, purse) in open.iter().filter(|(of, _)| *of == month) {
            // Others spend it, too.
            let shared = match &purse.ledger {
                Some(ledger) => ledger.project.get::<MonthBudget>(&month).await.ok().flatten(),
                None => None,
            };
            most = most.max(shared.map_or_else(|| purse.spent(), |kept| kept.record.taken()));
        }
        Some(most / limit)
    }

    /// The budget of this project for this month.
    ///
    /// # Errors
    /// If what was spent cannot be read.
    pub async fn of(
        &self,
        project: &ProjectStore,
        now: Timestamp,
        replicas: &Replicas,
    ) -> Result<Arc<Purse>, StoreError> {
        let Some(limit) = self.month_usd else { return Ok(Arc::new(Purse::new("project", None, 0.0))) };
        let month = month_of(now);
        let mut open = self.open.lock().await;
        if let Some((_, purse)) = open.get(project.scope()).filter(|(of, _)| *of == month) {
            return Ok(Arc::clone(purse));
        }
        let what = "project in this month";
        let purse = Arc::new(if replicas.is_alone() {
            Purse::new(what, Some(limit), spent(project, &month).await?)
        } else {
            let (project, me, alone) = (project.unfenced(), replicas.me(), self.alone.clone());
            let ledger = Ledger { project, me, month: month.clone(), limit, alone };
            ledger.open().await?;
            Purse { ledger: Some(ledger), ..Purse::new(what, Some(limit), 0.0) }
        });
        open.insert(project.scope().to_owned(), (month, Arc::clone(&purse)));
        Ok(purse)
    }

    /// Gives back what was set aside and not spent.
    ///
    /// # Errors
    /// If the store cannot; then it stays set aside.
    pub async fn leave(&self) -> Result<(), StoreError> {
        for (_, purse) in self.open.lock().await.values() {
            if let Some(ledger) = &purse.ledger {
                let spent = purse.lock().spent;
                ledger.settle(spent).await?;
            }
        }
        Ok(())
    }
}

/// What was paid in a month, as far as it is known; US dollars.
async fn spent(project: &ProjectStore, month: &str) -> Result<f64, StoreError> {
    let draftings = project.all::<Drafting>(Query::default()).await?;
    let of_month = draftings.iter().filter(|one| month_of(one.created_at) == month);
    let mut spent: f64 = of_month.filter_map(Drafting::bill).filter_map(|bill| bill.cost_usd).sum();
    let mut cursor = None;
    loop {
        let page = project.list::<Vote>(Query::default().limit(MAX_PAGE).after(cursor)).await?;
        let votes = page.items.iter().map(|kept| &kept.record);
        spent += votes.filter(|vote| month_of(vote.created_at) == month).filter_map(|vote| vote.cost_usd).sum::<f64>();
        cursor = page.next;
        if cursor.is_none() {
            return Ok(spent);
        }
    }
}

/// A month's budget that other replicas spend, too.
#[derive(Clone)]
struct Ledger {
    project: ProjectStore,
    me: ReplicaId,
    month: String,
    limit: f64,
    alone: Arc<AtomicBool>,
}

/// What came of an attempt to set more aside.
struct Drawn {
    /// `None`: there is not so much.
    more: Option<f64>,
    /// Spent by those who are gone, or set aside by others.
    elsewhere: f64,
    /// Something is set aside by others.
    by_others: bool,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("me", &self.me).field("month", &self.month).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Makes the record if there is none.
    async fn open(&self) -> Result<(), StoreError> {
        if self.project.get::<MonthBudget>(&self.month).await?.is_some() {
            return Ok(());
        }
        let spent_usd = spent(&self.project, &self.month).await?;
        let budget = MonthBudget { month: self.month.clone(), spent_usd, set_aside_usd: BTreeMap::new() };
        match self.project.commit(self.project.batch().insert(&budget)).await {
            Err(StoreError::Conflict { .. }) => Ok(()),
            done => done,
        }
    }

    /// Sets aside at least `needed` more.
    async fn draw(&self, needed: f64) -> Result<Drawn, StoreError> {
        loop {
            let Some(Kept { mut record, revision }) = self.project.get::<MonthBudget>(&self.month).await? else {
                self.open().await?;
                continue;
            };
            let taken = record.taken();
            let mine = record.set_aside_usd.entry(self.me).or_default();
            let elsewhere = taken - *mine;
            let free = self.limit * (1.0 + 1e-9) - taken;
            let drawn = needed.max((self.limit * PART).min(free));
            *mine += drawn;
            let by_others = record.set_aside_usd.len() > 1;
            if free < needed {
                return Ok(Drawn { more: None, elsewhere, by_others });
            }
            match self.project.commit(self.project.batch().update(&record, revision)).await {
                Err(StoreError::Conflict { .. }) => {}
                done => return done.map(|()| Drawn { more: Some(drawn), elsewhere, by_others }),
            }
        }
    }

    /// Counts anew what was really paid, where nobody else lives who could spend what they have set aside: `unspent` is
    /// what this process has. What is spent now.
    async fn count_anew(&self, unspent: f64) -> Result<f64, StoreError> {
        loop {
            let Some(Kept { record, revision }) = self.project.get::<MonthBudget>(&self.month).await? else {
                self.open().await?;
                continue;
            };
            let spent_usd = spent(&self.project, &self.month).await?;
            let budget = MonthBudget { spent_usd, set_aside_usd: [(self.me, unspent)].into(), ..record };
            match self.project.commit(self.project.batch().update(&budget, revision)).await {
                Err(StoreError::Conflict { .. }) => {}
                done => return done.map(|()| spent_usd),
            }
        }
    }

    /// Nothing but this was spent, and nothing more will be.
    async fn settle(&self, spent: f64) -> Result<(), StoreError> {
        loop {
            let Some(Kept { mut record, revision }) = self.project.get::<MonthBudget>(&self.month).await? else {
                return Ok(());
            };
            if record.set_aside_usd.remove(&self.me).is_none() {
                return Ok(());
            }
            record.spent_usd += spent;
            match self.project.commit(self.project.batch().update(&record, revision)).await {
                Err(StoreError::Conflict { .. }) => {}
                done => return done,
            }
        }
    }
}

/// `2026-11`.
fn month_of(time: Timestamp) -> String {
    time.to_string().chars().take(7).collect()
}

/// One budget, shared by all who spend it. US dollars.
#[derive(Debug)]
pub struct Purse {
    limit: Option<f64>,
    what: &'static str,
    state: Mutex<State>,
    settled: Notify,
    ledger: Option<Ledger>,
    /// One at a time draws.
    drawing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    spent: f64,
    reserved: f64,
    /// Of a budget that others spend, too: what was set aside for this process so far.
    drawn: f64,
    /// The same of all others, as it was last seen.
    elsewhere: f64,
}

/// The budget does not cover another question.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the budget of the {what}, {limit} USD, does not cover it: {spent:.6} are spent and it would cost about {needed:.6}; retry it with a larger one"
)]
pub struct Empty {
    what: &'static str,
    limit: f64,
    spent: f64,
    needed: f64,
}

/// What one question may cost, set aside until it is settled.
#[derive(Debug)]
pub struct Reserved<'a> {
    purse: &'a Purse,
    amount: f64,
}

impl Purse {
    /// `what` names it in messages: the grading, the project.
    #[must_use]
    pub fn new(what: &'static str, limit: Option<f64>, spent: f64) -> Self {
        let state = State { spent, ..State::default() };
        Self {
            limit,
            what,
            state: Mutex::new(state),
            settled: Notify::new(),
            ledger: None,
            drawing: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[must_use]
    pub fn limit(&self) -> Option<f64> {
        self.limit
    }

    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// By this process and those before it, and what others have set aside, as far as it was seen.
    #[must_use]
    pub fn spent(&self) -> f64 {
        let state = self.lock();
        state.spent + state.elsewhere
    }

    /// Sets aside what a question will cost. Waits while questions in flight may turn out cheaper than feared.
    ///
    /// # Errors
    /// [`Empty`] once nothing in flight can make room any more.
    pub async fn reserve(&self, amount: f64) -> Result<Reserved<'_>, Empty> {
        let Some(limit) = self.limit else { return Ok(Reserved { purse: self, amount: 0.0 }) };
        loop {
            self.draw_for(amount).await;
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            {
                let mut state = self.lock();
                let most = if self.ledger.is_some() { state.drawn } else { limit };
                let fits = |sum: f64| fits(sum, most);
                if fits(state.spent + state.reserved + amount) {
                    state.reserved += amount;
                    return Ok(Reserved { purse: self, amount });
                }
                if state.reserved <= 0.0 || !fits(state.spent + amount) {
                    let spent = state.spent + state.elsewhere;
                    return Err(Empty { what: self.what, limit, spent, needed: amount });
                }
            }
            settled.await;
        }
    }

    /// Sets more aside where what this process has does not cover another question.
    async fn draw_for(&self, amount: f64) {
        let Some(ledger) = &self.ledger else { return };
        let _one_at_a_time = self.drawing.lock().await;
        loop {
            let needed = {
                let state = self.lock();
                let sum = state.spent + state.reserved + amount;
                if fits(sum, state.drawn) {
                    return;
                }
                sum - state.drawn
            };
            let drawn = match ledger.draw(needed).await {
                Ok(Drawn { more: None, by_others: true, .. }) if ledger.alone.load(Ordering::Relaxed) => {
                    // What is in flight here is set aside here; nothing is settled while it is counted.
                    let unspent = {
                        let state = self.lock();
                        state.drawn - state.spent
                    };
                    ledger.count_anew(unspent).await.map(|elsewhere| Err((unspent, elsewhere)))
                }
                drawn => drawn.map(Ok),
            };
            match drawn {
                Ok(Ok(Drawn { more, elsewhere, .. })) => {
                    let mut state = self.lock();
                    state.drawn += more.unwrap_or(0.0);
                    state.elsewhere = elsewhere;
                    return;
                }
                Ok(Err((unspent, elsewhere))) => {
                    let mut state = self.lock();
                    // What was spent by now is counted elsewhere; what was settled meanwhile is in both, which is no gift.
                    state.spent = (state.spent + unspent - state.drawn).max(0.0);
                    state.drawn = unspent;
                    state.elsewhere = elsewhere;
                }
                // Nothing is asked for that nobody may pay; who waits can be stopped.
                Err(error) => {
                    tracing::warn!(%error, "what is left of the budget cannot be read; asking again in 1 s");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// Sums of many small amounts are off by less than this.
fn fits(sum: f64, most: f64) -> bool {
    sum <= most * (1.0 + 1e-9)
}

impl Reserved<'_> {
    /// The question was settled and cost this; `None` where nobody can say: then it cost what was set aside.
    pub fn settle(self, cost_usd: Option<f64>) {
        self.purse.lock().spent += cost_usd.unwrap_or(self.amount);
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut state = self.purse.lock();
        state.reserved = (state.reserved - self.amount).max(0.0);
        drop(state);
        self.purse.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_is_in_flight_counts_until_its_cost_is_known() {
        let purse = Purse::new("grading", Some(1.0), 0.25);
        let first = purse.reserve(0.5).await.unwrap();
        let second = async { purse.reserve(0.5).await.map(|reserved| reserved.settle(Some(0.5))) };
        let cheaper = async {
            tokio::task::yield_now().await;
            first.settle(Some(0.1));
        };
        let (second, ()) = tokio::join!(second, cheaper);
        assert!(second.is_ok(), "the first turned out cheaper");
        assert!((purse.spent() - 0.85).abs() < 1e-12);
        let empty = purse.reserve(0.5).await.unwrap_err();
        assert!(empty.to_string().contains("budget of the grading, 1 USD"), "{empty}");
    }

    #[tokio::test]
    async fn a_question_that_was_given_up_gives_back_what_was_set_aside_and_an_unknown_cost_is_no_gift() {
        let purse = Purse::new("grading", Some(1.0), 0.0);
        drop(purse.reserve(1.0).await.unwrap());
        purse.reserve(1.0).await.unwrap().settle(None);
        assert!((purse.spent() - 1.0).abs() < 1e-12);
        assert!(purse.reserve(0.01).await.is_err());
        assert!(purse.reserve(0.0).await.is_ok(), "what is free can be asked");
    }

    #[tokio::test]
    async fn without_a_limit_everything_leaves() {
        let purse = Purse::new("grading", None, 0.0);
        assert!(purse.reserve(1e9).await.is_ok());
    }

    async fn shared(project: &ProjectStore, limit: f64, me: u128) -> Purse {
        let me = crate::domain::Id::from_uuid(uuid::Uuid::from_u128(me << 64));
        let ledger = Ledger { project: project.clone(), me, month: "2026-11".to_owned(), limit, alone: Arc::default() };
        ledger.open().await.unwrap();
        Purse { ledger: Some(ledger), ..Purse::new("project in this month", Some(limit), 0.0) }
    }

    async fn project() -> ProjectStore {
        let store = crate::store::Store::open("memory:", crate::store::StoreOptions::default()).await.unwrap();
        store.project(&crate::domain::ProjectId::parse("p").unwrap())
    }

    #[tokio::test]
    async fn replicas_that_spend_one_budget_spend_all_of_it_and_nothing_more() {
        let project = project().await;
        let purses = [shared(&project, 1.0, 1).await, shared(&project, 1.0, 2).await, shared(&project, 1.0, 3).await];
        let spend = async |purse: &Purse, cost: f64| {
            let mut paid = 0.0;
            while let Ok(reserved) = purse.reserve(cost).await {
                reserved.settle(Some(cost));
                paid += cost;
                tokio::task::yield_now().await;
            }
            paid
        };
        let [a, b, c] = &purses;
        let (a, b, c) = tokio::join!(spend(a, 0.0007), spend(b, 0.0013), spend(c, 0.0021));
        let paid: f64 = a + b + c;
        // What is left is set aside where it is too little for another question.
        assert!(paid <= 1.0 + 1e-9 && paid > 1.0 - 0.0007 - 0.0013 - 0.0021, "{paid}: {a}, {b}, {c}");
        assert!(a > 0.1 && b > 0.1 && c > 0.1, "{a}, {b}, {c}");
        let empty = purses[0].reserve(0.1).await.unwrap_err().to_string();
        assert!(empty.contains("budget of the project in this month, 1 USD"), "{empty}");
        assert!((purses[0].spent() - 1.0).abs() < 0.01, "what others have counts: {}", purses[0].spent());
    }

    #[tokio::test]
    async fn who_ends_gives_back_what_is_left_and_who_is_alone_takes_what_the_killed_had() {
        let project = project().await;
        let (killed, ended) = (shared(&project, 1.0, 1).await, shared(&project, 1.0, 2).await);
        killed.reserve(0.9).await.unwrap().settle(Some(0.1));
        ended.reserve(0.05).await.unwrap().settle(Some(0.01));
        let spent = ended.lock().spent;
        ended.ledger.as_ref().unwrap().settle(spent).await.unwrap();
        let next = shared(&project, 1.0, 3).await;
        next.reserve(0.05).await.unwrap().settle(Some(0.05));
        assert!(next.reserve(0.05).await.is_err(), "0.9 are still set aside");
        // Alone, one counts what was really paid: no vote says that anything was.
        next.ledger.as_ref().unwrap().alone.store(true, Ordering::Relaxed);
        let held = next.reserve(0.9).await.unwrap();
        assert!(next.reserve(0.2).now_or_never().is_none(), "what is held is not given twice; it may turn out cheaper");
        held.settle(Some(0.9));
        let last = shared(&project, 1.0, 4).await;
        assert!(last.reserve(0.2).await.is_err());
    }
}
