//! Questions that are not about a criterion: which of two is better, and what is wrong with a deliverable. As blind as
//! the others; the two of a preference stand in an order that belongs to the person who looks.

use std::collections::BTreeMap;

use serde::Serialize;

use super::around::Around;
use super::error::beside_form;
use super::render::Page;
use super::review::AnswerView;
use super::words::{self, Mark, Time};
use crate::domain::{About, Author, CriterionId, FoundError, Preference, Review, ReviewState, Said, Severity};
use crate::http::auth::Caller;
use crate::http::matter::Matter;
use crate::http::problem::Problem;
use crate::review::answer::{tidied, turned};
use crate::services::Services;

/// Errors that a form takes at once; a longer list goes by the API.
const ROWS: usize = 12;

#[derive(Debug, Serialize)]
pub(super) struct QuestionPage {
    pub id: String,
    /// `preference` or `discovery`.
    pub kind: &'static str,
    pub title: String,
    pub state: Mark,
    pub task: Option<String>,
    pub prompt: Option<String>,
    pub around: Around,
    pub answers: usize,
    pub reviewers: u32,
    pub step: Step,
    pub error: Option<String>,
    pub settled: Option<End>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Step {
    Take,
    Answer { token: String, until: Time, form: Form },
    Adjudicate { answers: Vec<AnswerView>, form: Form },
    Wait { why: String },
    Done,
}

/// What can be entered.
#[derive(Debug, Serialize)]
pub(super) struct Form {
    /// Of a preference: word and label.
    pub choices: Vec<(String, String)>,
    pub chosen: String,
    /// Of a search.
    pub rows: Vec<ErrorRow>,
    pub severities: Vec<(String, String)>,
    /// Who may have found an error; of an adjudication.
    pub people: Vec<String>,
    /// What may have caught it; of an adjudication.
    pub criteria: Vec<String>,
    pub reason: String,
    pub reason_needed: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct ErrorRow {
    pub n: usize,
    pub what: String,
    pub severity: String,
    pub place: String,
    /// By number in `people`.
    pub found_by: Vec<usize>,
    pub caught_by: String,
}

#[derive(Debug, Serialize)]
pub(super) struct End {
    pub value: Mark,
    pub reason: String,
    pub by: String,
    pub at: Time,
    pub errors: Vec<Found>,
    pub answers: Vec<AnswerView>,
    /// Whose the two were, or whose it was.
    pub systems: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub what: String,
    pub severity: String,
    pub place: Option<String>,
    pub found_by: String,
    pub caught_by: Option<String>,
}

impl Page for QuestionPage {
    const TEMPLATE: &'static str = "question.html";
    const SECTION: &'static str = "reviews";
    fn title(&self) -> String {
        self.title.clone()
    }
}

/// What was entered, by the names of the fields.
pub(super) type Fields = BTreeMap<String, String>;

pub(super) fn page(
    services: &Services,
    caller: &Caller,
    matter: &Matter,
    around: Around,
    refused: Option<(&Problem, &Fields)>,
) -> QuestionPage {
    let review = &matter.review;
    let step = step(services, caller, matter, refused.map(|(_, fields)| fields));
    QuestionPage {
        id: review.id.to_string(),
        kind: review.about.kind(),
        title: words::asked(&review.about),
        state: words::review_state(review.state(services.now())),
        task: review.task_id.as_ref().map(ToString::to_string),
        prompt: matter.prompt().map(|prompt| words::clip(prompt, 20_000)),
        around,
        answers: review.answers.len(),
        reviewers: review.reviewers,
        step,
        error: refused.map(|(problem, _)| beside_form(problem)),
        settled: end(matter),
    }
}

fn step(services: &Services, caller: &Caller, matter: &Matter, entered: Option<&Fields>) -> Step {
    let review = &matter.review;
    let wait = |why: &str| Step::Wait { why: why.to_owned() };
    let answered = review.has_answered(&caller.author);
    match review.state(services.now()) {
        ReviewState::Agreed | ReviewState::Resolved => Step::Done,
        ReviewState::Withdrawn => wait("The question was withdrawn; nobody need answer it."),
        ReviewState::Conflict if answered => wait("You have answered. Another person puts the answers together."),
        ReviewState::Conflict => Step::Adjudicate { answers: answers(review), form: form(matter, true, entered) },
        ReviewState::Claimed => match review.live_lease(services.now()) {
            Some(lease) if lease.reviewer == caller.author => Step::Answer {
                token: lease.token.to_string(),
                until: words::time(lease.expires_at),
                form: form(matter, false, entered),
            },
            _ => wait("Somebody else is answering this question now."),
        },
        ReviewState::Open | ReviewState::Submitted if answered => {
            wait("You have answered. Another reviewer's answer is still needed.")
        }
        ReviewState::Open | ReviewState::Submitted => Step::Take,
    }
}

fn answers(review: &Review) -> Vec<AnswerView> {
    let view = |answer: &crate::domain::ReviewAnswer| AnswerView {
        reviewer: answer.reviewer.to_string(),
        value: words::said(&answer.value),
        reason: answer.reason.clone(),
        at: words::time(answer.created_at),
    };
    review.answers.iter().map(view).collect()
}

fn form(matter: &Matter, adjudicates: bool, entered: Option<&Fields>) -> Form {
    let field = |name: &str| entered.and_then(|fields| fields.get(name)).cloned().unwrap_or_default();
    let pairs = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let review = &matter.review;
    let choices = match (&review.about, adjudicates) {
        (About::Preference { .. }, false) => pairs(&[
            ("first", "the first is better"),
            ("second", "the second is better"),
            ("tie", "they are equally good"),
            ("both_bad", "both are bad"),
        ]),
        (About::Preference { .. }, true) => pairs(&[
            ("a", "A is better"),
            ("b", "B is better"),
            ("tie", "they are equally good"),
            ("both_bad", "both are bad"),
        ]),
        _ => vec![],
    };
    let people: Vec<String> = review.answers.iter().map(|answer| answer.reviewer.to_string()).collect();
    let known: Vec<ErrorRow> = match entered {
        Some(fields) => (0..lines(review)).map(|n| row_of(fields, n, &people)).collect(),
        None if adjudicates => found_so_far(review),
        None => vec![],
    };
    let rows = known.into_iter().chain(std::iter::repeat_with(ErrorRow::default)).take(lines(review));
    let criteria = matter.rubric.iter().flat_map(|kept| kept.rubric.criteria()).map(|one| one.id.to_string());
    let severity = |one: Severity| (one.as_str().to_owned(), words::severity(one).to_owned());
    let searches = matches!(review.about, About::Discovery { .. });
    Form {
        choices,
        chosen: field("value"),
        rows: if searches { rows.enumerate().map(|(n, row)| ErrorRow { n, ..row }).collect() } else { vec![] },
        severities: Severity::ALL.map(severity).into(),
        people: if adjudicates { people } else { vec![] },
        criteria: if adjudicates { criteria.collect() } else { vec![] },
        reason: field("reason"),
        reason_needed: adjudicates,
    }
}

/// Lines of a form: as many as there are errors already, and enough for a first list.
fn lines(review: &Review) -> usize {
    let found: usize = review.answers.iter().filter_map(|answer| answer.value.errors()).map(<[_]>::len).sum();
    found.max(ROWS)
}

/// The lists of all reviewers, one after the other: an adjudicator strikes out what is there twice.
fn found_so_far(review: &Review) -> Vec<ErrorRow> {
    let of = |(who, answer): (usize, &crate::domain::ReviewAnswer)| -> Vec<ErrorRow> {
        let row = |one: &FoundError| ErrorRow {
            n: 0,
            what: one.what.clone(),
            severity: one.severity.as_str().to_owned(),
            place: one.place.clone().unwrap_or_default(),
            found_by: vec![who],
            caught_by: String::new(),
        };
        answer.value.errors().unwrap_or_default().iter().map(row).collect()
    };
    review.answers.iter().enumerate().flat_map(of).collect()
}

fn row_of(fields: &Fields, n: usize, people: &[String]) -> ErrorRow {
    let field = |name: &str| fields.get(&format!("{name}_{n}")).cloned().unwrap_or_default();
    ErrorRow {
        n,
        what: field("what"),
        severity: field("severity"),
        place: field("place"),
        found_by: (0..people.len()).filter(|who| fields.contains_key(&format!("by_{n}_{who}"))).collect(),
        caught_by: field("caught"),
    }
}

fn end(matter: &Matter) -> Option<End> {
    let resolution = matter.review.resolution.as_ref()?;
    let errors = resolution.value.errors().unwrap_or_default().iter().map(|one| Found {
        what: one.what.clone(),
        severity: words::severity(one.severity).to_owned(),
        place: one.place.clone(),
        found_by: one.found_by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        caught_by: one.caught_by.as_ref().map(ToString::to_string),
    });
    Some(End {
        value: words::said(&resolution.value),
        reason: resolution.reason.clone(),
        by: resolution.by.to_string(),
        at: words::time(resolution.at),
        errors: errors.collect(),
        answers: answers(&matter.review),
        systems: matter.submissions.iter().map(|one| one.system.to_string()).collect(),
    })
}

/// What the fields of a form say.
///
/// # Errors
/// If nothing was chosen, or a row is half filled.
pub(super) fn said(review: &Review, person: &Author, adjudicates: bool, fields: &Fields) -> Result<Said, Problem> {
    match &review.about {
        About::Preference { .. } => {
            let word = fields.get("value").map(String::as_str).unwrap_or_default();
            let said = match word {
                "first" | "a" => Preference::A,
                "second" | "b" => Preference::B,
                "tie" => Preference::Tie,
                "both_bad" => Preference::BothBad,
                _ => return Err(Problem::invalid("/value", "nothing was chosen; choose which is better")),
            };
            Ok(Said::Preference(if adjudicates { said } else { turned(review, person, said) }))
        }
        About::Discovery { .. } => {
            let people: Vec<Author> = review.answers.iter().map(|answer| answer.reviewer.clone()).collect();
            let names: Vec<String> = people.iter().map(ToString::to_string).collect();
            let mut found = Vec::new();
            for n in 0..lines(review) {
                let row = row_of(fields, n, &names);
                if row.what.trim().is_empty() {
                    continue;
                }
                let severity = Severity::ALL.into_iter().find(|one| one.as_str() == row.severity);
                let severity = severity.ok_or_else(|| {
                    Problem::invalid(format!("/severity_{n}"), "is missing; say how bad the error is")
                })?;
                let caught = match row.caught_by.trim() {
                    "" => None,
                    id => Some(CriterionId::parse(id).map_err(|e| crate::refusal::Refusal::name("/caught", &e))?),
                };
                found.push(FoundError {
                    what: row.what,
                    severity,
                    place: Some(row.place),
                    found_by: row.found_by.iter().filter_map(|who| people.get(*who).cloned()).collect(),
                    caught_by: caught,
                });
            }
            Ok(Said::Errors(tidied(found)))
        }
        About::Criterion { .. } | About::Draft { .. } => {
            Err(Problem::internal(format!("review {} has a page of its own", review.id)))
        }
    }
}
