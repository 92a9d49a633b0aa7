//! One model is asked which criteria a task needs, and what it proposes is kept as drafts.

use std::sync::Arc;

use crate::document;
use crate::domain::{
    About, CallKey, Cause, Criterion, CriterionId, Drafting, DraftingBill, DraftingId, DraftingState, Extract, Gate,
    Match, Proposal, ProposalQuote, Proposed, Question, Review, Rubric, RubricParts, RubricVersion, Subject,
    Submission, Task,
};
use crate::grading::accept::Intake;
use crate::grading::ask::{attempts, cost, journal};
use crate::grading::journal::history;
use crate::grading::plan::read_files;
use crate::grading::sight;
use crate::judge::Asked;
use crate::refusal::Refusal;
use crate::services::{Progress, Services};
use crate::store::{Kept, ProjectStore, Revision, StoreError, part};
use crate::verdict::{self, Quote, Shown};

/// Takes a drafting as far as it goes.
///
/// # Errors
/// If the store cannot; it is then taken up again later, and what was received is read again without a call.
pub async fn run(services: &Services, project: &ProjectStore, id: DraftingId) -> Result<(), Refusal> {
    let subject = Subject::Drafting(id);
    let Some(Kept { record: mut drafting, mut revision }) = project.get::<Drafting>(&id.to_string()).await? else {
        return Err(Refusal::not_found("draft", id));
    };
    if drafting.status().is_settled() {
        return Ok(());
    }
    let cancel = services.running.begin(subject, Progress { planned: 1, done: 0, failed: 0 });
    if matches!(drafting.state, DraftingState::Queued) {
        drafting.state = DraftingState::Running { started_at: services.now() };
        project.commit(project.batch().update(&drafting, revision)).await?;
        let Some(kept) = project.get::<Drafting>(&id.to_string()).await? else {
            return Err(Refusal::not_found("draft", id));
        };
        revision = kept.revision;
    }
    let failed = |cause, detail, bill| DraftingState::Failed { at: services.now(), cause, detail, bill };
    let shown = match material(services, project, &drafting).await? {
        Ok(shown) => shown,
        Err(why) => {
            drafting.end(failed(Cause::UnreadableInput, why, unspent()))?;
            return keep(services, project, &drafting, revision).await;
        }
    };
    let Some(judge) = services.judges.get(&drafting.judge.name).cloned() else {
        let detail = format!("judge `{}` is not configured any more", drafting.judge.name);
        drafting.end(failed(Cause::ProviderError, detail, unspent()))?;
        return keep(services, project, &drafting, revision).await;
    };
    let spec = &drafting.judge;
    let prefix = services.templates.prefix_draft(
        &drafting.prompt,
        shown.references.as_ref(),
        shown.gold.as_ref(),
        spec.max_input_chars,
        spec.vision,
    );
    let prompt = services.templates.draft(&prefix, drafting.at_most, shown.gold.is_some());
    let prompt = prompt.map_err(|e| Refusal::invalid("/prompt", format!("the task cannot be asked about: {e}")))?;
    let key = CallKey { subject, judge: spec.name.clone(), repeat: 0, question: Question::Rubric };

    let purse = services.purses.of(project, services.now(), &services.replicas).await?;
    let reserved = tokio::select! {
        biased;
        () = cancel.cancelled() => return Ok(()),
        reserved = purse.reserve(cost(&judge, &prompt, false)) => reserved,
    };
    let reserved = match reserved {
        Ok(reserved) => reserved,
        Err(empty) => {
            drafting.end(failed(Cause::OverBudget, empty.to_string(), unspent()))?;
            return keep(services, project, &drafting, revision).await;
        }
    };
    let at_most = drafting.at_most;
    let parse = |text: &str| verdict::read_proposals(text, at_most).map_err(|e| (e.cause, e.detail));
    let past = history(attempts(project, &key).await?, None);
    let journal = journal(services, project);
    let asked = judge.ask(&key, &prompt, past, &parse, &journal, &cancel).await;
    let asked = asked.map_err(|error| Refusal::Store(StoreError::Unavailable { detail: error.to_string() }))?;
    reserved.settle(asked.cost_usd);
    let Asked { outcome, model, usage, cost_usd, attempts: calls, .. } = asked;
    let bill = DraftingBill { model, usage, cost_usd, calls };
    let mut intake = Intake::new(services, project);
    match outcome {
        // A stop is no outcome: it goes on at the next start.
        Err((Cause::Cancelled, _)) => return Ok(()),
        Err((cause, detail)) => drafting.end(failed(cause, detail, bill))?,
        Ok(proposed) => match rubric(&drafting, proposed, &shown.words) {
            Ok(rubric) => {
                let kept = intake.new_rubric(rubric);
                intake.insert(&question(services, &drafting, &kept));
                let state = DraftingState::Proposed { at: services.now(), rubric: kept.reference(), bill };
                drafting.end(state)?;
            }
            Err(why) => drafting.end(failed(Cause::Unparseable, why, bill))?,
        },
    }
    intake.update(&drafting, revision);
    intake.commit().await?;
    tracing::info!(draft = %id, status = drafting.status().as_str(), judge = %drafting.judge.name, "rubric drafted");
    Ok(())
}

