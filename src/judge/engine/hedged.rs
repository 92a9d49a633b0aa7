//! Hedging of stragglers, where it is switched on: a call that takes longer than the judge usually does is sent a second
//! time, and the first usable reply is taken. Both are calls that may be paid for, and both are in the books. A second call
//! never waits for a place in flight, and no more than one call in twenty is sent twice: a provider that is slow for
//! everybody is not helped by twice the load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Books, Judge, kept};
use crate::domain::{AttemptReply, CallKey, Prompt};
use crate::judge::count;
use crate::judge::flow::{Flight, Landed};
use crate::judge::journal::{Journal, JournalError};
use crate::judge::provider::{Lost, RawReply, Retry};

/// Of so many answers one may have been asked for twice.
const ONE_IN: u64 = 20;

/// When calls are sent a second time, and how often that was done.
#[derive(Debug, Default)]
pub(super) struct Hedges {
    after: Option<Duration>,
    sent: AtomicU64,
}

impl Hedges {
    pub fn new(after: Option<Duration>) -> Self {
        Self { after, sent: AtomicU64::new(0) }
    }

    /// `None`: calls are not sent twice.
    pub fn after(&self) -> Option<Duration> {
        self.after
    }

    /// Whether one more call may be sent twice, after so many answers.
    pub fn take(&self, answers: u64) -> bool {
        let most = answers / ONE_IN + 1;
        self.sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sent| (sent < most).then_some(sent + 1)).is_ok()
    }
}

/// What is sent.
pub(super) struct Letter<'a> {
    pub key: &'a CallKey,
    pub prompt: &'a Prompt,
    pub correction: Option<&'a str>,
}

/// What came of it, and at which attempt.
pub(super) struct Sent<'a> {
    pub number: u32,
    pub sent: Result<RawReply, Lost>,
    pub landed: Landed<'a>,
}

impl Judge {
    /// Sends it, a second time where it takes too long and that is wanted.
    pub(super) async fn send<'a>(
        &'a self,
        letter: &Letter<'_>,
        number: u32,
        flight: Flight<'a>,
        books: &mut Books,
        journal: &dyn Journal,
    ) -> Result<Sent<'a>, JournalError> {
        let Letter { key, prompt, correction } = *letter;
        books.attempts += 1;
        let timer = self.seams.timer.as_ref();
        let mut first = self.provider.send(prompt, correction);
        let Some(after) = self.hedges.after() else {
            let sent = first.await;
            return Ok(Sent { number, sent, landed: flight.land() });
        };
        let late = tokio::select! {
            biased;
            sent = &mut first => return Ok(Sent { number, sent, landed: flight.land() }),
            () = timer.sleep(after) => self.flow.try_enter(timer).filter(|_| self.hedges.take(self.flow.answers())),
        };
        let Some(second_flight) = late else {
            let sent = first.await;
            return Ok(Sent { number, sent, landed: flight.land() });
        };
        let again = number + 1;
        journal.intent(key, again).await?;
        books.attempts += 1;
        books.last_number = again;
        let started = timer.elapsed();
        let mut second = self.provider.send(prompt, correction);
        // The first reply that settles anything; where neither does, the one that came last.
        let (first_is_it, sent, other) = tokio::select! {
            biased;
            sent = &mut first => match self.settles(&sent) {
                true => (true, sent, None),
                false => (false, second.await, Some(sent)),
            },
            sent = &mut second => match self.settles(&sent) {
                true => (false, sent, None),
                false => (true, first.await, Some(sent)),
            },
        };
        let (number, outrun) = if first_is_it { (number, again) } else { (again, number) };
        if let Some(Ok(raw)) = &other {
            books.pay(self.provider.read(raw).map_or_else(|fault| fault.usage, |reply| reply.usage), self.spec().price);
        }
        let latency_ms = u64::try_from(timer.elapsed().saturating_sub(started).as_millis()).unwrap_or(u64::MAX);
        count::call(&self.spec().name, count::OUTRUN, latency_ms);
        let came = other.map_or(AttemptReply::Outrun { latency_ms }, |other| kept(&other));
        journal.reply(key, outrun, &came).await?;
        let (flight, _free) = if first_is_it { (flight, second_flight) } else { (second_flight, flight) };
        Ok(Sent { number, sent, landed: flight.land() })
    }

    /// Whether the question need not be asked again after this.
    fn settles(&self, sent: &Result<RawReply, Lost>) -> bool {
        let retry = match sent {
            Err(lost) => Some(lost.retry),
            Ok(raw) => self.provider.read(raw).err().map(|fault| fault.retry),
        };
        !matches!(retry, Some(Retry::Later(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_in_twenty_is_sent_twice_at_most() {
        let hedges = Hedges::new(Some(Duration::from_secs(1)));
        assert_eq!((0..5).filter(|_| hedges.take(0)).count(), 1);
        assert_eq!((0..5).filter(|_| hedges.take(19)).count(), 0);
        assert_eq!((0..5).filter(|_| hedges.take(40)).count(), 2);
    }
}
