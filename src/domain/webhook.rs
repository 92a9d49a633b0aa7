//! Who is told what happened, and what became of telling them: a [`Webhook`] is where, a [`Delivery`] is one event on
//! its way there, with every attempt.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DeliveryId, Id, InvalidTransition, Subject, Timestamp, WebhookId};

/// What can happen. The words are part of the contract; a new one is a variant and its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventType {
    /// The panel has spoken on every question.
    #[serde(rename = "grading.completed")]
    GradingCompleted,
    /// It has spoken, and some questions have no answer.
    #[serde(rename = "grading.partial")]
    GradingPartial,
    /// No question has an answer.
    #[serde(rename = "grading.failed")]
    GradingFailed,
    /// A question waits for a human.
    #[serde(rename = "review.required")]
    ReviewRequired,
    /// Humans have answered it.
    #[serde(rename = "review.resolved")]
    ReviewResolved,
    /// A human's decision was appended to a grading.
    #[serde(rename = "verdict.overridden")]
    VerdictOverridden,
    #[serde(rename = "comparison.completed")]
    ComparisonCompleted,
}

impl EventType {
    pub const ALL: [Self; 7] = [
        Self::GradingCompleted,
        Self::GradingPartial,
        Self::GradingFailed,
        Self::ReviewRequired,
        Self::ReviewResolved,
        Self::VerdictOverridden,
        Self::ComparisonCompleted,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GradingCompleted => "grading.completed",
            Self::GradingPartial => "grading.partial",
            Self::GradingFailed => "grading.failed",
            Self::ReviewRequired => "review.required",
            Self::ReviewResolved => "review.resolved",
            Self::VerdictOverridden => "verdict.overridden",
            Self::ComparisonCompleted => "comparison.completed",
        }
    }

    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

/// A signing secret of Standard Webhooks: 24 to 64 bytes, written `whsec_` and base64. It never prints itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HookSecret(Vec<u8>);

/// Why a text is no secret. It does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret {0}; write `whsec_` and the base64 of 24 to 64 random bytes, or leave it out and get one")]
pub struct InvalidSecret(&'static str);

impl HookSecret {
    const PREFIX: &'static str = "whsec_";

    /// # Errors
    /// If it has no prefix, is no base64, or has another length.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(InvalidSecret("does not begin with `whsec_`"))?;
        Self::of(STANDARD.decode(rest).map_err(|_| InvalidSecret("is not base64"))?)
    }

    /// # Errors
    /// If there are not 24 to 64 bytes.
    pub fn of(bytes: Vec<u8>) -> Result<Self, InvalidSecret> {
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret("has not 24 to 64 bytes")) }
    }

    /// What signs.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As its owner is shown it, once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}{}", Self::PREFIX, STANDARD.encode(&self.0))
    }
}

impl std::fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookSecret(…)")
    }
}

impl TryFrom<String> for HookSecret {
    type Error = InvalidSecret;
    fn try_from(text: String) -> Result<Self, InvalidSecret> {
        Self::parse(&text)
    }
}

impl From<HookSecret> for String {
    fn from(secret: HookSecret) -> Self {
        secret.reveal()
    }
}

/// Somebody's address to which events are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    pub id: WebhookId,
    /// As the URL parser writes it.
    pub url: String,
    /// What it is told; `None` is everything, also what is added later.
    pub events: Option<Vec<EventType>>,
    pub description: Option<String>,
    /// What signs.
    pub secret: HookSecret,
    /// Secrets from before a rotation, the newest first: each signs beside the others until its time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierSecret>,
    pub state: WebhookState,
    pub created_at: Timestamp,
}

/// A secret on its way out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlierSecret {
    pub secret: HookSecret,
    pub until: Timestamp,
}

/// Whether events are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    Enabled,
    /// Nothing is added and nothing sent; what is pending waits.
    Disabled {
        at: Timestamp,
        why: String,
    },
    /// Not there any more for anybody but the worker, which removes what belongs to it.
    Deleted {
        at: Timestamp,
    },
}

impl WebhookState {
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled { .. } => "disabled",
            Self::Deleted { .. } => "deleted",
        }
    }
}

/// Earlier secrets that are kept at most, however often a webhook is rotated.
const MAX_EARLIER: usize = 4;

