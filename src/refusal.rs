//! Why a story did not do what it was asked. Each kind answers the caller's question: is it my mistake, may I
//! try again, did anything happen? (Nothing did.) How a kind looks from outside, as a status or an exit code,
//! is decided at the door.

use crate::domain::{InvalidName, InvalidTransition};
use crate::store::StoreError;

#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// What was named does not exist (or belongs to another project, which is the same).
    #[error("there is no {what} `{value}`{}", way_out.as_deref().map(|w| format!("; {w}")).unwrap_or_default())]
    NotFound { what: &'static str, value: String, way_out: Option<String> },
    /// What was sent is not valid.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid { problems: Vec<Problem> },
    /// It does not fit the present state. `code` is stable.
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    #[error("{detail}")]
    TooLarge { detail: String },
    /// Part of the contract, not of this version.
    #[error("{detail}")]
    Unsupported { detail: String },
    /// The store cannot; nothing was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into what was sent; empty for the whole.
    pub pointer: String,
    pub detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pointer.is_empty() { f.write_str(&self.detail) } else { write!(f, "{}: {}", self.pointer, self.detail) }
    }
}

impl Refusal {
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { problems: vec![Problem { pointer: pointer.into(), detail: detail.into() }] }
    }

    pub fn not_found(what: &'static str, value: impl ToString) -> Self {
        Self::NotFound { what, value: value.to_string(), way_out: None }
    }

    /// A bad name in the field at `pointer`.
    pub fn name(pointer: &str, error: &InvalidName) -> Self {
        Self::invalid(pointer, error.to_string())
    }
}

impl From<InvalidTransition> for Refusal {
    fn from(error: InvalidTransition) -> Self {
        Self::Conflict { code: "invalid_state", detail: error.to_string() }
    }
}
