//! API keys: made once, shown once, kept as a hash; given another secret, and taken back.
//!
//! A secret is `emp_` and 32 random bytes: it is found by its hash, which nobody can work back from. Its first characters
//! are kept, so that people can tell their keys apart.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Role;
use crate::audit::{self, Act};
use crate::domain::{Action, Author, KeyId, ProjectId, Timestamp};
use crate::judge::Secret;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ApiKey, Kept, KeyLimits, KeyUse, ProjectStore, Query, Revision, StoreError};

/// Characters of a secret by which people know it: `emp_` and eight digits. What stays unknown is 224 bits.
const PREFIX: usize = 12;
/// For which the old secret works beside a new one, unless something else is said.
pub const OVERLAP: Duration = Duration::from_secs(86_400);
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// What a key is to be.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    pub role: Role,
    pub project: &'a ProjectId,
    /// Whom decisions made with the key are by: give each person their own.
    pub label: &'a str,
    pub expires_at: Option<Timestamp>,
    pub limits: KeyLimits,
}

impl<'a> NewKey<'a> {
    #[must_use]
    pub fn of(role: Role, project: &'a ProjectId, label: &'a str) -> Self {
        Self { role, project, label, expires_at: None, limits: KeyLimits::default() }
    }
}

/// Makes a key without an end. The second value is the secret: it is not kept and cannot be shown again.
///
/// # Errors
/// If the label is no name, or the store cannot.
pub async fn create_key(
    services: &Services,
    role: Role,
    project: &ProjectId,
    label: &str,
) -> Result<(ApiKey, String), Refusal> {
    create(services, &NewKey::of(role, project, label), &operator()?).await
}

/// Whoever has a shell on the machine.
///
/// # Errors
/// Never: it is a name.
pub fn operator() -> Result<Author, Refusal> {
    Author::parse("operator").map_err(|e| Refusal::name("/label", &e))
}

/// Makes a key. The second value is the secret: it is not kept and cannot be shown again.
///
/// # Errors
/// If the label is no name, the end is not ahead, or the store cannot.
pub async fn create(services: &Services, new: &NewKey<'_>, by: &Author) -> Result<(ApiKey, String), Refusal> {
    let secret = format!("emp_{}", services.ids.secret());
    let key = made(services, new, &secret, false)?;
    let detail = json!({ "role": key.role, "project": key.project, "label": key.label, "expires_at": key.expires_at });
    let act = Act::new(by, Action::KeyCreated, subject(key.id)).with(detail);
    keep(services, &[Change::New(&key)], &[act]).await?;
    tracing::info!(key = %key.id, role = key.role, project = %key.project, "API key made");
    Ok((key, secret))
}

fn made(services: &Services, new: &NewKey<'_>, secret: &str, configured: bool) -> Result<ApiKey, Refusal> {
    Author::parse(new.label).map_err(|e| Refusal::name("/label", &e))?;
    let now = services.now();
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::invalid("/expires_at", "is not ahead; a key has to open something"));
    }
    if new.limits.requests_per_minute == Some(0) {
        return Err(Refusal::invalid(
            "/requests_per_minute",
            "0 opens nothing; leave it out for the service's own limit",
        ));
    }
    Ok(ApiKey {
        id: services.ids.next(),
        role: new.role.as_str().to_owned(),
        project: new.project.clone(),
        secret_hash: secret_hash(secret),
        label: Some(new.label.to_owned()),
        created_at: now,
        revoked_at: None,
        prefix: secret.get(..PREFIX).filter(|_| secret.starts_with("emp_")).map(str::to_owned),
        expires_at: new.expires_at,
        replaced_by: None,
        limits: new.limits,
        configured,
    })
}

