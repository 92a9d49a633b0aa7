//! The wording: instructions and questions as minijinja templates, strict (a name that is missing is an error, not
//! a blank) and bounded in what they may say (`grammar`), do and make (`engine`). They are compiled in, and any of them
//! can be replaced by one's own; each set has a content hash that every vote carries. A template reaches no file, no
//! other template and no clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::{Environment, Value, context, value::Serde};
use serde::Serialize;

use super::engine;
use super::excerpt::{Excerpt, Round};
use super::grammar::{self, Refusal};
use super::layout::{self, Shown, ShownPair, Work};
use crate::domain::{Ask, ComparedBy, Criterion, Extract, Fingerprint, Level, Prefix, Prompt, Target};

/// Every template: name and source.
const SOURCES: &[(&str, &str)] = &[
    ("system", include_str!("templates/system.j2")),
    ("system_pairwise", include_str!("templates/system_pairwise.j2")),
    ("criterion", include_str!("templates/criterion.j2")),
    ("levels", include_str!("templates/levels.j2")),
    ("batch", include_str!("templates/batch.j2")),
    ("pairwise", include_str!("templates/pairwise.j2")),
];

/// Those that ask for a rubric. They have a hash of their own: other words here make no vote another one.
const DRAFTING: &[(&str, &str)] =
    &[("system_draft", include_str!("templates/system_draft.j2")), ("draft", include_str!("templates/draft.j2"))];

/// Those that compare by criteria. They too have a hash of their own: the words of plain comparisons stay theirs.
const COMPARING: &[(&str, &str)] = &[
    ("system_pairwise_criteria", include_str!("templates/system_pairwise_criteria.j2")),
    ("pairwise_criteria", include_str!("templates/pairwise_criteria.j2")),
];

/// Bytes of one template of one's own.
pub const MAX_SOURCE: usize = 64 * 1024;

/// Why a template of one's own cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("there is no template `{name}` to be replaced; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("template `{name}` has {bytes} bytes, more than the {MAX_SOURCE} that a template may have")]
    TooLong { name: String, bytes: usize },
    #[error("template `{name}` cannot be used, line {line}: {what}")]
    Forbidden { name: String, line: u32, what: String },
    #[error("template `{name}` cannot be used: {source}")]
    Broken {
        name: String,
        #[source]
        source: minijinja::Error,
    },
    #[error("template `{name}` does not say {what}: a judge could not answer it")]
    Silent { name: String, what: String },
}

/// Why a question could not be worded.
#[derive(Debug, thiserror::Error)]
#[error("prompt template `{template}` cannot be rendered for {what}: {source}; see src/prompt/templates/{template}.j2")]
pub struct PromptError {
    pub template: &'static str,
    pub what: String,
    #[source]
    pub source: minijinja::Error,
}

/// A set of templates, ready to use.
pub struct Templates {
    environment: Environment<'static>,
    /// By what is asked: about a deliverable or a log of steps, one criterion or several.
    systems: [[Arc<str>; 2]; 2],
    system_pairwise: Arc<str>,
    system_draft: Arc<str>,
    fingerprint: Fingerprint,
    /// Of the templates that ask for a rubric.
    drafting: Fingerprint,
    system_pairwise_criteria: Arc<str>,
    /// Of the templates that compare by criteria.
    comparing: Fingerprint,
}

/// Several questions in one call, and what each of them rests on besides what all questions show.
#[derive(Debug, Clone)]
pub struct Questions {
    pub prompt: Prompt,
    /// By criterion; empty where all of the deliverable is shown anyway.
    pub excerpts: Vec<Excerpt>,
}

/// A question, and what it shows besides what all questions show.
#[derive(Debug, Clone)]
pub struct Question {
    pub prompt: Prompt,
    /// `None` where all of the deliverable is shown anyway.
    pub excerpt: Option<Excerpt>,
}

#[derive(Serialize)]
struct ItemView<'a> {
    requirement: &'a str,
    levels: Vec<LevelView<'a>>,
}

#[derive(Serialize)]
struct LevelView<'a> {
    name: &'a str,
    /// As a JSON string.
    label: String,
    description: Option<&'a str>,
}

impl<'a> LevelView<'a> {
    fn of(level: &'a Level) -> Self {
        let label = serde_json::Value::from(level.name.as_str()).to_string();
        Self { name: &level.name, label, description: level.description.as_deref() }
    }
}

impl Templates {
    /// The templates that come with empanel.
    ///
    /// # Panics
    /// Never: the sources are constants, and a test compiles and renders them.
    #[must_use]
    pub fn builtin() -> Self {
        Self::with(&BTreeMap::new()).expect("a built-in template compiles and renders; a test does it")
    }

