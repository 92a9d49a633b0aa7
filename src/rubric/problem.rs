//! What is wrong with a rubric's text, said so that it can be repaired without looking anything up.

use super::Format;

/// One thing to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A JSON pointer into the rubric as it was given; `None` where the text could not be parsed at all.
    pub pointer: Option<String>,
    /// From 1, where the parser knows it.
    pub line: Option<usize>,
    /// From 1, where the parser knows it.
    pub column: Option<usize>,
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        let pointer = self.pointer.as_deref().filter(|p| !p.is_empty());
        match (pointer, self.line) {
            (Some(pointer), Some(line)) => write!(f, " (at {pointer}, line {line})"),
            (Some(pointer), None) => write!(f, " (at {pointer})"),
            (None, Some(line)) => write!(f, " (line {line})"),
            (None, None) => Ok(()),
        }
    }
}

/// Why a text is not a rubric in this format. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a rubric in the `{format}` format: {}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ImportError {
    pub format: Format,
    pub problems: Vec<Problem>,
}
