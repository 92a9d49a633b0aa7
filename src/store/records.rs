//! How the domain's values are kept: kind, key, links. One kind, one `impl`, one frozen file in
//! `fixtures/store/<kind>/`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::keys::part;
use super::record::{Link, Record};
use crate::domain::{
    About, Attempt, AuditEntry, AuditHead, Battle, CallKey, Comparison, CriterionId, Delivery, Drafting, DueDelivery,
    Grading, GradingId, KeyId, KnownAnswer, MonthBudget, Odds, Order, Override, ProjectId, Question, Remembered,
    Replica, Reveal, Review, RubricId, RubricVersion, ScoreOverride, Snapshot, Subject, Submission, Task, Timestamp,
    Vote, Webhook, WebhookId, WorkLease,
};

fn id(index: &'static str, value: &Option<impl std::fmt::Display>) -> Option<Link> {
    value.as_ref().map(|value| (index, value.to_string()))
}

impl Record for Task {
    const KIND: &'static str = "task";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        part(self.id.as_str())
    }
}

/// The key of a version of a rubric: six digits, so that versions are in order.
#[must_use]
pub fn rubric_key(id: RubricId, version: u32) -> String {
    format!("{id}/{version:06}")
}

impl Record for RubricVersion {
    const KIND: &'static str = "rubric";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        rubric_key(self.id, self.version)
    }
    fn links(&self) -> Vec<Link> {
        let mut links = vec![("fingerprint", self.fingerprint.to_string())];
        links.extend(id("title", &self.rubric.title()));
        links
    }
}

impl Record for Submission {
    const KIND: &'static str = "submission";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        let mut links = vec![("system", self.system.to_string())];
        links.extend(id("task", &self.task_id));
        links
    }
}

impl Record for Grading {
    const KIND: &'static str = "grading";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        let mut links = vec![
            ("submission", self.submission_id.to_string()),
            ("system", self.system.to_string()),
            ("rubric", self.rubric.id.to_string()),
            ("status", self.status().as_str().to_owned()),
        ];
        links.extend(id("task", &self.task_id));
        links
    }
}

/// The key of a call's vote, and the prefix of its attempts: `{subject}/{judge}/{repeat}/{question}`. What
/// belongs to one grading or comparison starts with its id and `/`.
#[must_use]
pub fn call_key(key: &CallKey) -> String {
    let subject = match &key.subject {
        Subject::Grading(id) => id.to_string(),
        Subject::Comparison(id) => id.to_string(),
        Subject::Drafting(id) => id.to_string(),
    };
    // `c-` and `o-`: a criterion may be called `a_first`.
    let question = match &key.question {
        Question::Criterion(id) => format!("c-{}", part(id.as_str())),
        Question::Order(Order::AFirst) => "o-a_first".to_owned(),
        Question::Order(Order::BFirst) => "o-b_first".to_owned(),
        Question::Criteria(ids) => format!("s-{}", ids.short()),
        Question::Rubric => "r".to_owned(),
    };
    format!("{subject}/{}/{:04}/{question}", part(key.judge.as_str()), key.repeat)
}

impl Record for Vote {
    const KIND: &'static str = "vote";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        call_key(&self.key)
    }
}

impl Record for KnownAnswer {
    const KIND: &'static str = "known_answer";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        self.question.to_string()
    }
}

impl Record for Attempt {
    const KIND: &'static str = "attempt";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        format!("{}/{:04}", call_key(&self.key), self.number)
    }
}

impl Record for Override {
    const KIND: &'static str = "override";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        format!("{}/{}", self.grading_id, self.id)
    }
}

/// Sixteen digits by which questions are in the order of the queue: what is at stake first.
#[must_use]
pub fn queue_place(priority: f64) -> String {
    let bits = priority.to_bits();
    // As `f64::total_cmp` orders them, then turned around.
    let rising = if priority.is_sign_negative() { !bits } else { bits | 1 << 63 };
    format!("{:016x}", !rising)
}

/// Under which links the records of a kind have been brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinksDone {
    pub kind: String,
    pub links: u32,
}

impl Record for LinksDone {
    const KIND: &'static str = "links_done";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        self.kind.clone()
    }
}

/// Under which value a question about a criterion of a grading is linked: the grading's id and `:`, then a hash that is
/// as long for every name.
#[must_use]
pub fn asked_about(grading: GradingId, criterion: &CriterionId) -> String {
    let hash = blake3::hash(criterion.as_str().as_bytes()).to_hex();
    format!("{grading}:{}", &hash[..32])
}