impl Webhook {
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        matches!(self.state, WebhookState::Enabled)
    }

    #[must_use]
    pub fn is_deleted(&self) -> bool {
        matches!(self.state, WebhookState::Deleted { .. })
    }

    /// Whether it is told of such events, if it is enabled.
    #[must_use]
    pub fn wants(&self, event: EventType) -> bool {
        self.events.as_ref().is_none_or(|events| events.contains(&event))
    }

    /// A new secret; the one until now signs beside it until `until`.
    #[must_use]
    pub fn rotated(mut self, secret: HookSecret, now: Timestamp, until: Timestamp) -> Self {
        let last = std::mem::replace(&mut self.secret, secret);
        self.earlier.insert(0, EarlierSecret { secret: last, until });
        self.earlier.retain(|earlier| earlier.until > now);
        self.earlier.truncate(MAX_EARLIER);
        self
    }

    /// The secrets that sign now, the newest first.
    pub fn signing(&self, now: Timestamp) -> impl Iterator<Item = &HookSecret> {
        let earlier = self.earlier.iter().filter(move |earlier| earlier.until > now);
        std::iter::once(&self.secret).chain(earlier.map(|earlier| &earlier.secret))
    }
}

/// One event on its way to one webhook. Its id is the `webhook-id` that the receiver sees, the same at every attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook_id: WebhookId,
    pub event: EventType,
    /// The grading or comparison whose events arrive in order.
    pub subject: Subject,
    /// What is sent, byte by byte.
    pub body: String,
    pub created_at: Timestamp,
    pub state: DeliveryState,
    /// Attempts since it was last pending by somebody's wish: the place in the schedule.
    pub tries: u32,
    /// The newest of all attempts, the oldest first.
    pub attempts: Vec<DeliveryAttempt>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not before `next_attempt_at`, and not before what happened earlier to the same subject.
    Pending {
        next_attempt_at: Timestamp,
    },
    Delivered {
        at: Timestamp,
    },
    /// Given up; somebody may have it sent again.
    Dead {
        at: Timestamp,
    },
}

impl DeliveryState {
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Delivered { .. } => "delivered",
            Self::Dead { .. } => "dead",
        }
    }
}

/// One request to a receiver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryAttempt {
    pub at: Timestamp,
    pub latency_ms: u64,
    pub outcome: AttemptOutcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// It said something: the status and how its body begins.
    Answered { status: u16, begins: String },
    /// It said nothing, or was not asked: why.
    Failed { reason: String },
}

impl AttemptOutcome {
    /// Whether the receiver has it.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status: 200..=299, .. })
    }
}

/// Attempts that are kept of one delivery.
pub const MAX_ATTEMPTS_KEPT: usize = 32;

impl Delivery {
    /// When it is due, if it is pending.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        match self.state {
            DeliveryState::Pending { next_attempt_at } => Some(next_attempt_at),
            DeliveryState::Delivered { .. } | DeliveryState::Dead { .. } => None,
        }
    }

    /// When it was delivered or given up.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            DeliveryState::Delivered { at } | DeliveryState::Dead { at } => Some(at),
            DeliveryState::Pending { .. } => None,
        }
    }

    /// One more attempt was made; if it failed, it is tried again at `again`, or never.
    ///
    /// # Errors
    /// Unless it is pending.
    pub fn attempted(
        mut self,
        attempt: DeliveryAttempt,
        now: Timestamp,
        again: Option<Timestamp>,
    ) -> Result<Self, InvalidTransition> {
        if self.next_attempt_at().is_none() {
            return Err(self.refuse("be sent"));
        }
        self.state = match (attempt.outcome.is_success(), again) {
            (true, _) => DeliveryState::Delivered { at: now },
            (false, Some(next_attempt_at)) => DeliveryState::Pending { next_attempt_at },
            (false, None) => DeliveryState::Dead { at: now },
        };
        self.tries = self.tries.saturating_add(1);
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(MAX_ATTEMPTS_KEPT);
        self.attempts.drain(..surplus);
        Ok(self)
    }

    /// Somebody wants it sent again, from the beginning of the schedule.
    ///
    /// # Errors
    /// If it is pending already.
    pub fn again(mut self, now: Timestamp) -> Result<Self, InvalidTransition> {
        if self.next_attempt_at().is_some() {
            return Err(self.refuse("be sent again"));
        }
        self.state = DeliveryState::Pending { next_attempt_at: now };
        self.tries = 0;
        Ok(self)
    }

    /// Its entry among what is due, while it is pending.
    #[must_use]
    pub fn due(&self) -> Option<DueDelivery> {
        Some(DueDelivery {
            webhook_id: self.webhook_id,
            at: self.next_attempt_at()?,
            delivery_id: self.id,
            subject: self.subject,
        })
    }

    fn refuse(&self, to: &'static str) -> InvalidTransition {
        InvalidTransition { what: "delivery", from: self.state.as_str().to_owned(), to }
    }
}

/// When a delivery is to be looked at: what the worker reads in the order of time, so that finding what is due costs
/// nothing for what is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DueDelivery {
    pub webhook_id: WebhookId,
    pub at: Timestamp,
    pub delivery_id: DeliveryId,
    pub subject: Subject,
}

