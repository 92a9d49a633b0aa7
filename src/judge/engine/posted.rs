//! Asking by the provider's batch interface: the same promises as asking at once, but a call leaves with others, and its
//! reply comes within a day.

use tokio_util::sync::CancellationToken;

use super::{Asked, Books, Judge, Parse, Step, cancelled, kept};
use crate::domain::{AttemptReply, CallKey, Cause, Fingerprint, Part, Prompt, Usage};
use crate::judge::batch::{Item, Stage};
use crate::judge::count;
use crate::judge::journal::{History, Journal, JournalError};
use crate::judge::provider::{Lost, Retry};

/// A call that was handed in before a restart.
struct Out {
    number: u32,
    name: String,
    id: Option<String>,
}

impl Judge {
    /// As [`Judge::ask`], by the provider's batch interface. A provider without one that answers for free or at once
    /// (`lexical`, `recorded`) is asked at once.
    ///
    /// # Errors
    /// Only if the journal fails.
    pub async fn ask_by_batch<T>(
        &self,
        key: &CallKey,
        prompt: &Prompt,
        history: impl Into<History>,
        parse: Parse<'_, T>,
        journal: &dyn Journal,
        cancel: &CancellationToken,
    ) -> Result<Asked<T>, JournalError> {
        let Some(mail) = &self.mail else { return self.ask(key, prompt, history, parse, journal, cancel).await };
        let history = history.into();
        let mut out = handed_in(&history);
        let mut books = Books { by_batch: true, ..Books::default() };
        let mut next = match self.replay(history, parse, &mut books) {
            Step::Settled(outcome) => return Ok(self.close(books, outcome)),
            Step::Again(next) => next,
        };
        loop {
            if cancel.is_cancelled() {
                return Ok(self.close(books, Err(cancelled())));
            }
            // A call that an earlier life handed in has left: to stop waiting for it does not call it back.
            let mut left = out.is_some();
            let rejoined = match out.take() {
                Some(Out { number, name, id }) => {
                    match mail.rejoin(&name, id.as_deref(), &item_id(key, number)).await {
                        Ok(Some(stages)) => Some((number, Ok(stages))),
                        // It never arrived.
                        Ok(None) => None,
                        Err(lost) => Some((number, Err(lost))),
                    }
                }
                None => None,
            };
            let (number, stages) = match rejoined {
                Some(rejoined) => rejoined,
                None => {
                    left = false;
                    let pause = std::mem::take(&mut next.pause);
                    let room = async {
                        if !pause.is_zero() {
                            self.seams.timer.sleep(pause).await;
                        }
                        mail.room(size(prompt)).await
                    };
                    let room = tokio::select! {
                        biased;
                        () = cancel.cancelled() => return Ok(self.close(books, Err(cancelled()))),
                        room = room => room,
                    };
                    let number = books.last_number + 1;
                    journal.intent(key, number).await?;
                    books.last_number = number;
                    books.attempts += 1;
                    let request = self.provider.request(prompt, next.correction.as_deref()).ok_or_else(no_batches);
                    let item = |body: String| Item { id: item_id(key, number), body: body.into() };
                    (number, request.map(|body| mail.post(item(body), room)))
                }
            };
            let sent = match stages {
                Err(lost) => Err(lost),
                Ok(mut stages) => {
                    loop {
                        let stage = tokio::select! {
                            biased;
                            () = cancel.cancelled() => {
                                if !left {
                                    let detail = "not sent: the question was cancelled".to_owned();
                                    let unsent = AttemptReply::Lost { cause: Cause::Cancelled, detail, latency_ms: 0 };
                                    journal.reply(key, number, &unsent).await?;
                                }
                                return Ok(self.close(books, Err(cancelled())));
                            }
                            stage = stages.recv() => stage,
                        };
                        match stage {
                            Some(Stage::Leaving { name, kept }) => {
                                journal.reply(key, number, &AttemptReply::InBatch { name, id: None }).await?;
                                left = true;
                                // Nobody there any more: then nothing leaves either.
                                let _ = kept.send(());
                            }
                            Some(Stage::HandedIn { name, id, kept }) => {
                                journal.reply(key, number, &AttemptReply::InBatch { name, id: Some(id) }).await?;
                                let _ = kept.send(());
                            }
                            Some(Stage::Back(sent)) => break sent,
                            None => break Err(no_batches()),
                        }
                    }
                }
            };
            journal.reply(key, number, &kept(&sent)).await?;
            if let Ok(raw) = &sent {
                self.provider.learn_form(raw);
            }
            let before = books.usage;
            let step = self.digest(sent, parse, &mut books);
            count::call(&self.spec().name, books.outcome, books.latency_ms);
            if matches!(step, Step::Settled(Ok(_))) && before == Usage::default() {
                self.experience.learn(prompt, false, books.usage, None);
            }
            next = match step {
                Step::Settled(outcome) => return Ok(self.close(books, outcome)),
                Step::Again(next) => next,
            };
        }
    }
}

/// The last attempt, if it was in a batch when the process ended.
fn handed_in(history: &History) -> Option<Out> {
    let last = history.attempts.last().filter(|attempt| attempt.number > history.settled)?;
    match &last.reply {
        AttemptReply::InBatch { name, id } => Some(Out { number: last.number, name: name.clone(), id: id.clone() }),
        _ => None,
    }
}

/// The same attempt of the same call always has the same.
fn item_id(key: &CallKey, number: u32) -> String {
    Fingerprint::of(&(key, number)).as_str().to_owned()
}

/// Bytes of a request, about.
fn size(prompt: &Prompt) -> usize {
    let part = |part: &Part| match part {
        Part::Text(text) => text.len(),
        Part::Image { image, .. } => image.bytes.len() / 3 * 4,
        Part::Media { media, .. } => media.bytes.len() / 3 * 4,
    };
    prompt.prefix.parts.iter().map(part).sum::<usize>() + prompt.question.len() + prompt.system.len()
}

fn no_batches() -> Lost {
    let detail = "this provider has no batch interface here".to_owned();
    Lost { cause: Cause::ProviderError, detail, latency_ms: 0, retry: Retry::Never }
}
