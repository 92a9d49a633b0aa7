//! What a grading asks: what it is made from, what each judge is shown of it, and every call, made when it is taken.
//!
//! Criteria are about the deliverable or about the steps that led to it (`target: trace`); the two are shown apart, so
//! that what is said about the one does not rest on the other.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use tracing::Instrument;

use crate::document;
use crate::domain::{
    CallKey, Criterion, CriterionId, Extract, Fingerprint, Grading, JudgeSpec, Mode, Prompt, Question, RubricVersion,
    Senses, StoredFile, Subject, Submission, Target, Task, View,
};
use crate::judge::{self, Judge};
use crate::prompt::{self, Round, Work};
use crate::reading::Source;
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, StoreError, part, rubric_key};
use crate::telemetry;
use crate::verdict::Shown;

use super::call::{self, Bundle, Call, Errand, as_said};
use super::cuts::Cuts;
use super::pictures::{self, Sent};
use super::sight::{Looks, looks};

/// What a grading is made from.
pub(super) struct Materials {
    task: Option<String>,
    pub rubric: Arc<RubricVersion>,
    references: Option<Arc<Extract>>,
    pub deliverable: Arc<Extract>,
    /// The steps that led to the deliverable, where they were submitted.
    steps: Option<Arc<Extract>>,
    /// What the deliverable was read from.
    files: Vec<StoredFile>,
}

/// A grading's calls.
pub(super) struct Plan<'a> {
    services: &'a Services,
    grading: &'a Grading,
    pub material: Materials,
    looks: Looks,
    sights: Sights,
}

/// What judges that take the same input see of a submission.
struct Sight {
    shown: Arc<prompt::Shown>,
    /// Where their quotes are looked up: in what they were shown, not in what there was.
    quotes: Arc<Shown>,
    view: View,
    reader: Fingerprint,
    files: Fingerprint,
}

/// A judge, if this process has it, and the fingerprint that its votes carry.
type Seat = (Option<Arc<Judge>>, Fingerprint);

/// By what a judge is asked about, and what it takes: its characters, and whether it sees.
type Sights = BTreeMap<(Target, u64, Senses), Sight>;

fn key(target: Target, spec: &JudgeSpec) -> (Target, u64, Senses) {
    match target {
        Target::Deliverable => (target, spec.max_input_chars, judge::senses(spec)),
        // Steps are text.
        Target::Trace => (target, spec.max_input_chars, Senses::default()),
    }
}

const TARGETS: [Target; 2] = [Target::Deliverable, Target::Trace];

/// A question as it is put to a judge.
#[derive(Clone)]
struct Worded {
    prompt: Prompt,
    quotes: Arc<Shown>,
    cuts: Option<Arc<Cuts>>,
}

impl<'a> Plan<'a> {
    /// # Errors
    /// If what it needs cannot be read.
    pub async fn of(services: &'a Services, project: &ProjectStore, grading: &'a Grading) -> Result<Self, Refusal> {
        let (submission, rubric) = kept(project, grading).await?;
        Self::made_from(services, project, grading, submission, rubric).await
    }

    /// Of what need not be kept.
    ///
    /// # Errors
    /// If what it needs cannot be read.
    pub async fn made_from(
        services: &'a Services,
        project: &ProjectStore,
        grading: &'a Grading,
        submission: Submission,
        rubric: RubricVersion,
    ) -> Result<Self, Refusal> {
        let material = load(services, project, grading, submission, rubric).await?;
        let (judges, references) = (&grading.panel.judges, material.references.as_ref());
        let looks = looks(services, judges, &material.files, &material.deliverable, references, 1).await?;
        let sights = sights(services, grading, &material, &looks);
        Ok(Self { services, grading, material, looks, sights })
    }

    /// Every call of these judges about these criteria.
    pub fn keys(&self, judges: &[JudgeSpec], criteria: &BTreeSet<&CriterionId>) -> Vec<CallKey> {
        let of = |spec| TARGETS.into_iter().flat_map(move |target| self.questions(spec, target));
        let about = judges.iter().flat_map(of).filter(|(_, criterion)| criteria.contains(&criterion.id));
        about.map(|(key, _)| key).collect()
    }

    /// Why this judge cannot be asked about that, where there is nothing to show it.
    fn nothing(&self, spec: &JudgeSpec, target: Target) -> Option<&str> {
        match target {
            Target::Deliverable => self.looks.of(spec).and_then(|look| look.nothing.as_deref()),
            Target::Trace if self.material.steps.is_none() => Some("no log of steps was submitted"),
            Target::Trace => None,
        }
    }

