//! API keys: made once, shown once, kept as a hash.

use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Role;
use crate::audit::{self, Act};
use crate::domain::{Action, Author, ProjectId};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ApiKey, Query, StoreError};

/// Makes a key and keeps it. The second value is the secret: it is not kept and cannot be shown again.
///
/// The label is whom decisions made with the key are by, so give each person their own.
///
/// # Errors
/// If the label is no name, or the store cannot.
pub async fn create_key(
    services: &Services,
    role: Role,
    project: &ProjectId,
    label: &str,
) -> Result<(ApiKey, String), Refusal> {
    Author::parse(label).map_err(|e| Refusal::name("/label", &e))?;
    let secret = format!("emp_{}", services.ids.secret());
    let key = ApiKey {
        id: services.ids.next(),
        role: role.as_str().to_owned(),
        project: project.clone(),
        secret_hash: secret_hash(&secret),
        label: Some(label.to_owned()),
        created_at: services.now(),
        revoked_at: None,
    };
    let system = services.store.system();
    // Whoever has a shell on the machine.
    let operator = Author::parse("operator").map_err(|e| Refusal::name("/label", &e))?;
    let detail = json!({ "role": key.role, "project": key.project, "label": key.label });
    let act = Act::new(&operator, Action::KeyCreated, format!("key/{}", key.id)).with(detail);
    loop {
        let batch = audit::append(&system, system.batch().insert(&key), key.created_at, [act.clone()]).await?;
        match system.commit(batch).await {
            Ok(()) => break,
            Err(error) if audit::is_overtaken(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    tracing::info!(key = %key.id, role = key.role, project = %key.project, "API key made");
    Ok((key, secret))
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

/// The key with this hash, unless it was revoked.
pub(super) async fn by_hash(services: &Services, hash: &str) -> Result<Option<ApiKey>, StoreError> {
    let page = services.store.system().list::<ApiKey>(Query::link("secret_hash", hash).limit(1)).await?;
    let found = page.items.into_iter().next().map(|kept| kept.record);
    Ok(found.filter(|key| key.revoked_at.is_none() && bool::from(key.secret_hash.as_bytes().ct_eq(hash.as_bytes()))))
}
