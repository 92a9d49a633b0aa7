//! Webhooks and what was sent to them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{AttemptOutcome, Delivery, DeliveryAttempt, EventType, Id, Timestamp, Webhook, WebhookState};

/// Where events are to be sent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// `https://`, and nowhere that only this service can reach, unless the configuration allows it.
    #[schema(example = "https://example.com/empanel")]
    pub url: String,
    /// Without it every event, also those that are added later.
    #[schema(example = json!(["grading.completed", "review.required"]))]
    pub events: Option<Vec<String>>,
    /// Up to 500 characters.
    pub description: Option<String>,
    /// `whsec_` and the base64 of 24 to 64 bytes; without it a new one is made.
    pub secret: Option<String>,
}

/// A webhook. Its secret is never told again.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookBody {
    pub id: Uuid,
    pub url: String,
    pub events: Vec<&'static str>,
    pub description: Option<String>,
    pub enabled: bool,
    /// Why it is not enabled.
    pub disabled: Option<DisabledBody>,
    /// Until when secrets from before a rotation go on signing.
    pub earlier_secrets_until: Vec<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DisabledBody {
    pub at: Timestamp,
    pub why: String,
}

/// A webhook as it was made: the only time that its secret is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedWebhook {
    #[serde(flatten)]
    pub webhook: WebhookBody,
    /// Keep it: every delivery is signed with it.
    #[schema(example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    pub secret: String,
}

impl From<&Webhook> for WebhookBody {
    fn from(webhook: &Webhook) -> Self {
        let Webhook { id, url, events, description, secret: _, earlier, state, created_at } = webhook;
        let events = events.as_deref().unwrap_or(&EventType::ALL);
        Self {
            id: id.uuid(),
            url: url.clone(),
            events: events.iter().map(|event| event.as_str()).collect(),
            description: description.clone(),
            enabled: webhook.is_enabled(),
            disabled: match state {
                WebhookState::Disabled { at, why } => Some(DisabledBody { at: *at, why: why.clone() }),
                WebhookState::Enabled | WebhookState::Deleted { .. } => None,
            },
            earlier_secrets_until: earlier.iter().map(|earlier| earlier.until).collect(),
            created_at: *created_at,
        }
    }
}

impl From<&Webhook> for CreatedWebhook {
    fn from(webhook: &Webhook) -> Self {
        Self { webhook: webhook.into(), secret: webhook.secret.reveal() }
    }
}

/// A new secret for a webhook.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    /// Without it a new one is made.
    pub secret: Option<String>,
    /// Seconds for which the secret until now goes on signing beside it; 0 for a secret that was stolen, at most 30
    /// days. Without it as configured, a day.
    pub overlap_s: Option<u64>,
}

/// One event on its way to one webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryBody {
    /// The `webhook-id` that the receiver sees.
    pub id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "grading.completed")]
    pub event: &'static str,
    /// The grading or comparison: its events arrive in order.
    pub subject_id: Uuid,
    /// `pending`, `delivered` or `dead`.
    pub state: &'static str,
    pub created_at: Timestamp,
    /// The newest 32, the oldest of them first.
    pub attempts: Vec<AttemptBody>,
    /// Not before then, and not before what happened earlier to the same subject; null unless it is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was delivered or given up.
    pub ended_at: Option<Timestamp>,
}

/// One request to a receiver.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    pub at: Timestamp,
    /// Null where there was no answer.
    pub status: Option<u16>,
    /// How the answer's body begins.
    pub response: Option<String>,
    /// Why there was no answer.
    pub error: Option<String>,
    pub latency_ms: u64,
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.uuid(),
            event: delivery.event.as_str(),
            subject_id: delivery.subject.uuid(),
            state: delivery.state.as_str(),
            created_at: delivery.created_at,
            next_attempt_at: delivery.next_attempt_at(),
            ended_at: delivery.ended_at(),
            attempts: delivery.attempts.into_iter().map(AttemptBody::from).collect(),
        }
    }
}

impl From<DeliveryAttempt> for AttemptBody {
    fn from(DeliveryAttempt { at, latency_ms, outcome }: DeliveryAttempt) -> Self {
        let (status, response, error) = match outcome {
            AttemptOutcome::Answered { status, begins } => (Some(status), Some(begins), None),
            AttemptOutcome::Failed { reason } => (None, None, Some(reason)),
        };
        Self { at, status, response, error, latency_ms }
    }
}

/// Which deliveries are to be sent again: by id, or all that were given up.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeliverRequest {
    /// Up to 1000, delivered or dead; those that are pending are on their way already.
    pub delivery_ids: Option<Vec<Uuid>>,
    /// `dead`: all of those.
    #[schema(example = "dead")]
    pub state: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Redelivered {
    /// Deliveries that are pending again.
    pub deliveries: usize,
}
