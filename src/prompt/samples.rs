//! Every kind of question, as it would be put with a set of templates: to look at, and to find out before a token is
//! spent whether a template of one's own says what a judge must know.

use std::sync::Arc;

use super::layout::Work;
use super::templates::{PromptError, TemplateError, Templates};
use crate::domain::{Ask, ComparedBy, Criterion, CriterionId, Extract, Fingerprint, Level, Prefix, Prompt, Target};

/// A requirement with signs that mean something to templates, so that nobody evaluates it.
const REQUIREMENT: &str = "The totals {{ tie }} to the \"ledger\" extract.";
const LEVELS: [&str; 2] = ["full \"marks\"", "none"];

/// One kind of question.
pub struct Sample {
    /// Its template.
    pub template: &'static str,
    pub what: &'static str,
    pub prompt: Prompt,
}

/// One question of every kind.
///
/// # Errors
/// If a template does not render.
pub fn samples(templates: &Templates) -> Result<Vec<Sample>, PromptError> {
    let deliverable = Arc::new(Extract::default());
    let criteria =
        [criterion(Target::Deliverable, &[]), criterion(Target::Trace, &[]), criterion(Target::Deliverable, &LEVELS)];
    let work = Work {
        task: Some("Write the memo."),
        references: None,
        deliverable: &deliverable,
        criteria: &criteria,
        steps: false,
    };
    let shown = templates.prefix(&work, 100_000, false);
    let prefix = &shown.prefix;
    let what = ["yes or no", "about the steps", "levels"];
    let names = ["criterion", "criterion", "levels"];
    let mut samples = Vec::new();
    for ((criterion, what), template) in criteria.iter().zip(what).zip(names) {
        samples.push(Sample { template, what, prompt: templates.criterion(prefix, criterion)? });
    }
    let [yes_no, trace, levels] = &criteria;
    for (criteria, what) in [(vec![yes_no, levels], "several criteria"), (vec![trace], "several about the steps")] {
        samples.push(Sample { template: "batch", what, prompt: templates.several(&shown, &criteria)?.prompt });
    }
    let nothing = Arc::new(Prefix { parts: vec![], deliverables: vec![], fingerprint: Fingerprint::of_bytes(b"") });
    let prompt = templates.pairwise(&nothing, "Write the memo.")?;
    samples.push(Sample { template: "pairwise", what: "which is better", prompt });
    let compared = |(n, wanted): (usize, bool)| ComparedBy {
        id: CriterionId::parse(format!("sample-{n}")).expect("it is an id"),
        requirement: REQUIREMENT.to_owned(),
        wanted,
    };
    let prompt = templates.pairwise_by(&nothing, "Write the memo.", &[(1, true), (2, false)].map(compared))?;
    samples.push(Sample { template: "pairwise_criteria", what: "which is better, and on which criteria", prompt });
    Ok(samples)
}

fn criterion(target: Target, levels: &[&str]) -> Criterion {
    let level = |name: &&str| Level { name: (*name).to_owned(), points: 0.0, description: None };
    Criterion {
        id: CriterionId::parse("sample").expect("it is an id"),
        requirement: REQUIREMENT.to_owned(),
        points: 1.0,
        tags: vec![],
        gate: None,
        levels: levels.iter().map(level).collect(),
        target,
        check: None,
        extra: Default::default(),
        draft: None,
    }
}

/// Whether every question says what is asked and which answers there are.
pub(super) fn try_all(templates: &Templates) -> Result<(), TemplateError> {
    let all = samples(templates)
        .map_err(|error| TemplateError::Broken { name: error.template.to_owned(), source: error.source })?;
    for sample in all {
        let text = format!("{}{}", sample.prompt.system, sample.prompt.question);
        let silent = |what: String| Err(TemplateError::Silent { name: sample.template.to_owned(), what });
        let criteria = match &sample.prompt.ask {
            Ask::PairwiseBy { criteria, .. } => criteria.as_slice(),
            Ask::Pairwise { .. } => &[],
            _ if text.contains(REQUIREMENT) => &[],
            _ => return silent("`{{ requirement }}`".to_owned()),
        };
        let as_json = serde_json::Value::from(REQUIREMENT).to_string();
        if criteria.iter().any(|one| !text.contains(one.id.as_str()) || !text.contains(&as_json)) {
            return silent("the `lines`, each with a criterion".to_owned());
        }
        for label in sample.prompt.ask.labels() {
            // A level's name may stand as a JSON string.
            if !text.contains(label) && !text.contains(&serde_json::Value::from(label).to_string()) {
                return silent(format!("the answer {label:?}"));
            }
        }
        let fields: &[&str] = match sample.template {
            "batch" => &["answers", "index", "answer"],
            "pairwise_criteria" => &["criteria", "id", "answer"],
            _ => &["answer"],
        };
        if let Some(field) = fields.iter().find(|field| !text.contains(&format!("\"{field}\""))) {
            return silent(format!("that the reply has a field \"{field}\""));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn with(name: &str, source: &str) -> Result<Templates, TemplateError> {
        Templates::with(&BTreeMap::from([(name.to_owned(), source.to_owned())]))
    }

    fn refusal(name: &str, source: &str) -> String {
        with(name, source).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_template_of_ones_own_is_used_and_changes_the_fingerprint() {
        let own = "Frage: {{ requirement }}\nMET, UNMET oder CANNOT_ASSESS als \"answer\".";
        let templates = with("criterion", own).unwrap();
        let asked = &samples(&templates).unwrap()[0].prompt.question;
        assert_eq!(asked, &format!("Frage: {REQUIREMENT}\nMET, UNMET oder CANNOT_ASSESS als \"answer\"."));
        assert_ne!(templates.fingerprint(), Templates::builtin().fingerprint());
        assert_eq!(Templates::builtin().fingerprint(), Templates::with(&BTreeMap::new()).unwrap().fingerprint());
    }

    #[test]
    fn what_a_judge_could_not_answer_is_refused_with_what_is_missing() {
        let answers = "MET UNMET CANNOT_ASSESS \"answer\"";
        assert!(refusal("question", "x").contains("criterion, levels"));
        assert!(refusal("criterion", answers).contains("{{ requirement }}"));
        assert!(refusal("criterion", "{{ requirement }} MET CANNOT_ASSESS").contains("does not say"));
        assert!(refusal("levels", &format!("{{{{ requirement }}}} {answers}")).contains("full"));
        assert!(refusal("pairwise", "Which?").contains("does not say"));
        let answers = "A B TIE BOTH_BAD CANNOT_ASSESS \"answer\" \"id\" \"criteria\"";
        assert!(refusal("pairwise_criteria", answers).contains("`lines`"));
        assert!(refusal("pairwise_criteria", &format!("{answers} {{{{ lines }}}}")).contains("`lines`"));
    }

    #[test]
    fn a_template_reaches_nothing_and_ends() {
        let answers = "{{ requirement }} MET UNMET CANNOT_ASSESS \"answer\"";
        for hostile in [
            "{% include '/etc/passwd' %}",
            "{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}",
            "{{ secret }}",
            "{{ requirement.__class__ }}",
            "{% if %}",
        ] {
            assert!(refusal("criterion", &format!("{answers}{hostile}")).contains("cannot be used"), "{hostile}");
        }
        assert!(refusal("criterion", &"x".repeat(70_000)).contains("70000 bytes"));
    }
}
