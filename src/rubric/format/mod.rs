//! The formats that rubrics come in: one file each, one line in the list.

mod check;
mod gdpval;
mod native;
mod weighted;

use super::source::{Input, Node, parse};
use super::{ImportError, Problem};
use crate::domain::Rubric;

/// A format of rubrics that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Native,
    Gdpval,
    Weighted,
}

/// A line of the list: name, format, reader.
type Line = (&'static str, Format, fn(Input<'_>) -> Result<Rubric, ImportError>);
const FORMATS: [Line; 3] = [
    ("native", Format::Native, native::read),
    ("gdpval", Format::Gdpval, gdpval::read),
    ("weighted", Format::Weighted, weighted::read),
];

/// Names that the contract knows and that are not read yet.
const NOT_YET: [&str; 8] =
    ["healthbench", "paperbench", "archipelago", "finance_agent", "apex", "prometheus", "openai_graders", "promptfoo"];

/// Why a name is not a format that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A known format that this version does not read (HTTP 501).
    #[error("rubric format `{name}` is not supported yet; supported: {}", names())]
    Unsupported { name: &'static str },
    /// Not a format at all (HTTP 400).
    #[error("unknown rubric format {name:?}; supported: {}", names())]
    Unknown { name: String },
}

fn names() -> String {
    FORMATS.map(|(name, ..)| name).join(", ")
}

impl std::str::FromStr for Format {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Self, FormatError> {
        if let Some((_, format, _)) = FORMATS.iter().find(|(name, ..)| *name == text) {
            return Ok(*format);
        }
        Err(match NOT_YET.iter().find(|name| **name == text) {
            Some(name) => FormatError::Unsupported { name },
            None => FormatError::Unknown { name: text.chars().take(80).collect() },
        })
    }
}

impl Format {
    /// Every format that can be read.
    pub const ALL: [Self; 3] = [Self::Native, Self::Gdpval, Self::Weighted];

    fn line(self) -> &'static Line {
        FORMATS.iter().find(|(_, format, _)| *format == self).expect("every format stands in the list")
    }

    /// The contract's name: `native`, `gdpval`, `weighted`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.line().0
    }

    pub(super) fn read(self, input: Input<'_>) -> Result<Rubric, ImportError> {
        self.line().2(input)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The input as a node.
fn node(input: Input<'_>, format: Format, yaml: bool) -> Result<Node, ImportError> {
    match input {
        Input::Value(value) => Ok(Node::from_json(value)),
        Input::Text(text) => {
            parse(text, yaml).map_err(|problem: Problem| ImportError { format, problems: vec![problem] })
        }
    }
}
