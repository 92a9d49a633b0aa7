//! What a judge is asked. Prompts are made in `prompt/` and sent by `judge/`, which know only this.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CriterionId, Extract, Fingerprint, Image, Level, Media};

/// One question to one judge. The prefix is shared, byte for byte, by all questions about one submission,
/// so that providers can cache it; the question comes last.
#[derive(Debug, Clone)]
pub struct Prompt {
    pub system: Arc<str>,
    pub prefix: Arc<Prefix>,
    pub question: String,
    /// What is asked, for judges that do not read prose (`lexical`).
    pub ask: Ask,
    /// The template's content hash.
    pub template: Fingerprint,
    /// Of everything the judge is sent: system, prefix, question.
    pub fingerprint: Fingerprint,
}

/// Task, references and deliverable as they stand in front of every question.
#[derive(Debug)]
pub struct Prefix {
    pub parts: Vec<Part>,
    /// What the parts were made of: one extract for a grading, two for a comparison (first shown first).
    pub deliverables: Vec<Arc<Extract>>,
    /// Of the parts.
    pub fingerprint: Fingerprint,
}

#[derive(Debug, Clone)]
pub enum Part {
    Text(String),
    Image {
        name: String,
        image: Image,
    },
    /// Sound or a moving picture, as it is. Only in front of judges that take its media type.
    Media {
        name: String,
        media: Media,
    },
}

/// What is asked, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Is the requirement met?
    Criterion { requirement: String },
    /// Which level of the scale is reached?
    Levels { requirement: String, levels: Vec<Level> },
    /// Which of the two deliverables is better?
    Pairwise { task: String },
    /// Which of the two deliverables is better, and which one on each criterion?
    PairwiseBy { task: String, criteria: Vec<ComparedBy> },
    /// Several of the above in one call, each with its index from 1.
    Several { items: Vec<Ask> },
    /// Which criteria does the task need?
    Rubric { at_most: u32 },
}

/// A criterion on which two deliverables are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedBy {
    pub id: CriterionId,
    pub requirement: String,
    /// It describes what is to be there; false: something bad, of which less is better.
    pub wanted: bool,
}

impl Ask {
    /// Answers that are asked for.
    #[must_use]
    pub fn answers(&self) -> usize {
        match self {
            Self::Several { items } => items.len(),
            Self::Rubric { at_most } => *at_most as usize,
            Self::PairwiseBy { criteria, .. } => criteria.len() + 1,
            Self::Criterion { .. } | Self::Levels { .. } | Self::Pairwise { .. } => 1,
        }
    }

    /// The labels that an answer may have.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        match self {
            Self::Criterion { .. } => vec!["MET", "UNMET", "CANNOT_ASSESS"],
            Self::Levels { levels, .. } => levels.iter().map(|l| l.name.as_str()).chain(["CANNOT_ASSESS"]).collect(),
            Self::Pairwise { .. } | Self::PairwiseBy { .. } => vec!["A", "B", "TIE", "BOTH_BAD", "CANNOT_ASSESS"],
            Self::Several { items } => {
                let mut labels: Vec<&str> = Vec::new();
                for label in items.iter().flat_map(Self::labels) {
                    if !labels.contains(&label) {
                        labels.push(label);
                    }
                }
                labels
            }
            Self::Rubric { .. } => vec![],
        }
    }

    /// The JSON Schema of a reply as JSON text, in the subset that all providers take: every field required, nothing
    /// additional, enums for answers, no numeric or length constraints. Evidence first, then the reason, then the
    /// answer, so that the answer follows from what was found: providers write the fields in the schema's order.
    #[must_use]
    pub fn reply_schema(&self) -> String {
        const EVIDENCE: &str = r#""evidence":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["file","where","quote"],"properties":{"file":{"type":"string","description":"name of the file the quote is from"},"where":{"type":"string","description":"page, slide, sheet and cell, paragraph, line or step"},"quote":{"type":"string","description":"verbatim words from the deliverable"}}}}"#;
        const REASON: &str =
            r#""reason":{"type":"string","description":"why the evidence leads to the answer, in a few sentences"}"#;
        const INDEX: &str = r#""index":{"type":"integer","description":"number of the criterion"}"#;
        let labels = serde_json::Value::from(self.labels());
        let answer = format!(r#""answer":{{"type":"string","enum":{labels}}}"#);
        match self {
            Self::Several { .. } => {
                let names = r#""index","evidence","reason","answer""#;
                let one = object(names, &format!("{INDEX},{EVIDENCE},{REASON},{answer}"));
                object(r#""answers""#, &format!(r#""answers":{{"type":"array","items":{one}}}"#))
            }
            Self::Rubric { .. } => {
                let quotes = EVIDENCE.replacen("evidence", "quotes", 1).replacen("the deliverable", "what is shown", 1);
                let fields = format!(
                    r#"{quotes},"why":{{"type":"string","description":"why the task needs it, in a sentence"}},"requirement":{{"type":"string","description":"one thing that can be checked"}},"points":{{"type":"number","description":"its weight, not 0; below 0 for something that must not be"}},"must_pass":{{"type":"boolean","description":"without it the work is of no use"}}"#
                );
                let one = object(r#""quotes","why","requirement","points","must_pass""#, &fields);
                object(r#""criteria""#, &format!(r#""criteria":{{"type":"array","items":{one}}}"#))
            }
            Self::PairwiseBy { .. } => {
                const ID: &str = r#""id":{"type":"string","description":"id of the criterion"}"#;
                const WHY: &str =
                    r#""reason":{"type":"string","description":"why, on this criterion alone, in a sentence"}"#;
                let one = object(r#""id","reason","answer""#, &format!("{ID},{WHY},{answer}"));
                let names = r#""evidence","criteria","reason","answer""#;
                object(names, &format!(r#"{EVIDENCE},"criteria":{{"type":"array","items":{one}}},{REASON},{answer}"#))
            }
            Self::Criterion { .. } | Self::Levels { .. } | Self::Pairwise { .. } => {
                object(r#""evidence","reason","answer""#, &format!("{EVIDENCE},{REASON},{answer}"))
            }
        }
    }
}

fn object(required: &str, properties: &str) -> String {
    format!(r#"{{"type":"object","additionalProperties":false,"required":[{required}],"properties":{{{properties}}}}}"#)
}

/// Where a segment of what is shown stands in the file as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Index of the segment in the file as it was read.
    pub segment: u32,
    /// Characters of that segment in front of what is shown of it.
    pub before: u32,
}