    /// Calls that are owed but not made, because there is nothing to show to the judge; with the reason.
    pub fn unshown<'b>(
        &'b self,
        settled: &'b HashSet<CallKey>,
        spec: &'b JudgeSpec,
    ) -> impl Iterator<Item = Result<(Call, &'b str), Refusal>> {
        let seat = call::judge(self.services, spec);
        let unshown = TARGETS.into_iter().filter_map(move |target| Some((target, self.nothing(spec, target)?)));
        let owed = unshown.flat_map(move |(target, reason)| {
            let owed = self.questions(spec, target).filter(|(key, _)| !settled.contains(key));
            owed.map(move |(key, criterion)| (key, criterion, reason))
        });
        owed.map(move |(key, criterion, reason)| {
            let sight = self.sight(criterion.target, spec);
            Ok((call(self.grading, &seat, sight, key, self.by_itself(sight, criterion)?), reason))
        })
    }

    /// There is one for everything that the rubric asks about and every judge of the panel.
    fn sight(&self, target: Target, spec: &JudgeSpec) -> &Sight {
        &self.sights[&key(target, spec)]
    }

    /// What a judge is still to be asked, in the panel's mode.
    pub fn errands<'b>(
        &'b self,
        settled: &'b HashSet<CallKey>,
        spec: &'b JudgeSpec,
    ) -> Box<dyn Iterator<Item = Result<Errand, Refusal>> + Send + 'b> {
        let targets = TARGETS.into_iter().filter(|target| self.nothing(spec, *target).is_none());
        match self.grading.panel.mode {
            Mode::PerCriterion => Box::new(targets.flat_map(move |target| self.singles(settled, spec, target))),
            Mode::Batch { size } => {
                Box::new(targets.flat_map(move |target| self.bundles(settled, spec, target, size.max(1) as usize)))
            }
        }
    }

    /// Calls of a judge that begin alike.
    pub fn alike(&self) -> usize {
        let questions = asked(&self.material.rubric).count() * self.grading.panel.repeats as usize;
        match self.grading.panel.mode {
            Mode::PerCriterion => questions,
            Mode::Batch { size } => questions.div_ceil(size.max(1) as usize),
        }
    }

    /// One by one, each made when it is taken, criterion by criterion.
    fn singles<'b>(
        &'b self,
        settled: &'b HashSet<CallKey>,
        spec: &'b JudgeSpec,
        target: Target,
    ) -> impl Iterator<Item = Result<Errand, Refusal>> + Send + 'b {
        let seat = call::judge(self.services, spec);
        let mut worded: Option<(&Criterion, Worded)> = None;
        self.questions(spec, target).filter(|(key, _)| !settled.contains(key)).map(move |(key, criterion)| {
            // Repeats are asked in the same words.
            let sight = self.sight(target, spec);
            let worded = match &worded {
                Some((of, worded)) if of.id == criterion.id => worded.clone(),
                _ => worded.insert((criterion, self.word(sight, criterion)?)).1.clone(),
            };
            Ok(Errand::One(Box::new(call(self.grading, &seat, sight, key, worded))))
        })
    }

    /// So many criteria at a time, always the same ones together: those of them that are settled are left out.
    fn bundles<'b>(
        &'b self,
        settled: &'b HashSet<CallKey>,
        spec: &'b JudgeSpec,
        target: Target,
        size: usize,
    ) -> impl Iterator<Item = Result<Errand, Refusal>> + Send + 'b {
        let criteria: Vec<&Criterion> = asked(&self.material.rubric).filter(|c| c.target == target).collect();
        let chunks: Vec<Vec<&Criterion>> = criteria.chunks(size).map(<[_]>::to_vec).collect();
        let all = (0..self.grading.panel.repeats)
            .flat_map(move |repeat| chunks.clone().into_iter().map(move |chunk| (repeat, chunk)).collect::<Vec<_>>());
        all.filter_map(move |(repeat, chunk)| {
            let owed = |criterion: &&Criterion| !settled.contains(&self.key(spec, repeat, criterion));
            let owed: Vec<&Criterion> = chunk.into_iter().filter(owed).collect();
            (!owed.is_empty()).then(|| self.bundle(spec, repeat, &owed).map(Errand::Several))
        })
    }

    /// These criteria in one call; there is at least one, and they are about the same.
    pub fn bundle(&self, spec: &JudgeSpec, repeat: u32, criteria: &[&Criterion]) -> Result<Bundle, Refusal> {
        let target = criteria.first().map_or(Target::Deliverable, |criterion| criterion.target);
        let (sight, seat) = (self.sight(target, spec), call::judge(self.services, spec));
        let call = |criterion: &&Criterion| {
            Ok(call(self.grading, &seat, sight, self.key(spec, repeat, criterion), self.by_itself(sight, criterion)?))
        };
        Ok(Bundle {
            calls: criteria.iter().map(call).collect::<Result<_, Refusal>>()?,
            criteria: criteria.iter().map(|criterion| (*criterion).clone()).collect(),
            shown: sight.shown.clone(),
        })
    }

    /// The first round of a question, and where its quotes are looked up.
    fn word(&self, sight: &Sight, criterion: &Criterion) -> Result<Worded, Refusal> {
        let question = first_round(self.services, sight, criterion)?;
        let Some(excerpt) = question.excerpt else {
            return Ok(Worded { prompt: question.prompt, quotes: sight.quotes.clone(), cuts: None });
        };
        let quotes = Arc::new(sight.quotes.and(&excerpt.extract, &excerpt.origins));
        let cuts = Cuts { shown: sight.shown.clone(), criterion: criterion.clone(), excerpt };
        Ok(Worded { prompt: question.prompt, quotes, cuts: Some(Arc::new(cuts)) })
    }

    /// A question as it would be put without an excerpt.
    fn by_itself(&self, sight: &Sight, criterion: &Criterion) -> Result<Worded, Refusal> {
        let prompt = self.services.templates.criterion(&sight.shown.prefix, criterion);
        let prompt = prompt.map_err(|e| unaskable(criterion, &e))?;
        Ok(Worded { prompt, quotes: sight.quotes.clone(), cuts: None })
    }

    fn key(&self, spec: &JudgeSpec, repeat: u32, criterion: &Criterion) -> CallKey {
        CallKey {
            subject: Subject::Grading(self.grading.id),
            judge: spec.name.clone(),
            repeat,
            question: Question::Criterion(criterion.id.clone()),
        }
    }

    fn questions<'b>(
        &'b self,
        spec: &'b JudgeSpec,
        target: Target,
    ) -> impl Iterator<Item = (CallKey, &'b Criterion)> + Send + 'b {
        asked(&self.material.rubric).filter(move |criterion| criterion.target == target).flat_map(move |criterion| {
            (0..self.grading.panel.repeats).map(move |repeat| (self.key(spec, repeat, criterion), criterion))
        })
    }

    /// What the judges were shown, with what each question showed besides, and the pictures that they were sent.
    pub fn views(self) -> Result<Vec<(View, Vec<Sent>)>, Refusal> {
        let mut views = Vec::with_capacity(self.sights.len());
        for ((target, ..), mut sight) in self.sights {
            if sight.shown.rest.is_some() {
                for criterion in asked(&self.material.rubric).filter(|criterion| criterion.target == target) {
                    let excerpt = first_round(self.services, &sight, criterion)?.excerpt;
                    sight.view.excerpts.extend(excerpt.map(|excerpt| excerpt.account));
                }
            }
            views.push((sight.view, pictures::sent(&sight.shown.prefix)));
        }
        Ok(views)
    }
}

