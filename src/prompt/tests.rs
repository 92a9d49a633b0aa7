//! Golden prompts, and promises that hold for all of them.

use std::path::PathBuf;
use std::sync::Arc;

use super::layout::sample;
use super::{Shown, Templates, Work};
use crate::domain::{Criterion, CriterionId, Extract, Level, Part, Prompt, Target};

const TASK: &str = "Compute the net income of the tour. <<<EMPANEL stays in a task.";

fn criterion(requirement: &str, points: f64) -> Criterion {
    Criterion {
        id: CriterionId::parse("secret-id").unwrap(),
        requirement: requirement.to_owned(),
        points,
        tags: vec!["secret-tag".to_owned()],
        gate: None,
        levels: vec![],
        target: Target::Deliverable,
        check: None,
    }
}

fn graded() -> Criterion {
    let level = |name: &str, points, description: Option<&str>| Level {
        name: name.to_owned(),
        points,
        description: description.map(str::to_owned),
    };
    let levels = vec![level("full \"marks\"", 7777.0, Some("all of it")), level("none", 0.0, None)];
    Criterion { levels, ..criterion("The totals tie.", 7777.0) }
}

fn shown(templates: &Templates, max_chars: u64, vision: bool) -> Shown {
    let deliverable = Arc::new(sample::extract());
    let references = Arc::new(Extract { files: vec![sample::file("rates.txt")] });
    templates.prefix(
        &Work { task: Some(TASK), references: Some(&references), deliverable: &deliverable },
        max_chars,
        vision,
    )
}

fn whole(prompt: &Prompt) -> String {
    let mut out = format!("=== system\n{}=== prefix\n", prompt.system);
    for part in &prompt.prefix.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Image { name, image } => out.push_str(&format!("=== image {name} {image:?}\n")),
            Part::Media { name, media } => out.push_str(&format!("=== media {name} {media:?}\n")),
        }
    }
    out.push_str("=== question\n");
    out.push_str(&prompt.question);
    out
}

fn golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/prompt").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{} differs from:\n{actual}\n(UPDATE_FIXTURES=1 accepts it)", path.display());
}

#[test]
fn every_prompt_is_as_it_was_accepted() {
    let templates = Templates::builtin();
    let prefix = shown(&templates, 100_000, true).prefix;
    golden("criterion.txt", &whole(&templates.criterion(&prefix, &criterion("The totals {{ tie }}.", 2.0)).unwrap()));
    golden("levels.txt", &whole(&templates.criterion(&prefix, &graded()).unwrap()));
    let trace = Criterion { target: Target::Trace, ..criterion("No step was repeated.", -2.0) };
    golden("trace.txt", &whole(&templates.criterion(&prefix, &trace).unwrap()));
    let cut = shown(&templates, 100, false).prefix;
    golden("cut.txt", &whole(&templates.criterion(&cut, &criterion("The totals tie.", 2.0)).unwrap()));
    let (a, b) = (Arc::new(sample::extract()), Arc::new(Extract::default()));
    let pair = templates.prefix_pair(TASK, None, &a, &b, 100_000, false);
    golden("pairwise.txt", &whole(&templates.pairwise(&pair.prefix, TASK).unwrap()));
}

#[test]
fn every_template_renders_strictly_with_every_kind_of_question() {
    let templates = Templates::builtin();
    let prefix = shown(&templates, 100_000, true).prefix;
    for target in [Target::Deliverable, Target::Trace] {
        for base in [criterion("x", 1.0), criterion("x", -1.0), graded()] {
            templates.criterion(&prefix, &Criterion { target, ..base }).unwrap();
        }
    }
    templates.pairwise(&prefix, "").unwrap();
    assert_eq!(templates.fingerprint(), Templates::builtin().fingerprint());
}

