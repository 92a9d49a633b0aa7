//! `[prompts]`: the wording of questions, where it is one's own.

use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptsSection {
    /// A folder with templates (`criterion.j2`, ...) that take the place of the built-in ones; beside the configuration
    /// where it is relative.
    pub folder: Option<PathBuf>,
}