/// Nobody was asked.
fn unspent() -> DraftingBill {
    DraftingBill { cost_usd: Some(0.0), ..DraftingBill::default() }
}

/// Which of the drafts are to hold is asked in the queue of reviews.
fn question(services: &Services, drafting: &Drafting, kept: &RubricVersion) -> Review {
    let about = About::Draft { rubric_id: kept.id, version: kept.version };
    let stake: f64 = kept.rubric.criteria().iter().map(|criterion| criterion.points.max(0.0)).sum();
    Review {
        task_id: drafting.task_id.clone(),
        priority: stake,
        stake: Some(stake),
        ..Review::new(services.ids.next(), about, "draft", services.now())
    }
}

async fn keep(
    services: &Services,
    project: &ProjectStore,
    drafting: &Drafting,
    revision: Revision,
) -> Result<(), Refusal> {
    let mut intake = Intake::new(services, project);
    intake.update(drafting, revision);
    intake.commit().await
}

/// What the model is shown.
struct Material {
    references: Option<Arc<Extract>>,
    gold: Option<Arc<Extract>>,
    /// Where quotes are looked up: the task, its references, the gold deliverable.
    words: Shown,
}

/// Or why it cannot be shown: a gold deliverable that cannot be read is not left out silently.
async fn material(
    services: &Services,
    project: &ProjectStore,
    drafting: &Drafting,
) -> Result<Result<Material, String>, Refusal> {
    let missing = |kind: &str, key: String| {
        let detail = format!("draft {} refers to it, and it is not kept", drafting.id);
        Refusal::Store(StoreError::Corrupt { kind: kind.to_owned(), key, detail })
    };
    let references = match &drafting.task_id {
        None => None,
        Some(id) => {
            let key = part(id.as_str());
            let task = project.get::<Task>(&key).await?.ok_or_else(|| missing("task", key))?.record;
            match task.references.is_empty() {
                true => None,
                false => Some(Arc::new(read_files(services, &task.references, None).await?)),
            }
        }
    };
    let (files, gold) = match drafting.gold {
        None => (vec![], None),
        Some(id) => {
            let key = id.to_string();
            let kept = project.get::<Submission>(&key).await?.ok_or_else(|| missing("submission", key))?.record;
            let read = Arc::new(read_files(services, &kept.files, kept.text).await?);
            (kept.files, Some(read))
        }
    };
    let deliverable = gold.clone().unwrap_or_default();
    let spec = std::slice::from_ref(&drafting.judge);
    let looks = sight::looks(services, spec, &files, &deliverable, references.as_ref(), 1).await?;
    let (references, gold) = match looks.of(&drafting.judge) {
        Some(look) => {
            if let (Some(_), Some(why)) = (&gold, &look.nothing) {
                return Ok(Err(format!("the gold deliverable cannot be shown: {why}")));
            }
            (look.references.clone(), gold.map(|_| look.deliverable.clone()))
        }
        None => (references, gold),
    };
    let mut task = document::read_message(&drafting.prompt);
    task.name = "task".to_owned();
    let mut all = Extract { files: vec![task] };
    for extract in references.iter().chain(&gold) {
        all.files.extend(extract.files.iter().cloned());
    }
    Ok(Ok(Material { references, gold, words: Shown::new(&[Arc::new(all)]) }))
}

/// Proposed criteria as a rubric of drafts, each with what it rests on looked up.
fn rubric(drafting: &Drafting, proposed: Vec<Proposed>, words: &Shown) -> Result<Rubric, String> {
    let named = drafting.task_id.as_ref().map_or_else(|| "a task".to_owned(), ToString::to_string);
    let title = drafting.title.clone().unwrap_or_else(|| format!("Draft for {named}"));
    let criterion = |(index, one): (usize, Proposed)| {
        let quotes = one.quotes.into_iter().map(|(file, place, quote)| Quote { file, place, quote }).collect();
        let found = words.look_up(quotes).into_iter().map(|evidence| ProposalQuote {
            file: evidence.file,
            said_where: evidence.place.map_or(evidence.said_where, |place| place.to_string()),
            quote: evidence.quote,
            found: evidence.found != Match::NotFound,
        });
        let proposal = Proposal {
            by: Some(drafting.judge.name.to_string()),
            why: Some(one.why).filter(|why| !why.is_empty()),
            quotes: found.collect(),
        };
        Ok(Criterion {
            id: CriterionId::parse(format!("d{}", index + 1)).map_err(|error| error.to_string())?,
            requirement: one.requirement,
            points: one.points,
            tags: vec![],
            gate: one.must_pass.then_some(Gate::MustPass),
            levels: vec![],
            target: crate::domain::Target::Deliverable,
            check: None,
            extra: Default::default(),
            draft: Some(proposal),
        })
    };
    let criteria = proposed.into_iter().enumerate().map(criterion).collect::<Result<Vec<_>, String>>()?;
    Rubric::new(RubricParts { title: Some(title), criteria, sections: vec![] }).map_err(|error| error.to_string())
}