/// A new secret for the same role, project, label and limits. The old one works on for `overlap`, so that whoever uses
/// it has time to change; with none it ends now.
///
/// # Errors
/// If there is no such key or it is none any more, the overlap is too long, or the store cannot.
pub async fn rotate(
    services: &Services,
    project: &ProjectId,
    id: KeyId,
    overlap: Duration,
    by: &Author,
) -> Result<(ApiKey, String), Refusal> {
    if overlap > MAX_OVERLAP {
        let most = MAX_OVERLAP.as_secs();
        return Err(Refusal::invalid("/overlap_s", format!("{} is more than {most}, 30 days", overlap.as_secs())));
    }
    let Kept { record: old, revision } = get(services, project, id).await?;
    let now = services.now();
    if !old.is_live(now) {
        return Err(no_key(id));
    }
    let role = old.role.parse().map_err(|detail: String| Refusal::invalid("", format!("API key {id}: {detail}")))?;
    let label = old.label.clone().unwrap_or_else(|| format!("key {id}"));
    let secret = format!("emp_{}", services.ids.secret());
    // Its life is as long as the old one's was meant to be.
    let life = old.expires_at.map(|end| end.duration_since(old.created_at));
    let expires_at = life.and_then(|life| now.checked_add(life).ok());
    let new = NewKey { role, project, label: &label, expires_at, limits: old.limits };
    let key = made(services, &new, &secret, false)?;
    let until = now.checked_add(overlap).unwrap_or(now);
    let old = ApiKey {
        revoked_at: overlap.is_zero().then_some(now),
        expires_at: Some(old.expires_at.map_or(until, |end| end.min(until))),
        replaced_by: Some(key.id),
        ..old
    };
    let detail = json!({ "replaced_by": key.id, "until": old.expires_at });
    let act = Act::new(by, Action::KeyRotated, subject(id)).with(detail);
    keep(services, &[Change::New(&key), Change::Old(&old, revision)], &[act]).await?;
    tracing::info!(key = %id, replaced_by = %key.id, overlap_s = overlap.as_secs(), "API key rotated");
    Ok((key, secret))
}

/// From now on it is no key; browsers that logged in with it are logged out. Done again it changes nothing.
///
/// # Errors
/// If there is no such key, or the store cannot.
pub async fn revoke(services: &Services, project: &ProjectId, id: KeyId, by: &Author) -> Result<ApiKey, Refusal> {
    let Kept { record, revision } = get(services, project, id).await?;
    if record.revoked_at.is_some() {
        return Ok(record);
    }
    let key = ApiKey { revoked_at: Some(services.now()), ..record };
    let act = Act::new(by, Action::KeyRevoked, subject(id));
    keep(services, &[Change::Old(&key, revision)], &[act]).await?;
    tracing::info!(key = %id, "API key revoked");
    Ok(key)
}

/// One key of a project.
///
/// # Errors
/// If there is none, or the store cannot.
pub async fn get(services: &Services, project: &ProjectId, id: KeyId) -> Result<Kept<ApiKey>, Refusal> {
    let kept = services.store.system().get::<ApiKey>(&id.to_string()).await?;
    kept.filter(|kept| kept.record.project == *project).ok_or_else(|| no_key(id))
}

fn no_key(id: KeyId) -> Refusal {
    Refusal::not_found("API key", id)
}

/// The admin's key that the configuration names: kept as a hash like any other, and the one before it revoked.
///
/// # Errors
/// If the secret could be guessed, or the store cannot.
pub async fn configured(services: &Services, secret: &Secret, project: &ProjectId) -> Result<(), Refusal> {
    let secret = secret.expose_secret();
    super::strength::check(secret).map_err(|why| Refusal::invalid("[auth] admin_key", why))?;
    let system = services.store.system();
    let hash = secret_hash(secret);
    let all = system.list::<ApiKey>(Query::default().limit(crate::store::MAX_PAGE)).await?.items;
    let (same, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|kept| kept.record.configured && kept.record.revoked_at.is_none())
        .partition(|kept| kept.record.secret_hash == hash && kept.record.project == *project);
    let now = services.now();
    let by = operator()?;
    let mut acts: Vec<Act> =
        others.iter().map(|kept| Act::new(&by, Action::KeyRevoked, subject(kept.record.id))).collect();
    let revoked: Vec<(ApiKey, Revision)> =
        others.into_iter().map(|kept| (ApiKey { revoked_at: Some(now), ..kept.record }, kept.revision)).collect();
    let mut changes: Vec<Change<'_>> = revoked.iter().map(|(key, revision)| Change::Old(key, *revision)).collect();
    let key = made(services, &NewKey::of(Role::Admin, project, "admin"), secret, true)?;
    if same.is_empty() {
        let detail = json!({ "role": key.role, "project": key.project, "label": key.label, "configured": true });
        acts.push(Act::new(&by, Action::KeyCreated, subject(key.id)).with(detail));
        changes.push(Change::New(&key));
    }
    if changes.is_empty() {
        return Ok(());
    }
    keep(services, &changes, &acts).await
}

