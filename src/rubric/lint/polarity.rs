//! `penalty_reads_as_merit`: a penalty applies when its requirement is *met*. Written as the good behaviour
//! ("Does not invent figures"), it punishes the deliverables that behave.

use super::{Level, Lint};
use crate::domain::Rubric;

/// Beginnings that describe restraint or a virtue.
const GOOD_STARTS: [&str; 12] = [
    "does not ",
    "doesn't ",
    "do not ",
    "avoids ",
    "avoid ",
    "no ",
    "never ",
    "refrains from ",
    "is free of ",
    "is free from ",
    "contains no ",
    "correctly ",
];
/// Subjects that are skipped before the beginning is looked at.
const SUBJECTS: [&str; 13] = [
    "the deliverable ",
    "the response ",
    "the report ",
    "the memo ",
    "the answer ",
    "the document ",
    "the submission ",
    "the workbook ",
    "the spreadsheet ",
    "the model ",
    "the output ",
    "response ",
    "it ",
];
/// Complaints that begin like restraint: what is missing is the fault.
const COMPLAINTS: [&str; 17] = [
    "does not include",
    "does not mention",
    "does not state",
    "does not provide",
    "does not contain",
    "does not address",
    "does not follow",
    "does not cite",
    "does not identify",
    "does not explain",
    "does not show",
    "does not use",
    "does not answer",
    "does not have",
    "does not match",
    "no mention",
    "no evidence",
];

pub fn penalty_reads_as_merit(rubric: &Rubric) -> Vec<Lint> {
    let mut found = Vec::new();
    for criterion in rubric.criteria().iter().filter(|c| c.is_penalty()) {
        let text = criterion.requirement.to_lowercase();
        let text = SUBJECTS.iter().find_map(|s| text.strip_prefix(s)).unwrap_or(&text);
        let text = text.replacen("doesn't", "does not", 1);
        let complaint = COMPLAINTS.iter().any(|c| text.starts_with(c));
        if !complaint && GOOD_STARTS.iter().any(|start| text.starts_with(start)) {
            found.push(Lint {
                level: Level::Error,
                code: "penalty_reads_as_merit",
                criterion_id: Some(criterion.id.clone()),
                message: format!(
                    "`{}` takes {} points away when it is met, but it describes the good behaviour; write the fault (`Invents figures`) or make the points positive",
                    criterion.id,
                    -criterion.points
                ),
            });
        }
    }
    found
}
