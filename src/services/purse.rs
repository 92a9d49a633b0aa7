//! Budgets. A question leaves when what is spent, what those in flight will cost, and what it will cost itself stay within
//! the budget; what a question really cost is known when it is answered. So a budget is passed by no more than the
//! questions in flight cost beyond their estimates. What is not asked for want of money fails with `over_budget`, and can
//! be retried with more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::{Drafting, Timestamp, Vote};
use crate::store::{MAX_PAGE, ProjectStore, Query, StoreError};

/// The budgets of projects, each for a calendar month (UTC). What was spent before this process began is read from the
/// votes, once.
#[derive(Debug)]
pub struct Purses {
    month_usd: Option<f64>,
    /// By project: the month, and its budget.
    open: tokio::sync::Mutex<HashMap<String, (String, Arc<Purse>)>>,
}

impl Purses {
    #[must_use]
    pub fn new(month_usd: Option<f64>) -> Self {
        Self { month_usd, open: tokio::sync::Mutex::default() }
    }

    /// The largest share of its month's budget that a project has spent, as far as this process knows; `None` without
    /// such a budget.
    pub async fn fullest(&self, now: Timestamp) -> Option<f64> {
        let limit = self.month_usd?;
        let month = month_of(now);
        let open = self.open.lock().await;
        let spent = open.values().filter(|(of, _)| *of == month).map(|(_, purse)| purse.spent());
        Some(spent.fold(0.0, f64::max) / limit)
    }

    /// The budget of this project for this month.
    ///
    /// # Errors
    /// If what was spent cannot be read.
    pub async fn of(&self, project: &ProjectStore, now: Timestamp) -> Result<Arc<Purse>, StoreError> {
        let Some(limit) = self.month_usd else { return Ok(Arc::new(Purse::new("project", None, 0.0))) };
        let month = month_of(now);
        let mut open = self.open.lock().await;
        if let Some((_, purse)) = open.get(project.scope()).filter(|(of, _)| *of == month) {
            return Ok(Arc::clone(purse));
        }
        let of_month = |drafting: &Drafting| month_of(drafting.created_at) == month;
        let draftings = project.all::<Drafting>(Query::default()).await?;
        let bills = draftings.iter().filter(|one| of_month(one)).filter_map(Drafting::bill);
        let mut spent: f64 = bills.filter_map(|bill| bill.cost_usd).sum();
        let mut cursor = None;
        loop {
            let page = project.list::<Vote>(Query::default().limit(MAX_PAGE).after(cursor)).await?;
            let votes = page.items.iter().map(|kept| &kept.record);
            spent +=
                votes.filter(|vote| month_of(vote.created_at) == month).filter_map(|vote| vote.cost_usd).sum::<f64>();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let purse = Arc::new(Purse::new("project in this month", Some(limit), spent));
        open.insert(project.scope().to_owned(), (month, Arc::clone(&purse)));
        Ok(purse)
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
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    spent: f64,
    reserved: f64,
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
        Self { limit, what, state: Mutex::new(State { spent, reserved: 0.0 }), settled: Notify::new() }
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

    #[must_use]
    pub fn spent(&self) -> f64 {
        self.lock().spent
    }

    /// Sets aside what a question will cost. Waits while questions in flight may turn out cheaper than feared.
    ///
    /// # Errors
    /// [`Empty`] once nothing in flight can make room any more.
    pub async fn reserve(&self, amount: f64) -> Result<Reserved<'_>, Empty> {
        let Some(limit) = self.limit else { return Ok(Reserved { purse: self, amount: 0.0 }) };
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            {
                let mut state = self.lock();
                // Sums of many small amounts are off by less than this.
                let fits = |sum: f64| sum <= limit * (1.0 + 1e-9);
                if fits(state.spent + state.reserved + amount) {
                    state.reserved += amount;
                    return Ok(Reserved { purse: self, amount });
                }
                if state.reserved <= 0.0 || !fits(state.spent + amount) {
                    return Err(Empty { what: self.what, limit, spent: state.spent, needed: amount });
                }
            }
            settled.await;
        }
    }
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
}
