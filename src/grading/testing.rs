//! Short names for the tests of this room.

use crate::domain::Cause;
use crate::domain::{
    Aggregation, Answer, CallKey, Criterion, CriterionId, Decision, Evidence, Fingerprint, GradingId, Id, JudgeName,
    JudgeSpec, Level, Match, Opinion, Panel, PanelName, Question, ReviewPolicy, Source, Subject, Tally, Target,
    Timestamp, Usage, Verdict, Vote, VoteFingerprint, VoteId, VoteOutcome,
};

pub fn criterion(id: &str, points: f64) -> Criterion {
    Criterion {
        id: CriterionId::parse(id).unwrap(),
        requirement: format!("requirement of {id}"),
        points,
        tags: vec![],
        gate: None,
        levels: vec![],
        target: Target::Deliverable,
        check: None,
        extra: Default::default(),
        draft: None,
    }
}

pub fn graded_criterion(id: &str, levels: &[(&str, f64)]) -> Criterion {
    let levels: Vec<Level> = levels
        .iter()
        .map(|(name, points)| Level { name: (*name).to_owned(), points: *points, description: None })
        .collect();
    let points = levels.iter().map(|l| l.points).fold(f64::NEG_INFINITY, f64::max);
    Criterion { levels, ..criterion(id, points) }
}

pub fn panel(judges: usize, quorum: u32) -> Panel {
    let judge = |i: usize| JudgeSpec {
        name: JudgeName::parse(format!("j{i}")).unwrap(),
        provider: "recorded".to_owned(),
        model: "scripted".to_owned(),
        settings: serde_json::Value::Null,
        vision: false,
        images: None,
        audio: false,
        video: false,
        max_input_chars: 100_000,
        price: None,
    };
    Panel {
        name: PanelName::parse("test").unwrap(),
        judges: (0..judges).map(judge).collect(),
        repeats: 1,
        quorum,
        aggregation: Aggregation::Majority,
        min_coverage: 0.5,
        review: ReviewPolicy::default(),
        cache: crate::domain::CachePolicy::On,
        mode: crate::domain::Mode::PerCriterion,
        sequential: None,
        provider_batch: false,
        own_family: crate::domain::OwnFamily::Mark,
        left_out: vec![],
    }
}

pub fn answered(label: &str) -> VoteOutcome {
    let answer = match label {
        "MET" => Answer::Met,
        "UNMET" => Answer::Unmet,
        "CANNOT_ASSESS" => Answer::CannotAssess,
        level => Answer::Level(level.to_owned()),
    };
    VoteOutcome::Answered(Opinion {
        answer,
        reason: "because".to_owned(),
        confidence: None,
        evidence: vec![],
        cut: None,
        by_criterion: None,
    })
}

pub fn quoting(label: &str, found: Match) -> VoteOutcome {
    let VoteOutcome::Answered(mut opinion) = answered(label) else { unreachable!() };
    opinion.evidence.push(Evidence {
        file: "memo.docx".to_owned(),
        place: None,
        said_where: "page 1".to_owned(),
        quote: "the totals tie".to_owned(),
        found,
        span: None,
        hidden: false,
    });
    VoteOutcome::Answered(opinion)
}

pub fn failed() -> VoteOutcome {
    VoteOutcome::Failed { cause: Cause::Timeout, detail: "no answer in 60 s".to_owned() }
}

/// Votes on one criterion: judge, repeat, outcome.
pub fn votes(criterion: &str, cells: &[(&str, u32, VoteOutcome)]) -> Vec<Vote> {
    let nothing = Fingerprint::of_bytes(b"");
    cells
        .iter()
        .map(|(judge, repeat, outcome)| Vote {
            id: VoteId::from_uuid(uuid::Uuid::nil()),
            key: CallKey {
                subject: Subject::Grading(GradingId::from_uuid(uuid::Uuid::nil())),
                judge: JudgeName::parse(*judge).unwrap(),
                repeat: *repeat,
                question: Question::Criterion(CriterionId::parse(criterion).unwrap()),
            },
            outcome: outcome.clone(),
            model: None,
            usage: Usage::default(),
            cost_usd: None,
            latency_ms: 1,
            attempts: 1,
            from: None,
            shared: None,
            fingerprint: VoteFingerprint {
                rubric: None,
                template: nothing.clone(),
                prompt: nothing.clone(),
                judge: nothing.clone(),
                reader: nothing.clone(),
                files: nothing.clone(),
            },
            created_at: Timestamp::UNIX_EPOCH,
        })
        .collect()
}

pub fn verdict(criterion: &str, decision: Decision) -> Verdict {
    Verdict {
        criterion_id: CriterionId::parse(criterion).unwrap(),
        decision,
        source: Source::Panel,
        tally: Tally::default(),
        evidence: vec![],
        note: None,
    }
}