    /// The same with some of them replaced: name and source. Each is rendered with samples of what it will be given.
    ///
    /// # Errors
    /// If a template is not one of ours, is too long, does not render, or leaves out what a judge must know.
    pub fn with(own: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        if let Some(name) = own.keys().find(|name| !Self::names().any(|known| known == *name)) {
            let known = Self::names().collect::<Vec<_>>().join(", ");
            return Err(TemplateError::Unknown { name: name.clone(), known });
        }
        let mut environment = engine::environment();
        // What a set's hash is of: the layout, and each of its templates.
        let mut hashes = Vec::with_capacity(3);
        for set in [SOURCES, DRAFTING, COMPARING] {
            let mut parts = vec![layout::LAYOUT.as_bytes()];
            for (name, builtin) in set {
                let source = own.get(*name).map_or(*builtin, String::as_str);
                if source.len() > MAX_SOURCE {
                    return Err(TemplateError::TooLong { name: (*name).to_owned(), bytes: source.len() });
                }
                grammar::check(name, source).map_err(|refusal| match refusal {
                    Refusal::Broken(source) => TemplateError::Broken { name: (*name).to_owned(), source },
                    Refusal::Forbidden { line, what } => {
                        TemplateError::Forbidden { name: (*name).to_owned(), line, what }
                    }
                })?;
                let added = environment.add_template_owned(*name, source.to_owned());
                added.map_err(|source| TemplateError::Broken { name: (*name).to_owned(), source })?;
                parts.extend([name.as_bytes(), source.as_bytes()]);
            }
            hashes.push(Fingerprint::of_parts(parts));
        }
        let [fingerprint, drafting, comparing] = hashes.try_into().expect("a hash was made of each of the three sets");
        let fixed = |name: &str, context: Value| -> Result<Arc<str>, TemplateError> {
            let rendered = engine::render(&environment, name, context);
            Ok(rendered.map_err(|source| TemplateError::Broken { name: name.to_owned(), source })?.into())
        };
        let system = |trace: bool, several: bool| fixed("system", context! { trace, several });
        let systems = [[system(false, false)?, system(false, true)?], [system(true, false)?, system(true, true)?]];
        let system_pairwise = fixed("system_pairwise", context! {})?;
        let system_draft = fixed("system_draft", context! {})?;
        let system_pairwise_criteria = fixed("system_pairwise_criteria", context! {})?;
        let templates = Self {
            systems,
            system_pairwise,
            system_draft,
            fingerprint,
            drafting,
            system_pairwise_criteria,
            comparing,
            environment,
        };
        super::samples::try_all(&templates)?;
        Ok(templates)
    }

