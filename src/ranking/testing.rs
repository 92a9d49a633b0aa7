//! Short names for the tests of this room.

use crate::domain::{
    CallCounts, Comparison, ComparisonId, ComparisonResult, ComparisonState, Fingerprint, Grading, GradingId,
    GradingResult, GradingState, Id, JudgeName, JudgePreference, PanelAgreement, PanelName, Preference, RubricId,
    RubricRef, Score, SubmissionId, SystemName, TaskId, Timestamp, Usage,
};
use crate::grading::testing::panel;

fn number(text: &str) -> u128 {
    text.bytes().fold(7, |sum, byte| sum * 131 + u128::from(byte))
}

/// A settled grading with a score; its submission is the system's for the task.
pub fn graded(system: &str, task: &str, score: f64) -> Grading {
    let id = number(&format!("{system}/{task}/{score}"));
    Grading {
        id: GradingId::from_uuid(uuid::Uuid::from_u128(id)),
        submission_id: SubmissionId::from_uuid(uuid::Uuid::from_u128(id)),
        task_id: Some(TaskId::parse(task).unwrap()),
        system: SystemName::parse(system).unwrap(),
        rubric: RubricRef {
            id: RubricId::from_uuid(uuid::Uuid::nil()),
            version: 1,
            fingerprint: Fingerprint::of_bytes(b""),
        },
        panel: panel(1, 1),
        prompt: None,
        budget_usd: None,
        state: GradingState::Judged {
            at: Timestamp::UNIX_EPOCH,
            result: Box::new(GradingResult {
                verdicts: vec![],
                checks: vec![],
                score: Score {
                    value: Some(score),
                    raw: Some(score),
                    ungated: Some(score),
                    awarded: score,
                    positive: 1.0,
                    coverage: 1.0,
                    gates: vec![],
                    if_all_met: score,
                    if_none_met: score,
                    undefined: None,
                },
                score_without_overrides: Some(score),
                interval: None,
                agreement: PanelAgreement { raw: None, alpha: None, undefined: None },
                calls: CallCounts::default(),
                usage: Usage::default(),
                cost_usd: None,
                review_reasons: vec![],
                review_ids: vec![],
                open_reviews: 0,
                weighing: None,
                set_score: None,
                views: vec![],
            }),
        },
        calls_planned: 0,
        retried_at: None,
        created_at: Timestamp::UNIX_EPOCH,
        traceparent: None,
    }
}

pub fn in_panel(mut grading: Grading, name: &str) -> Grading {
    grading.panel.name = PanelName::parse(name).unwrap();
    grading
}

pub fn with_rubric(mut grading: Grading, version: u32) -> Grading {
    grading.rubric.version = version;
    grading
}

/// A judged comparison of what two systems made of a task; outcome by the rules of the panel, quorum 1.
pub fn compared(a: &str, b: &str, task: &str, said: &[(&str, Option<Preference>)]) -> Comparison {
    let submission = |system: &str| SubmissionId::from_uuid(uuid::Uuid::from_u128(number(&format!("{system}/{task}"))));
    let judges: Vec<JudgePreference> = said
        .iter()
        .map(|(judge, outcome)| JudgePreference {
            judge: JudgeName::parse(*judge).unwrap(),
            outcome: *outcome,
            order_inconsistent: false,
            failed: None,
        })
        .collect();
    let panel = panel(said.len(), 1);
    let (outcome, note) = super::compare::panel_outcome(&panel, &judges);
    Comparison {
        id: ComparisonId::from_uuid(uuid::Uuid::from_u128(number(&format!("{a}/{b}/{task}")))),
        task_id: TaskId::parse(task).unwrap(),
        a: submission(a),
        b: submission(b),
        system_a: SystemName::parse(a).unwrap(),
        system_b: SystemName::parse(b).unwrap(),
        panel,
        rubric: None,
        state: ComparisonState::Judged {
            at: Timestamp::UNIX_EPOCH,
            result: ComparisonResult {
                outcome,
                note,
                judges,
                calls: CallCounts::default(),
                usage: Usage::default(),
                cost_usd: None,
            },
        },
        calls_planned: 0,
        created_at: Timestamp::UNIX_EPOCH,
    }
}
