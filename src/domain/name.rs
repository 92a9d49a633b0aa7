//! Names that users give: checked once, at the door, and valid ever after.

use serde::{Deserialize, Serialize};

/// Why a text is not a name. The message carries the value, the place (which kind of name) and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} {problem}")]
pub struct InvalidName {
    pub kind: &'static str,
    pub value: String,
    pub problem: String,
}

/// The longest name, in characters.
pub const MAX_NAME_CHARS: usize = 200;

fn check(kind: &'static str, text: &str) -> Result<(), InvalidName> {
    let problem = if text.trim().is_empty() {
        "is empty; give it a visible character".to_owned()
    } else if text.chars().count() > MAX_NAME_CHARS {
        format!("is longer than {MAX_NAME_CHARS} characters; shorten it")
    } else if let Some(bad) = text.chars().find(|c| c.is_control() || is_invisible(*c)) {
        format!("contains the control or invisible character {}; remove it", bad.escape_unicode())
    } else {
        return Ok(());
    };
    // A name that is too long or hostile is quoted in part: an error is not a mirror.
    let value = text.chars().take(80).collect();
    Err(InvalidName { kind, value, problem })
}

/// Zero-width and bidirectional controls: two names that look the same must be the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $kind:literal $(, $extra:path)?);+ $(;)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// If the text is empty, too long, or has control or invisible characters.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check($kind, &text)?;
                $($extra(&text)?;)?
                Ok(Self(text))
            }
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> { Self::parse(text) }
        }
        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> { Self::parse(text) }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String { name.0 }
        }
    )+};
}

names! {
    /// A task's id: the client's own (GDPval's are UUIDs, others are slugs), or a UUIDv7 of ours.
    TaskId = "task id";
    /// What produced the work: model + harness + settings, or `human`.
    SystemName = "system";
    /// A criterion's id, unique in its rubric.
    CriterionId = "criterion id";
    JudgeName = "judge";
    PanelName = "panel";
    /// Who made a human decision.
    Author = "author";
    /// The tenant that owns everything: a key belongs to one project. No `/`, because keys are scoped by it.
    ProjectId = "project", no_slash_project;
    /// The name of an uploaded file: a name, never a path.
    FileName = "file name", no_path;
}

fn no_path(text: &str) -> Result<(), InvalidName> {
    if text.contains(['/', '\\']) || text == "." || text == ".." {
        return Err(InvalidName {
            kind: "file name",
            value: text.chars().take(80).collect(),
            problem: "contains a path; send the bare name (`report.pdf`, not `out/report.pdf`)".to_owned(),
        });
    }
    Ok(())
}

fn no_slash_project(text: &str) -> Result<(), InvalidName> {
    if text.contains('/') {
        return Err(InvalidName {
            kind: "project",
            value: text.to_owned(),
            problem: "contains `/`; use letters, digits, `-`".to_owned(),
        });
    }
    Ok(())
}

impl SystemName {
    /// Whether this is the human expert, GDPval's point of comparison.
    #[must_use]
    pub fn is_human(&self) -> bool {
        self.0 == "human"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_paths_or_invisible_characters_are_refused_by_name() {
        for bad in ["../etc/passwd", "a\\b.txt", "..", "a\0b", "", "  ", "pay\u{202e}fdp.exe", "a\nb"] {
            assert!(FileName::parse(bad).is_err(), "{bad:?} was accepted");
        }
        let error = FileName::parse("out/report.pdf").unwrap_err().to_string();
        assert!(error.contains("out/report.pdf") && error.contains("bare name"), "{error}");
        assert!(SystemName::parse("x".repeat(201)).is_err());
        assert!(FileName::parse("Fall Music Tour P&L – Übersicht.xlsx").is_ok());
    }
}