impl Subject {
    /// The id of whatever it is.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        match self {
            Self::Grading(id) => id.uuid(),
            Self::Comparison(id) => id.uuid(),
            Self::Drafting(id) => id.uuid(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        Delivery {
            id: DeliveryId::from_uuid(Uuid::from_u128(1)),
            webhook_id: WebhookId::from_uuid(Uuid::from_u128(2)),
            event: EventType::GradingCompleted,
            subject: Subject::Grading(super::super::GradingId::from_uuid(Uuid::from_u128(3))),
            body: "{}".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            state: DeliveryState::Pending { next_attempt_at: Timestamp::UNIX_EPOCH },
            tries: 0,
            attempts: vec![],
        }
    }

    fn attempt(status: u16) -> DeliveryAttempt {
        let outcome = AttemptOutcome::Answered { status, begins: String::new() };
        DeliveryAttempt { at: Timestamp::UNIX_EPOCH, latency_ms: 1, outcome }
    }

    #[test]
    fn every_event_is_read_from_its_own_word_and_kept_under_it() {
        for event in EventType::ALL {
            assert_eq!(EventType::parse(event.as_str()), Some(event));
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        assert_eq!(EventType::parse("grading.*"), None);
    }

    #[test]
    fn a_secret_is_read_strictly_and_never_shows_itself() {
        let text = format!("whsec_{}", STANDARD.encode([7u8; 24]));
        let secret = HookSecret::parse(&text).unwrap();
        assert_eq!(secret.reveal(), text);
        assert_eq!(format!("{secret:?}"), "HookSecret(…)");
        let long = format!("whsec_{}", STANDARD.encode([7u8; 65]));
        let short = format!("whsec_{}", STANDARD.encode([7u8; 23]));
        for bad in [&text["whsec_".len()..], "whsec_!!!!", "whsec_", "", &long, &short] {
            let error = HookSecret::parse(bad).unwrap_err().to_string();
            assert!(error.contains("whsec_") && (bad.len() < 20 || !error.contains(bad)), "{error}");
        }
    }

    #[test]
    fn a_delivery_ends_delivered_or_dead_and_only_then_begins_again() {
        let now = Timestamp::UNIX_EPOCH;
        let waiting = delivery().attempted(attempt(503), now, Some(now)).unwrap();
        assert_eq!((waiting.state.as_str(), waiting.tries), ("pending", 1));
        assert!(waiting.clone().again(now).is_err(), "it is on its way already");
        let delivered = waiting.clone().attempted(attempt(204), now, Some(now)).unwrap();
        assert_eq!((delivered.state.as_str(), delivered.due()), ("delivered", None));
        assert!(delivered.clone().attempted(attempt(204), now, None).is_err(), "it is there already");
        let dead = waiting.attempted(attempt(302), now, None).unwrap();
        assert_eq!(dead.state.as_str(), "dead");
        let again = dead.again(now).unwrap();
        assert_eq!((again.state.as_str(), again.tries, again.attempts.len()), ("pending", 0, 2));
    }

    #[test]
    fn of_many_attempts_the_newest_are_kept() {
        let now = Timestamp::UNIX_EPOCH;
        let mut one = delivery();
        for status in 500..500 + 2 * MAX_ATTEMPTS_KEPT as u16 {
            one = one.attempted(attempt(status), now, Some(now)).unwrap();
        }
        assert_eq!((one.attempts.len(), one.tries as usize), (MAX_ATTEMPTS_KEPT, 2 * MAX_ATTEMPTS_KEPT));
        assert_eq!(one.attempts.last(), Some(&attempt(499 + 2 * MAX_ATTEMPTS_KEPT as u16)));
    }

    #[test]
    fn after_a_rotation_both_secrets_sign_until_the_old_ones_time_is_over() {
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        let secret = |byte: u8| HookSecret::of(vec![byte; 32]).unwrap();
        let hook = Webhook {
            id: WebhookId::from_uuid(Uuid::nil()),
            url: "https://example.com/".to_owned(),
            events: None,
            description: None,
            secret: secret(1),
            earlier: vec![],
            state: WebhookState::Enabled,
            created_at: at(0),
        };
        let mut hook = hook.rotated(secret(2), at(10), at(100));
        assert_eq!(hook.signing(at(99)).collect::<Vec<_>>(), [&secret(2), &secret(1)]);
        assert_eq!(hook.signing(at(100)).collect::<Vec<_>>(), [&secret(2)]);
        hook = hook.rotated(secret(3), at(200), at(200));
        assert_eq!(hook.signing(at(200)).collect::<Vec<_>>(), [&secret(3)], "a stolen secret goes at once");
        for byte in 4..20 {
            hook = hook.rotated(secret(byte), at(300), at(900));
        }
        assert_eq!(hook.signing(at(300)).count(), 1 + MAX_EARLIER);
    }
}
