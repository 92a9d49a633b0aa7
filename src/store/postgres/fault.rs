//! What an error of PostgreSQL means for whoever asked: again at once, later, never.

use sqlx::error::DatabaseError;

use super::super::{Happened, StoreError};

/// Why something did not happen. (What may have happened is no fault but uncertain; see `writer.rs`.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Others were in the way: the same at once, or a moment later, may do.
    Again(String),
    /// The server is away, is starting, or does not answer.
    Lost(String),
    /// The server cannot take these values.
    Data(String),
    /// The server has no room.
    Full(String),
    /// The server takes no work now, and repeating it at once would not help: no rights, a damaged file.
    Refused(String),
    Closed,
}

impl Fault {
    pub fn of(error: &sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(error) => Self::of_database(error.as_ref()),
            E::PoolClosed => Self::Closed,
            E::PoolTimedOut => Self::Lost("no connection was free or could be made in time".to_owned()),
            E::Io(_) | E::Protocol(_) | E::WorkerCrashed | E::BeginFailed => Self::Lost(error.to_string()),
            E::Encode(_) | E::InvalidArgument(_) => Self::Data(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }

    fn of_database(error: &dyn DatabaseError) -> Self {
        let code = error.code().unwrap_or_default();
        let text = format!("{} ({code})", error.message());
        match code.as_ref() {
            // Serialization failure, deadlock, a lock that was not to be had; two that make the same thing at once.
            "40001" | "40P01" | "55P03" | "23505" | "42P07" | "42710" => Self::Again(text),
            // Shut down, crashed, starting, too many connections, a session that was idle in a transaction, a server that is
            // out of memory or at another limit of its own.
            "57P01" | "57P02" | "57P03" | "57P05" | "53000" | "53200" | "53300" | "53400" | "25P03" => Self::Lost(text),
            // Read only: after a failover this connection may be one to what is the standby now, and another one is not.
            "25006" => Self::Lost(text),
            "53100" => Self::Full(text),
            // A name that a plan knew was replaced meanwhile (a migration).
            "0A000" => Self::Again(text),
            _ if code.starts_with("08") => Self::Lost(text),
            _ if code.starts_with("22") || code.starts_with("54") => Self::Data(text),
            _ => Self::Refused(text),
        }
    }

    /// For the caller, where nothing was written.
    pub fn told(self, place: &str) -> StoreError {
        match self {
            Self::Closed => StoreError::Closed,
            Self::Full(detail) => StoreError::full(format!("PostgreSQL {place}: {detail}"), Happened::No),
            Self::Again(detail) | Self::Lost(detail) | Self::Data(detail) | Self::Refused(detail) => {
                StoreError::Unavailable { detail: format!("PostgreSQL {place}: {detail}") }
            }
        }
    }

    /// Whether the connection is of no more use.
    pub fn breaks_connection(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Closed)
    }
}

/// Whether a `COMMIT` that was answered with this has certainly not taken place.
pub(super) fn was_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01" | "23505"))
}

pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(DatabaseError::code).as_deref() == Some("42P01")
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;

    use sqlx::error::ErrorKind;

    use super::*;

    #[derive(Debug)]
    struct Says(&'static str);

    impl std::fmt::Display for Says {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Error for Says {}
    impl DatabaseError for Says {
        fn message(&self) -> &str {
            "it says so"
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }
        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    #[test]
    fn every_state_of_a_server_has_the_answer_that_helps() {
        let of = |code| Fault::of_database(&Says(code));
        for code in ["40001", "40P01", "55P03"] {
            assert!(matches!(of(code), Fault::Again(_)), "{code}: others are in the way");
        }
        for code in ["57P01", "57P02", "57P03", "53300", "53200", "08006", "25006"] {
            let fault = of(code);
            assert!(matches!(fault, Fault::Lost(_)) && fault.breaks_connection(), "{code}: another connection may do");
        }
        assert!(matches!(of("22021"), Fault::Data(_)));
        for code in ["42501", "58030", "XX001", "57014"] {
            assert!(matches!(of(code), Fault::Refused(_)), "{code}: the same at once would not help");
        }
        let full = of("53100");
        assert!(!full.breaks_connection());
        let told = full.told("db");
        assert!(matches!(&told, StoreError::Full { happened: Happened::No, .. }), "{told:?}");
        assert_eq!(told.kind(), Some("full"));
    }
}
