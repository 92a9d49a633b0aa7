//! API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Id, Timestamp};
use crate::store::{ApiKey, KeyUse};

/// What a key is to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// `submitter`, `reviewer` or `admin`.
    #[schema(example = "reviewer")]
    pub role: String,
    /// Who or what uses it: the author of its decisions.
    #[schema(example = "ann")]
    pub label: String,
    /// From then on it is no key; without it there is no end.
    pub expires_at: Option<Timestamp>,
    /// Without it as configured.
    #[schema(minimum = 1)]
    pub requests_per_minute: Option<u32>,
    /// Gradings, comparisons and drafts of a day, UTC. Without it as configured; 0 is any number.
    pub work_per_day: Option<u32>,
}

/// A key. Its secret is never told again.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyBody {
    pub id: Uuid,
    pub role: String,
    pub label: Option<String>,
    /// How its secret begins; null for keys of older versions.
    #[schema(example = "emp_1a2b3c4d")]
    pub prefix: Option<String>,
    /// `live`, `expired` or `revoked`.
    pub state: &'static str,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// The key that took its place.
    pub replaced_by: Option<Uuid>,
    /// To the minute; null if it never was.
    pub last_used_at: Option<Timestamp>,
    /// Gradings, comparisons and drafts that it asked for today, UTC, where that is limited.
    pub work_today: u64,
    /// Null: as configured.
    pub requests_per_minute: Option<u32>,
    /// Null: as configured.
    pub work_per_day: Option<u32>,
}

impl KeyBody {
    #[must_use]
    pub fn of(key: &ApiKey, used: Option<&KeyUse>, now: Timestamp, today: &str) -> Self {
        Self {
            id: key.id.uuid(),
            role: key.role.clone(),
            label: key.label.clone(),
            prefix: key.prefix.clone(),
            state: key.state(now),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            replaced_by: key.replaced_by.map(|id| id.uuid()),
            last_used_at: used.map(|used| used.last_used_at),
            work_today: used.filter(|used| used.day == today).map_or(0, |used| used.work),
            requests_per_minute: key.limits.requests_per_minute,
            work_per_day: key.limits.work_per_day,
        }
    }
}

/// A key as it was made: the only time that its secret is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    #[serde(flatten)]
    pub key: KeyBody,
    /// Keep it: it is not kept here. Null where the request is a repeated one (`Idempotency-Key`): the secret was shown
    /// in the first answer.
    #[schema(example = "emp_1a2b3c4d5e6f...")]
    pub secret: Option<String>,
}

/// A new secret for a key.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKeyRequest {
    /// Seconds for which the secret until now works beside the new one; 0 for one that was stolen, at most 30 days.
    /// Without it a day.
    pub overlap_s: Option<u64>,
}