impl Record for Review {
    const KIND: &'static str = "review";
    /// 2: questions of several kinds; before, all were about a criterion of a grading.
    const VERSION: u32 = 2;
    /// 2: in the order of the queue, and by whom they wait for. 3: by the criterion of a grading that they are about.
    const LINKS: u32 = 3;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        let pending = if self.is_pending() { "yes" } else { "no" };
        let place = queue_place(self.priority);
        let mut links = vec![("pending", pending.to_owned())];
        links.push((if self.is_pending() { "queue" } else { "settled" }, place.clone()));
        match self.aside() {
            _ if !self.is_pending() => {}
            Some(why) => links.push(("aside", why.to_owned())),
            None => {
                links.extend(self.about.grading_id().map(|id| ("waits_on", format!("{id}:{place}"))));
                links.extend(self.lease.iter().map(|lease| ("held_by", lease.reviewer.to_string())));
                let done = self.answers.iter().map(|answer| &answer.reviewer);
                let done: BTreeSet<_> = done.chain(self.declined.iter().map(|one| &one.reviewer)).collect();
                links.extend(done.into_iter().map(|person| ("done_by", person.to_string())));
            }
        }
        links.extend(id("grading", &self.about.grading_id()));
        if let Some((grading, criterion)) = self.criterion() {
            links.push(("criterion", asked_about(grading, criterion)));
        }
        links.extend(id("task", &self.task_id));
        if let About::Preference { comparison_id, .. } = &self.about {
            links.extend(id("comparison", comparison_id));
        }
        if let About::Draft { rubric_id, .. } = &self.about {
            links.push(("rubric", rubric_id.to_string()));
        }
        links
    }
    fn upgrade(version: u32, mut json: Value) -> Result<Value, String> {
        if version != 1 {
            return Err(format!("format {version} of {} is not known to this build", Self::KIND));
        }
        let record = json.as_object_mut().ok_or("it is no object")?;
        let mut taken = |name: &str| record.remove(name).ok_or_else(|| format!("it has no `{name}`"));
        let (grading_id, criterion_id) = (taken("grading_id")?, taken("criterion_id")?);
        record.insert(
            "about".to_owned(),
            json!({ "kind": "criterion", "grading_id": grading_id, "criterion_id": criterion_id }),
        );
        let tagged = |value: &mut Value| *value = json!({ "verdict": value.take() });
        let answers = record.get_mut("answers").and_then(Value::as_array_mut).into_iter().flatten();
        answers.filter_map(|answer| answer.get_mut("value")).for_each(tagged);
        record.get_mut("resolution").and_then(|one| one.get_mut("value")).into_iter().for_each(tagged);
        Ok(json)
    }
}

/// Of all decisions of a project.
impl Record for Odds {
    const KIND: &'static str = "odds";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

impl Record for ScoreOverride {
    const KIND: &'static str = "score_override";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        format!("{}/{}", self.grading_id, self.id)
    }
}

impl Record for Reveal {
    const KIND: &'static str = "reveal";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        let of = self.criterion_id.as_ref().map_or_else(String::new, |id| part(id.as_str()));
        format!("{}/{}/{of}", self.grading_id, part(self.person.as_str()))
    }
}

impl Record for Remembered {
    const KIND: &'static str = "remembered";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.content.to_string()
    }
}

impl Record for AuditEntry {
    const KIND: &'static str = "audit_entry";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    /// Twelve digits, so that entries are in order.
    fn key(&self) -> String {
        format!("{:012}", self.seq)
    }
}

impl Record for AuditHead {
    const KIND: &'static str = "audit_head";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        "head".to_owned()
    }
}

impl Record for Comparison {
    const KIND: &'static str = "comparison";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        vec![("task", self.task_id.to_string()), ("status", self.status().as_str().to_owned())]
    }
}

/// Counts the plans of comparisons that were kept in a project: whoever plans does so on what the one before has kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTurn {
    pub number: u64,
}

impl Record for PlanTurn {
    const KIND: &'static str = "plan_turn";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    /// There is one of a project.
    fn key(&self) -> String {
        "plan".to_owned()
    }
}

impl Record for Replica {
    const KIND: &'static str = "replica";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Record for WorkLease {
    const KIND: &'static str = "lease";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        self.of.clone()
    }
}

impl Record for MonthBudget {
    const KIND: &'static str = "month_budget";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        self.month.clone()
    }
}

impl Record for Drafting {
    const KIND: &'static str = "drafting";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        let mut links = vec![("status", self.status().as_str().to_owned())];
        links.extend(id("task", &self.task_id));
        links
    }
}

impl Record for Battle {
    const KIND: &'static str = "battle";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        id("task", &self.task_id).into_iter().collect()
    }
}

