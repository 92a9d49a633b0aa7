//! The columns of each kind of table: a field of the API's JSON by its path, under a name without dots.

/// What is in a column. Everything may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Integer,
    Number,
    Bool,
    /// A list or an object, as JSON.
    Json,
}

#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// `usage/input_tokens`, as in a JSON pointer.
    pub path: &'static str,
    pub of: Type,
}

impl Column {
    /// `usage_input_tokens`
    pub fn name(&self) -> String {
        self.path.replace('/', "_")
    }
}

const fn text(path: &'static str) -> Column {
    Column { path, of: Type::Text }
}

const fn integer(path: &'static str) -> Column {
    Column { path, of: Type::Integer }
}

const fn number(path: &'static str) -> Column {
    Column { path, of: Type::Number }
}

const fn json(path: &'static str) -> Column {
    Column { path, of: Type::Json }
}

pub const VOTES: &[Column] = &[
    text("id"),
    text("grading_id"),
    text("comparison_id"),
    text("criterion_id"),
    text("order"),
    text("judge"),
    integer("repeat"),
    text("answer"),
    text("level"),
    text("cause"),
    text("reason"),
    number("confidence"),
    json("evidence"),
    json("cut"),
    json("criteria"),
    integer("unknown_criteria"),
    text("model"),
    integer("usage/input_tokens"),
    integer("usage/cached_input_tokens"),
    integer("usage/output_tokens"),
    integer("usage/reasoning_tokens"),
    number("cost_usd"),
    integer("latency_ms"),
    integer("attempts"),
    integer("asked_together"),
    Column { path: "cached", of: Type::Bool },
    text("fingerprint/rubric"),
    text("fingerprint/template"),
    text("fingerprint/prompt"),
    text("fingerprint/judge"),
    text("fingerprint/reader"),
    text("fingerprint/files"),
    text("created_at"),
];

pub const GRADINGS: &[Column] = &[
    text("id"),
    text("status"),
    text("submission_id"),
    text("task_id"),
    text("system"),
    text("rubric/id"),
    integer("rubric/version"),
    text("rubric/fingerprint"),
    text("panel"),
    number("score/value"),
    number("score/raw"),
    number("score/awarded"),
    number("score/positive"),
    number("score/coverage"),
    number("score/ungated"),
    json("score/gates"),
    json("score/interval"),
    number("score/if_all_met"),
    number("score/if_none_met"),
    number("score/without_overrides"),
    json("score/set"),
    text("score/undefined"),
    json("criteria"),
    Column { path: "review/required", of: Type::Bool },
    json("review/reasons"),
    json("review/review_ids"),
    number("cost/usd"),
    integer("cost/calls"),
    integer("cost/input_tokens"),
    integer("cost/cached_input_tokens"),
    integer("cost/output_tokens"),
    text("created_at"),
    text("completed_at"),
];

/// Begins as the files that `POST /v1/comparisons/import` and `empanel leaderboard --battles` take.
pub const BATTLES: &[Column] = &[
    text("model_a"),
    text("model_b"),
    text("winner"),
    text("task_id"),
    text("judge"),
    text("source"),
    text("id"),
    text("review_id"),
    text("note"),
    text("created_at"),
];

pub const OVERRIDES: &[Column] = &[
    text("id"),
    text("grading_id"),
    text("criterion_id"),
    text("value"),
    number("set_score"),
    text("reason"),
    text("author"),
    text("review_id"),
    json("failure"),
    json("remembered"),
    text("created_at"),
];

pub const SUBMISSIONS: &[Column] = &[
    text("id"),
    text("task_id"),
    text("system"),
    text("text"),
    json("files"),
    number("cost_usd"),
    number("duration_s"),
    integer("tokens"),
    json("trace"),
    json("metadata"),
    text("created_at"),
];