    /// The names of all templates.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SOURCES.iter().chain(DRAFTING).chain(COMPARING).map(|(name, _)| *name)
    }

    /// Of all templates that ask about work, and the layout: what was asked is comparable only where this is equal.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// What stands in front of all questions about one submission. `max_chars` bounds the characters of all
    /// files together; `vision` says whether the judge takes images.
    #[must_use]
    pub fn prefix(&self, work: &Work<'_>, max_chars: u64, vision: bool) -> Shown {
        layout::prefix(work, max_chars, vision)
    }

    /// The same for a comparison; `first` is shown as A.
    #[must_use]
    pub fn prefix_pair(
        &self,
        task: &str,
        references: Option<&Arc<Extract>>,
        first: &Arc<Extract>,
        second: &Arc<Extract>,
        max_chars: u64,
        vision: bool,
    ) -> ShownPair {
        layout::prefix_pair(task, references, [first, second], max_chars, vision)
    }

    /// One criterion as it is asked about a submission: with an excerpt in front where the submission is too long to be
    /// shown whole. The same round of the same criterion is always the same, byte for byte.
    ///
    /// # Errors
    /// As [`Templates::criterion`].
    pub fn question(&self, shown: &Shown, criterion: &Criterion, round: Round<'_>) -> Result<Question, PromptError> {
        let prompt = self.criterion(&shown.prefix, criterion)?;
        let Some(rest) = &shown.rest else { return Ok(Question { prompt, excerpt: None }) };
        let excerpt = rest.excerpt(criterion, round);
        let question = format!("{}{}", excerpt.text, prompt.question);
        let prompt = self.prompt(&prompt.system, &shown.prefix, question, prompt.ask);
        Ok(Question { prompt, excerpt: Some(excerpt) })
    }

    /// One criterion as a question: yes/no, or which level of its scale.
    ///
    /// # Errors
    /// If the template does not render, for instance because the scale has thousands of levels.
    pub fn criterion(&self, prefix: &Arc<Prefix>, criterion: &Criterion) -> Result<Prompt, PromptError> {
        let requirement = criterion.requirement.as_str();
        let trace = criterion.target == Target::Trace;
        let (template, context) = if criterion.levels.is_empty() {
            ("criterion", context! { requirement, trace })
        } else {
            ("levels", context! { requirement, trace, levels => Value::from(Serde(views(criterion))) })
        };
        let question = self.render(template, context, || format!("criterion `{}`", criterion.id))?;
        Ok(self.prompt(&self.systems[usize::from(trace)][0], prefix, question, ask(criterion)))
    }

    /// Several criteria in one question. They are all about the deliverable, or all about the steps: about what the
    /// first one is. The same criteria in the same order are always the same, byte for byte.
    ///
    /// # Errors
    /// If the template does not render, for instance because there are thousands of criteria.
    pub fn several(&self, shown: &Shown, criteria: &[&Criterion]) -> Result<Questions, PromptError> {
        let trace = criteria.first().is_some_and(|criterion| criterion.target == Target::Trace);
        let view = |criterion: &&'_ Criterion| {
            Value::from(Serde(ItemView { requirement: &criterion.requirement, levels: views(criterion) }))
        };
        let items: Vec<Value> = criteria.iter().map(view).collect();
        let context = context! { items, count => criteria.len(), trace };
        let question = self.render("batch", context, || format!("{} criteria", criteria.len()))?;
        let (text, excerpts) = match &shown.rest {
            Some(rest) => rest.excerpts(criteria),
            None => (String::new(), vec![]),
        };
        let asks = Ask::Several { items: criteria.iter().map(|criterion| ask(criterion)).collect() };
        let system = &self.systems[usize::from(trace)][1];
        Ok(Questions { prompt: self.prompt(system, &shown.prefix, text + &question, asks), excerpts })
    }

    /// Which of the two deliverables of the prefix is better?
    ///
    /// # Errors
    /// If the template does not render.
    pub fn pairwise(&self, prefix: &Arc<Prefix>, task: &str) -> Result<Prompt, PromptError> {
        let question = self.render("pairwise", context! { task }, || "a comparison".to_owned())?;
        Ok(self.prompt(&self.system_pairwise, prefix, question, Ask::Pairwise { task: task.to_owned() }))
    }

    /// Which of the two deliverables of the prefix is better, over all and on each of these criteria? Unlike elsewhere
    /// their ids are in the prompt, because one reply answers all of them, and so is whether they are about something
    /// bad, because without it "better on it" has no meaning. Points and gates are not.
    ///
    /// # Errors
    /// If the template does not render.
    pub fn pairwise_by(
        &self,
        prefix: &Arc<Prefix>,
        task: &str,
        criteria: &[ComparedBy],
    ) -> Result<Prompt, PromptError> {
        // One line of JSON each: no text of a requirement can look like another criterion, or end the list.
        let line = |one: &ComparedBy| {
            let text = |text: &str| serde_json::Value::from(text).to_string();
            let (id, requirement) = (text(one.id.as_str()), text(&one.requirement));
            format!("{{\"id\": {id}, \"wanted\": {}, \"requirement\": {requirement}}}", one.wanted)
        };
        let lines: Vec<String> = criteria.iter().map(line).collect();
        let context = context! { task, lines, count => criteria.len() };
        let question = self.render("pairwise_criteria", context, || format!("a comparison by {}", criteria.len()))?;
        let ask = Ask::PairwiseBy { task: task.to_owned(), criteria: criteria.to_vec() };
        Ok(Self::worded(&self.comparing, &self.system_pairwise_criteria, prefix, question, ask))
    }

    /// What stands in front of the question which criteria a task needs: the task, its reference files, and a deliverable
    /// that is known to be right, where there is one.
    #[must_use]
    pub fn prefix_draft(
        &self,
        task: &str,
        references: Option<&Arc<Extract>>,
        gold: Option<&Arc<Extract>>,
        max_chars: u64,
        vision: bool,
    ) -> Arc<Prefix> {
        layout::prefix_draft(task, references, gold, max_chars, vision)
    }

    /// Which criteria does the task of the prefix need?
    ///
    /// # Errors
    /// If the template does not render.
    pub fn draft(&self, prefix: &Arc<Prefix>, at_most: u32, gold: bool) -> Result<Prompt, PromptError> {
        let question = self.render("draft", context! { at_most, gold }, || "a rubric".to_owned())?;
        let ask = Ask::Rubric { at_most };
        Ok(Self::worded(&self.drafting, &self.system_draft, prefix, question, ask))
    }

    fn render(&self, template: &'static str, context: Value, what: impl Fn() -> String) -> Result<String, PromptError> {
        let rendered = engine::render(&self.environment, template, context);
        rendered.map_err(|source| PromptError { template, what: what(), source })
    }

    fn prompt(&self, system: &Arc<str>, prefix: &Arc<Prefix>, question: String, ask: Ask) -> Prompt {
        Self::worded(&self.fingerprint, system, prefix, question, ask)
    }

    fn worded(template: &Fingerprint, system: &Arc<str>, prefix: &Arc<Prefix>, question: String, ask: Ask) -> Prompt {
        let parts = [template, &prefix.fingerprint].map(|f| f.as_str().as_bytes());
        let fingerprint = Fingerprint::of_parts(parts.into_iter().chain([system.as_bytes(), question.as_bytes()]));
        Prompt {
            system: Arc::clone(system),
            prefix: Arc::clone(prefix),
            question,
            ask,
            template: template.clone(),
            fingerprint,
        }
    }
}

/// What is asked about a criterion, as data.
fn ask(criterion: &Criterion) -> Ask {
    let requirement = criterion.requirement.clone();
    if criterion.levels.is_empty() {
        Ask::Criterion { requirement }
    } else {
        Ask::Levels { requirement, levels: criterion.levels.clone() }
    }
}

fn views(criterion: &Criterion) -> Vec<LevelView<'_>> {
    criterion.levels.iter().map(LevelView::of).collect()
}