impl Record for Snapshot {
    const KIND: &'static str = "snapshot";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Record for Webhook {
    const KIND: &'static str = "webhook";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        vec![("state", self.state.as_str().to_owned())]
    }
}

impl Record for Delivery {
    const KIND: &'static str = "delivery";
    const VERSION: u32 = 1;
    /// By webhook, in the order of what happened.
    fn key(&self) -> String {
        format!("{}/{}", self.webhook_id, self.id)
    }
    fn links(&self) -> Vec<Link> {
        let mut links = vec![("state", format!("{}:{}", self.webhook_id, self.state.as_str()))];
        if self.next_attempt_at().is_some() {
            links.push(("line", delivery_line(self.webhook_id, &self.subject)));
        }
        links
    }
}

/// The link under which the pending deliveries of one subject to one webhook are found, in their order.
#[must_use]
pub fn delivery_line(webhook: WebhookId, subject: &Subject) -> String {
    format!("{webhook}:{}", subject.uuid())
}

impl Record for DueDelivery {
    const KIND: &'static str = "due_delivery";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    /// By webhook, in the order of time: milliseconds with 14 digits last for 3,000 years.
    fn key(&self) -> String {
        format!("{}/{:014}/{}", self.webhook_id, self.at.as_millisecond().max(0), self.delivery_id)
    }
}

/// An API key: what is known of it without its secret. Kept under [`Store::system`](super::Store::system).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: KeyId,
    /// `submitter`, `reviewer` or `admin`.
    pub role: String,
    pub project: ProjectId,
    /// Lower-case hex.
    pub secret_hash: String,
    pub label: Option<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// The first characters of the secret, by which people tell their keys apart. Keys of older builds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// From then on it is no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The key that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<KeyId>,
    /// What it may ask for; `None` is what the configuration says.
    #[serde(default, skip_serializing_if = "KeyLimits::is_empty")]
    pub limits: KeyLimits,
    /// Its secret comes from the configuration: it is revoked when that names another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub configured: bool,
}

/// How much one key may ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Gradings, comparisons and drafts of a day, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_per_day: Option<u32>,
}

impl KeyLimits {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ApiKey {
    /// Whether it opens anything at this time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// `live`, `expired` or `revoked`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> &'static str {
        match self.revoked_at {
            Some(_) => "revoked",
            None if self.is_live(now) => "live",
            None => "expired",
        }
    }
}

/// What was done with a key: when it was used last, and what it asked for on that day. Beside the key, because it
/// changes with every use and the key does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyUse {
    pub id: KeyId,
    /// To the minute.
    pub last_used_at: Timestamp,
    /// The day of `work`, UTC: `2026-11-22`.
    pub day: String,
    /// Gradings, comparisons and drafts of that day.
    pub work: u64,
}

impl Record for KeyUse {
    const KIND: &'static str = "key_use";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        self.id.to_string()
    }
}

/// A browser that somebody logged in with. Its cookie holds a secret of which only the hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Lower-case hex of the SHA-256 of the cookie's secret.
    pub secret_hash: String,
    pub of: SessionOf,
    pub created_at: Timestamp,
    /// To the minute.
    pub seen_at: Timestamp,
}

/// Who a browser's session is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SessionOf {
    /// Whoever has this key, as long as it is one.
    Key { id: KeyId },
    /// Somebody whom the identity provider vouched for.
    Person { name: String, role: String, project: ProjectId },
}

impl Record for Session {
    const KIND: &'static str = "session";
    const VERSION: u32 = 1;
    const LINKED: bool = false;
    fn key(&self) -> String {
        self.secret_hash.clone()
    }
}

impl Record for ApiKey {
    const KIND: &'static str = "api_key";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        self.id.to_string()
    }
    fn links(&self) -> Vec<Link> {
        vec![("project", self.project.to_string()), ("secret_hash", self.secret_hash.clone())]
    }
}

/// The first answer to a request with an `Idempotency-Key`, given again when the request is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotentAnswer {
    /// The client's.
    pub key: String,
    /// Of method, path and body.
    pub request_hash: String,
    pub status: u16,
    pub body: String,
    /// The `Location` header, if the answer had one.
    pub location: Option<String>,
    pub created_at: Timestamp,
}

impl Record for IdempotentAnswer {
    const KIND: &'static str = "idempotent_answer";
    const VERSION: u32 = 1;
    fn key(&self) -> String {
        idempotency_key(&self.key)
    }
}

/// The store's key for a client's `Idempotency-Key`, which may be any text of any length.
#[must_use]
pub fn idempotency_key(client: &str) -> String {
    blake3::hash(client.as_bytes()).to_hex().to_string()
}