#[test]
fn the_prefix_is_the_same_for_all_criteria_and_the_question_comes_last() {
    let templates = Templates::builtin();
    let (one, two) = (shown(&templates, 100_000, true).prefix, shown(&templates, 100_000, true).prefix);
    assert_eq!(one.fingerprint, two.fingerprint);
    let a = templates.criterion(&one, &criterion("First.", 1.0)).unwrap();
    let b = templates.criterion(&one, &criterion("Second.", 1.0)).unwrap();
    let again = templates.criterion(&two, &criterion("First.", 1.0)).unwrap();
    assert!(Arc::ptr_eq(&a.prefix, &b.prefix) && Arc::ptr_eq(&a.system, &b.system));
    assert_eq!(a.fingerprint, again.fingerprint);
    assert_ne!(a.fingerprint, b.fingerprint);
    assert_ne!(one.fingerprint, shown(&templates, 100, true).prefix.fingerprint);
}

#[test]
fn points_ids_tags_and_weights_never_reach_a_judge() {
    let templates = Templates::builtin();
    let prefix = shown(&templates, 100_000, true).prefix;
    for criterion in [criterion("The totals tie.", 7777.0), criterion("The totals tie.", -7777.0), graded()] {
        let text = whole(&templates.criterion(&prefix, &criterion).unwrap());
        for secret in ["7777", "secret-id", "secret-tag", "passed", "points"] {
            assert!(!text.contains(secret), "{secret} is in the prompt");
        }
    }
    let text = |points| whole(&templates.criterion(&prefix, &criterion("The totals tie.", points)).unwrap());
    assert_eq!(text(1.0), text(-1.0), "a penalty is asked like any other");
}

#[test]
fn text_of_the_deliverable_cannot_leave_its_fence_and_the_task_is_left_alone() {
    let templates = Templates::builtin();
    let prompt = templates.criterion(&shown(&templates, 100_000, true).prefix, &criterion("x", 1.0)).unwrap();
    let text = whole(&prompt);
    assert!(text.contains(TASK));
    assert!(!text.contains("EMPANEL 00 END"));
    assert!(text.contains("(not a fence) empanel 00 END"));
    // Two readable files and one reference, each with one fence of two lines.
    assert_eq!(text.matches(" BEGIN>>>").count(), 3);
    assert_eq!(text.matches(" END>>>").count(), 3 + 1, "three fences and the harmless imitation");
}

#[test]
fn cuts_stand_in_the_text_and_in_the_manifest_alike() {
    let templates = Templates::builtin();
    let shown = shown(&templates, 100, false);
    let prompt = templates.criterion(&shown.prefix, &criterion("x", 1.0)).unwrap();
    let text = whole(&prompt);
    assert_eq!(shown.manifest, shown.prefix.deliverables[0].manifest());
    let cuts: Vec<_> = shown.manifest.files.iter().flat_map(|f| &f.cuts).collect();
    assert!(cuts.len() >= 4, "{cuts:?}");
    for cut in cuts {
        assert!(text.contains(&format!("NOT SHOWN: {} ({})", cut.what, cut.why)), "{cut:?}");
    }
    assert!(text.contains("This file COULD NOT BE READ: the file is encrypted."));
    assert!(!shown.prefix.parts.iter().any(|p| matches!(p, Part::Image { .. })));
}

#[test]
fn the_two_sides_of_a_comparison_have_manifests_of_their_own() {
    let templates = Templates::builtin();
    let (a, b) = (Arc::new(sample::extract()), Arc::new(Extract { files: vec![sample::file("b.txt")] }));
    let ab = templates.prefix_pair(TASK, None, &a, &b, 100_000, true);
    let ba = templates.prefix_pair(TASK, None, &b, &a, 100_000, true);
    assert_eq!((ab.manifests[0].files.len(), ab.manifests[1].files.len()), (3, 1));
    assert_eq!((&ab.manifests[0], &ab.manifests[1]), (&ba.manifests[1], &ba.manifests[0]));
    assert_ne!(ab.prefix.fingerprint, ba.prefix.fingerprint);
}