fn call(grading: &Grading, seat: &Seat, sight: &Sight, key: CallKey, worded: Worded) -> Call {
    let Worded { prompt, quotes, cuts } = worded;
    Call {
        judge: seat.0.clone(),
        judged_by: seat.1.clone(),
        key,
        prompt,
        shown: quotes,
        cuts,
        turn: as_said,
        cache: grading.panel.cache,
        by_batch: grading.panel.provider_batch,
        among_others: grading.panel.mode != Mode::PerCriterion,
        rubric: Some(grading.rubric.fingerprint.clone()),
        reader: sight.reader.clone(),
        files: sight.files.clone(),
    }
}

/// The criteria that judges are asked about.
pub(super) fn asked(rubric: &RubricVersion) -> impl Iterator<Item = &Criterion> {
    rubric.rubric.criteria().iter().filter(|criterion| criterion.check.is_none())
}

fn first_round(services: &Services, sight: &Sight, criterion: &Criterion) -> Result<prompt::Question, Refusal> {
    let question = services.templates.question(&sight.shown, criterion, Round::First);
    question.map_err(|e| unaskable(criterion, &e))
}

fn unaskable(criterion: &Criterion, error: &prompt::PromptError) -> Refusal {
    Refusal::invalid("/rubric", format!("criterion `{}` cannot be asked: {error}", criterion.id))
}

