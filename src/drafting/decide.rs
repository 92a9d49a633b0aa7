//! A human decides on drafts: what is accepted, as it stands or worded anew, is a criterion like any other of the next
//! version; what is refused is not in it; what nobody decided on stays a draft. Who decided is kept with the version.

use std::collections::BTreeMap;

use serde_json::json;

use crate::audit::Act;
use crate::domain::{
    Action, Author, Criterion, CriterionId, DraftDecision, Review, Rubric, RubricId, RubricParts, RubricVersion, Said,
    Section,
};
use crate::grading::accept::{Intake, latest_rubric};
use crate::refusal::{Problem, Refusal};
use crate::services::Services;
use crate::store::{Kept, ProjectStore};

/// What is to become of a draft.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// With other words or points where they are given.
    Accept {
        requirement: Option<String>,
        points: Option<f64>,
    },
    Reject,
}

/// Makes the next version of a rubric from what a human decided about drafts of `version`, the newest.
///
/// # Errors
/// If the rubric is unknown, has a newer version, a choice is about no draft of it, nothing is chosen, or what is left is
/// no rubric.
pub async fn decide(
    services: &Services,
    project: &ProjectStore,
    intake: &mut Intake<'_>,
    (id, version): (RubricId, Option<u32>),
    choices: &BTreeMap<CriterionId, Choice>,
    author: &Author,
) -> Result<RubricVersion, Refusal> {
    let latest = latest_rubric(project, id).await?;
    if let Some(seen) = version
        && seen != latest.version
    {
        let detail = format!(
            "rubric {id} has version {} by now and this decision is about version {seen}; read it again",
            latest.version
        );
        return Err(Refusal::Conflict { code: "rubric_changed", detail });
    }
    let at = services.now();
    let mut problems = Vec::new();
    let mut decided = Vec::new();
    for (criterion_id, choice) in choices {
        let pointer = format!("/decisions/{criterion_id}");
        match latest.rubric.criterion(criterion_id) {
            None => problems.push(Problem { pointer, detail: "the rubric has no such criterion".to_owned() }),
            Some(criterion) if criterion.draft.is_none() => {
                problems.push(Problem { pointer, detail: "is no draft; it was accepted already".to_owned() });
            }
            Some(criterion) => {
                let (accepted, edited) = match choice {
                    Choice::Reject => (false, false),
                    Choice::Accept { .. } => (true, accepted(criterion, choice) != accepted(criterion, &AS_IT_IS)),
                };
                let criterion_id = criterion_id.clone();
                decided.push(DraftDecision { criterion_id, accepted, edited, author: author.clone(), at });
            }
        }
    }
    if choices.is_empty() {
        problems.push(Problem { pointer: "/decisions".to_owned(), detail: "is empty; decide on a draft".to_owned() });
    }
    if !problems.is_empty() {
        return Err(Refusal::Invalid { problems });
    }
    let rubric = next(&latest.rubric, choices).map_err(|why| Refusal::invalid("/decisions", why))?;
    let left = rubric.criteria().iter().filter(|criterion| criterion.draft.is_some()).count();
    let kept = intake.decided(&latest, rubric, decided);
    let facts = json!({ "version": kept.version, "decided": kept.decided, "drafts_left": left });
    intake.log([Act::new(author, Action::RubricDecided, format!("rubric/{id}")).with(facts)]).await?;
    if left == 0 {
        settle(services, project, intake, id, author).await?;
    }
    tracing::info!(rubric = %id, version = kept.version, author = %author, decided = kept.decided.len(), "drafts decided on");
    Ok(kept)
}

/// Nothing is left to decide: the question in the queue is answered.
async fn settle(
    services: &Services,
    project: &ProjectStore,
    intake: &mut Intake<'_>,
    id: RubricId,
    author: &Author,
) -> Result<(), Refusal> {
    for key in project.linked::<Review>("rubric", &id.to_string(), 10).await? {
        let Some(Kept { record, revision }) = project.get::<Review>(&key).await? else { continue };
        if record.is_pending() && !record.has_answered(author) {
            let reason = "every draft is decided on".to_owned();
            intake.update(&record.resolve(author, Said::Decided, reason, services.now())?, revision);
        }
    }
    Ok(())
}

const AS_IT_IS: Choice = Choice::Accept { requirement: None, points: None };

/// The rubric without what was rejected, and with what was accepted.
fn next(rubric: &Rubric, choices: &BTreeMap<CriterionId, Choice>) -> Result<Rubric, String> {
    let criterion = |criterion: &Criterion| match choices.get(&criterion.id) {
        None => Some(criterion.clone()),
        Some(Choice::Reject) => None,
        Some(choice) => Some(accepted(criterion, choice)),
    };
    let criteria: Vec<Criterion> = rubric.criteria().iter().filter_map(criterion).collect();
    if criteria.is_empty() {
        return Err("every criterion is rejected and a rubric has at least one; accept one, or leave it".to_owned());
    }
    let gone = |id: &CriterionId| matches!(choices.get(id), Some(Choice::Reject));
    let sections = rubric.sections().iter().map(|section| without(section, &gone)).collect();
    let parts = RubricParts { title: rubric.title().map(str::to_owned), criteria, sections };
    let made = Rubric::new(parts).and_then(|made| made.scored(rubric.scoring().clone()));
    Ok(made.map_err(|error| error.to_string())?.with_extra(rubric.extra().clone()))
}

fn accepted(criterion: &Criterion, choice: &Choice) -> Criterion {
    let mut criterion = Criterion { draft: None, ..criterion.clone() };
    if let Choice::Accept { requirement, points } = choice {
        if let Some(requirement) = requirement.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            criterion.requirement = requirement.to_owned();
        }
        criterion.points = points.unwrap_or(criterion.points);
    }
    criterion
}

/// A section without the criteria that are gone; the places of its children close up.
fn without(section: &Section, gone: &impl Fn(&CriterionId) -> bool) -> Section {
    let mut left = Section {
        sections: section.sections.iter().map(|inner| without(inner, gone)).collect(),
        criteria: section.criteria.iter().filter(|id| !gone(id)).cloned().collect(),
        ..section.clone()
    };
    if !section.order.is_empty() {
        let children = section.children().filter(|child| match child {
            crate::domain::Child::Criterion(id) => !gone(id),
            crate::domain::Child::Section(_) => true,
        });
        let criteria = children.enumerate().filter(|(_, child)| matches!(child, crate::domain::Child::Criterion(_)));
        left.order = criteria.map(|(place, _)| place).collect();
    }
    left
}