fn subject(id: KeyId) -> String {
    format!("key/{id}")
}

enum Change<'a> {
    New(&'a ApiKey),
    Old(&'a ApiKey, Revision),
}

/// Keys and what is told of them, or neither.
async fn keep(services: &Services, changes: &[Change<'_>], acts: &[Act]) -> Result<(), Refusal> {
    let system = services.store.system();
    loop {
        let batch = changes.iter().fold(system.batch(), |batch, change| match change {
            Change::New(key) => batch.insert(*key),
            Change::Old(key, revision) => batch.update(*key, *revision),
        });
        let batch = audit::append(&system, batch, services.now(), acts.iter().cloned()).await?;
        match system.commit(batch).await {
            Ok(()) => return Ok(()),
            Err(error) if audit::is_overtaken(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lower-case hex of the secret's SHA-256. A secret is 32 random bytes: nothing slower is needed.
#[must_use]
pub fn secret_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Whether any key was ever made, revoked ones included: a service that has had keys never falls back to having none.
///
/// # Errors
/// If the store cannot say.
pub async fn any_key(services: &Services) -> Result<bool, StoreError> {
    Ok(!services.store.system().list::<ApiKey>(Query::default().limit(1)).await?.items.is_empty())
}

/// The key with this hash, whether or not it opens anything.
pub(super) async fn by_hash(services: &Services, hash: &str) -> Result<Option<ApiKey>, StoreError> {
    let page = services.store.system().list::<ApiKey>(Query::link("secret_hash", hash).limit(1)).await?;
    let found = page.items.into_iter().next().map(|kept| kept.record);
    Ok(found.filter(|key| bool::from(key.secret_hash.as_bytes().ct_eq(hash.as_bytes()))))
}

/// What was done with a key; `None` if nothing was.
///
/// # Errors
/// If the store cannot.
pub async fn used(services: &Services, id: KeyId) -> Result<Option<KeyUse>, StoreError> {
    let kept = services.store.system().get::<KeyUse>(&id.to_string()).await?;
    Ok(kept.map(|kept| kept.record))
}

/// Notes that a key was used, and that it asked for so many pieces of work.
///
/// # Errors
/// If it would be more than `most` of this day: what is left. As the store.
pub(super) async fn note(
    services: &Services,
    id: KeyId,
    work: u64,
    most: Option<u64>,
) -> Result<Result<(), u64>, StoreError> {
    let system: ProjectStore = services.store.system();
    loop {
        let now = services.now();
        let day = day(now);
        let kept = system.get::<KeyUse>(&id.to_string()).await?;
        let before = kept.as_ref().filter(|kept| kept.record.day == day).map_or(0, |kept| kept.record.work);
        let after = before.saturating_add(work);
        if most.is_some_and(|most| work > 0 && after > most) {
            return Ok(Err(most.unwrap_or_default().saturating_sub(before)));
        }
        let used = KeyUse { id, last_used_at: now, day, work: after };
        let batch = match kept {
            Some(kept) => system.batch().update(&used, kept.revision),
            None => system.batch().insert(&used),
        };
        match system.commit(batch).await {
            Ok(()) => return Ok(Ok(())),
            // Another request of the same key.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The day of a moment, UTC.
pub fn day(at: Timestamp) -> String {
    at.to_string().chars().take("2026-11-22".len()).collect()
}