/// Judges that take the same input share one prefix, byte for byte.
fn sights(services: &Services, grading: &Grading, material: &Materials, looks: &Looks) -> Sights {
    let mut sights = Sights::new();
    let no_steps = Arc::new(Extract::default());
    for target in TARGETS {
        let criteria: Vec<Criterion> = asked(&material.rubric).filter(|c| c.target == target).cloned().collect();
        if criteria.is_empty() {
            continue;
        }
        for spec in &grading.panel.judges {
            let Some(look) = looks.of(spec) else { continue };
            let (deliverable, references, of) = match target {
                Target::Deliverable => (&look.deliverable, look.references.as_ref(), &material.deliverable),
                Target::Trace => {
                    let steps = material.steps.as_ref().unwrap_or(&no_steps);
                    (steps, None, steps)
                }
            };
            let steps = target == Target::Trace;
            let work = Work { task: material.task.as_deref(), references, deliverable, criteria: &criteria, steps };
            let sight = sights.entry(key(target, spec)).or_insert_with(|| {
                let shown = services.templates.prefix(&work, spec.max_input_chars, spec.vision && !steps);
                let quotes = Arc::new(Shown::of(&shown.prefix.deliverables, std::slice::from_ref(&shown.origins)));
                let view =
                    View { judges: vec![], manifest: shown.manifest.clone(), excerpts: vec![], pictures: vec![] };
                let (reader, files) = (of.readers_fingerprint(), of.files_fingerprint());
                Sight { shown: Arc::new(shown), quotes, view, reader, files }
            });
            sight.view.judges.push(spec.name.clone());
        }
    }
    sights
}

async fn kept(project: &ProjectStore, grading: &Grading) -> Result<(Submission, RubricVersion), Refusal> {
    let missing = |kind: &str, key: String| {
        let detail = format!("grading {} refers to it, and it is not kept", grading.id);
        Refusal::Store(StoreError::Corrupt { kind: kind.to_owned(), key, detail })
    };
    let key = grading.submission_id.to_string();
    let submission = project.get::<Submission>(&key).await?.ok_or_else(|| missing("submission", key))?.record;
    let key = rubric_key(grading.rubric.id, grading.rubric.version);
    let rubric = project.get::<RubricVersion>(&key).await?.ok_or_else(|| missing("rubric", key))?.record;
    Ok((submission, rubric))
}

async fn load(
    services: &Services,
    project: &ProjectStore,
    grading: &Grading,
    submission: Submission,
    rubric: RubricVersion,
) -> Result<Materials, Refusal> {
    let task = match &grading.task_id {
        Some(id) => project.get::<Task>(&part(id.as_str())).await?.map(|kept| kept.record),
        None => None,
    };
    let references = match &task {
        Some(task) if !task.references.is_empty() => {
            Some(Arc::new(read_files(services, &task.references, None).await?))
        }
        _ => None,
    };
    let extract = read_files(services, &submission.files, submission.text).await?;
    let steps = submission.trace.as_ref().and_then(document::read_steps);
    Ok(Materials {
        task: grading.prompt.clone().or(task.map(|task| task.prompt)),
        rubric: Arc::new(rubric),
        references,
        deliverable: Arc::new(extract),
        steps: steps.map(|steps| Arc::new(Extract { files: vec![steps] })),
        files: submission.files,
    })
}

/// Reads files (and a final message).
///
/// # Errors
/// If their bytes are not there.
pub async fn read_files(
    services: &Services,
    files: &[StoredFile],
    message: Option<String>,
) -> Result<Extract, Refusal> {
    let mut extract = Extract::default();
    for (n, file) in files.iter().enumerate() {
        let bytes = services.blobs.get(&file.sha256).await?;
        // Not its name: that is the submitter's.
        let span = tracing::info_span!(
            target: telemetry::TARGET, "read",
            empanel.file.number = n, empanel.file.media_type = %file.media_type, empanel.file.bytes = file.bytes
        );
        let read = services.reading.read(Source { file: file.clone(), bytes });
        extract.files.extend(read.instrument(span).await);
    }
    if let Some(text) = message.filter(|text| !text.trim().is_empty()) {
        extract.files.insert(0, document::read_message(&text));
    }
    Ok(extract)
}
