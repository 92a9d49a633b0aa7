//! Rubrics as the field publishes them: real data sets, the figures their authors published, and texts that are
//! broken in every way. No service is started: import, lint, export and score are functions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use empanel::domain::{Criterion, CriterionId, Decision, Rubric, Source, Tally, Verdict};
use empanel::grading::score::{all_pass, by_section, by_tag, score};
use empanel::rubric::{Format, Imported, export, import, import_all, lint};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::repository;

/// A file of the shared data, or nothing where that is absent.
fn data(path: &str) -> Option<String> {
    let path: PathBuf = repository("../shared/data").join(path);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    text
}

fn verdict(id: &CriterionId, decision: Decision) -> Verdict {
    Verdict {
        criterion_id: id.clone(),
        decision,
        source: Source::Panel,
        tally: Tally::default(),
        evidence: vec![],
        note: None,
    }
}

fn verdicts(rubric: &Rubric, met: impl Fn(&Criterion) -> bool) -> Vec<Verdict> {
    let decide = |c: &Criterion| verdict(&c.id, if met(c) { Decision::Met } else { Decision::Unmet });
    rubric.criteria().iter().map(decide).collect()
}

/// JSON in which 1 and 1.0 are the same.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(fields) => Value::Object(fields.iter().map(|(k, v)| (k.clone(), normal(v))).collect()),
        other => other.clone(),
    }
}

fn same(a: &str, b: &str) -> bool {
    let value = |text: &str| normal(&serde_json::from_str(text).unwrap());
    value(a) == value(b)
}

/// A rubric read from this text is written as the same JSON, and survives the native format.
#[track_caller]
fn nothing_is_lost(rubric: &Rubric, text: &str, format: Format) {
    let written = export(rubric, format).unwrap();
    assert!(same(&written, text), "{format}: {written}\n{text}");
    let native = export(rubric, Format::Native).unwrap();
    assert_eq!(&import(&native, Format::Native).unwrap(), rubric);
}

#[test]
fn paperbench_trees_that_humans_graded_have_their_published_root_scores_to_the_last_bit() {
    for (name, published) in [
        ("all-in-one", 0.713_935_185_185_185_2),
        ("rice", 0.185_681_216_931_216_92),
        ("semantic-self-consistency", 0.909_999_999_999_999_9),
    ] {
        let Some(text) = data(&format!("paperbench/{name}.expected_result.json")) else { return };
        let rubric = import(&text, Format::Paperbench).unwrap();
        let graded = verdicts(&rubric, |c| match c.extra["score"].as_f64() {
            Some(1.0) => true,
            Some(0.0) => false,
            other => panic!("{}: {other:?}", c.id),
        });
        let found = score(&rubric, &graded, 1.0);
        assert_eq!(found.raw.map(f64::to_bits), Some(f64::to_bits(published)), "{name}: {:?}", found.raw);
        assert_eq!(found.raw, serde_json::from_str::<Value>(&text).unwrap()["score"].as_f64(), "{name}");
        // So does every node below: its own score is in the tree.
        let parts = by_section(&rubric, &graded);
        let mut open = vec![(&rubric.sections()[0], rubric.sections()[0].title.clone())];
        let mut nodes = 0;
        while let Some((section, path)) = open.pop() {
            let wanted = section.extra["score"].as_f64();
            assert!(parts.iter().any(|p| p.name == path && p.value == wanted), "{name}: {path} {wanted:?}");
            open.extend(section.sections.iter().map(|s| (s, format!("{path} / {}", s.title))));
            nodes += 1;
        }
        assert_eq!(parts.len(), nodes);
        nothing_is_lost(&rubric, &text, Format::Paperbench);
        let Some(plain) = data(&format!("paperbench/{name}.rubric.json")) else { return };
        nothing_is_lost(&import(&plain, Format::Paperbench).unwrap(), &plain, Format::Paperbench);
    }
}

#[test]
fn finance_agent_votes_become_the_rewards_that_were_published() {
    let (Some(tasks), Some(rollouts)) =
        (data("finance_agent_votes/example.jsonl"), data("finance_agent_votes/example_rollouts.jsonl"))
    else {
        return;
    };
    let rubrics = import_all(&tasks, Format::FinanceAgent).unwrap();
    let mut rewards = Vec::new();
    for (Imported { rubric, task }, line) in rubrics.iter().zip(rollouts.lines()) {
        let rollout: Value = serde_json::from_str(line).unwrap();
        assert!(task.prompt.as_ref().is_some_and(|p| !p.is_empty()));
        // Each judgement by the majority of its three votes.
        let judged: Vec<(bool, String)> = rollout["rubric_judgements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|j| {
                let votes: Vec<i64> = j["votes"].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect();
                (votes.iter().sum::<i64>() * 2 > votes.len() as i64, j["criteria"].as_str().unwrap().to_owned())
            })
            .collect();
        let met: Vec<&str> = judged.iter().filter(|(met, _)| *met).map(|(_, text)| text.as_str()).collect();
        let graded = verdicts(rubric, |c| met.contains(&c.requirement.as_str()));
        let found = score(rubric, &graded, 1.0);
        assert_eq!(found.value, rollout["reward"].as_f64());
        assert_eq!(found.ungated, rollout["rubric_weighted_fraction"].as_f64());
        assert_eq!(found.positive, rollout["rubric_weight_total"].as_f64().unwrap());
        assert_eq!(found.gates.len() as u64, rollout["rubric_dealbreakers_failed"].as_u64().unwrap());
        assert_eq!(all_pass(rubric, &graded), rollout["rubric_all_pass"].as_bool());
        rewards.push(found.value.unwrap());
    }
    assert_eq!(rewards, [0.0, 0.875, 0.75, 1.0, 0.0]);
}

#[test]
fn all_77_finance_agent_rubrics_come_and_go_without_a_loss() {
    let mut count = 0;
    for file in ["finance_agent/public_v1.csv", "finance_agent/public_v2.csv"] {
        let Some(text) = data(file) else { return };
        let mut table = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<BTreeMap<String, String>> = table.deserialize().map(Result::unwrap).collect();
        let all = import_all(&text, Format::FinanceAgent).unwrap();
        assert_eq!(all.len(), rows.len());
        for (Imported { rubric, task }, row) in all.iter().zip(&rows) {
            // The rubric alone, and within its row.
            nothing_is_lost(
                &import(&row["Rubric"], Format::FinanceAgent).unwrap(),
                &row["Rubric"],
                Format::FinanceAgent,
            );
            let written: Value = serde_json::from_str(&export(rubric, Format::FinanceAgent).unwrap()).unwrap();
            for (column, cell) in row.iter().filter(|(column, _)| *column != "Rubric") {
                assert_eq!(written[column].as_str().unwrap_or_default(), cell, "{column}");
            }
            assert!(same(&written["Rubric"].to_string(), &row["Rubric"]));
            assert_eq!(task.prompt.as_deref(), Some(row["Question"].trim()));
            assert_eq!(rubric.criteria().len(), serde_json::from_str::<Vec<Value>>(&row["Rubric"]).unwrap().len());
            count += 1;
        }
    }
    assert_eq!(count, 77);
}

#[test]
fn ace_tables_come_and_go_without_a_loss_one_rubric_a_task() {
    let Some(text) = data("ace/ace.csv") else { return };
    let rows = |text: &str| -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
    };
    let all = import_all(&text, Format::Ace).unwrap();
    assert_eq!(all.len(), 10);
    let written: Vec<_> = all.iter().flat_map(|i| rows(&export(&i.rubric, Format::Ace).unwrap())).collect();
    let mut given = rows(&text);
    let tasks: Vec<String> = all.iter().map(|i| i.task.id.clone().unwrap()).collect();
    given.sort_by_key(|row| tasks.iter().position(|task| *task == row["Task ID"]));
    assert_eq!(written, given);
    let gates = all.iter().flat_map(|i| i.rubric.criteria()).filter(|c| c.gate.is_some()).count();
    let scales = all.iter().flat_map(|i| i.rubric.criteria()).filter(|c| !c.levels.is_empty()).count();
    assert_eq!((gates, scales), (10, 21), "hurdles and grounded criteria");
    for Imported { rubric, .. } in &all {
        let native = export(rubric, Format::Native).unwrap();
        assert_eq!(&import(&native, Format::Native).unwrap(), rubric);
    }
    let error = import(&text, Format::Ace).unwrap_err();
    assert!(error.to_string().contains("10 tasks"), "{error}");
}

/// A tree of the given depth below its root, and at least so many leaves, with leaves and nodes mixed.
fn tree(depth: usize, leaves: usize) -> Value {
    fn grow(depth: usize, left: &mut usize, width: usize, number: &mut usize) -> Value {
        *number += 1;
        let id = format!("n{number}");
        let weight = *number % 5 + 1;
        if depth == 0 || *left == 0 {
            let categories = ["Code Development", "Code Execution", "Result Analysis"];
            *left = left.saturating_sub(1);
            return json!({"id": id, "requirements": format!("Step {number} of the method is implemented, and its parameter {} is as in table {}", *number * 7 % 911, *number * 13 % 97),
                "weight": weight, "sub_tasks": [], "task_category": categories[*number % 3]});
        }
        let children: Vec<Value> = (0..width)
            .map(|i| {
                if i % 3 == 1 && depth > 1 {
                    grow(0, left, width, number)
                } else {
                    grow(depth - 1, left, width, number)
                }
            })
            .collect();
        json!({"id": id, "requirements": format!("Part {number}"), "weight": weight, "sub_tasks": children})
    }
    let (mut left, mut number) = (leaves, 0);
    let mut parts = Vec::new();
    while left > 0 {
        parts.push(grow(depth - 1, &mut left, 3, &mut number));
    }
    json!({"id": "root", "requirements": "Reproduce the paper", "weight": 1, "sub_tasks": parts})
}

/// The formula, by its definition.
fn slow_score(node: &Value, met: &dyn Fn(&str) -> bool) -> f64 {
    let children = node["sub_tasks"].as_array().unwrap();
    if children.is_empty() {
        return if met(node["id"].as_str().unwrap()) { 1.0 } else { 0.0 };
    }
    let weight = |child: &Value| child["weight"].as_f64().unwrap();
    let sum: f64 = children.iter().map(|child| slow_score(child, met) * weight(child)).fold(0.0, |a, b| a + b);
    sum / children.iter().map(weight).fold(0.0, |a, b| a + b)
}

#[test]
fn a_tree_of_depth_eight_with_two_thousand_leaves_imports_and_scores_like_its_definition() {
    let tree = tree(8, 2_000);
    let text = tree.to_string();
    let rubric = import(&text, Format::Paperbench).unwrap();
    assert!(rubric.criteria().len() >= 2_000);
    let depth = |rubric: &Rubric| {
        let mut deepest = 0;
        let mut open: Vec<(&empanel::domain::Section, usize)> = rubric.sections().iter().map(|s| (s, 1)).collect();
        while let Some((section, level)) = open.pop() {
            deepest = deepest.max(level);
            open.extend(section.sections.iter().map(|s| (s, level + 1)));
        }
        deepest
    };
    assert_eq!(depth(&rubric), 8);
    for modulus in [2, 3, 7] {
        let met = |id: &str| id.trim_start_matches('n').parse::<usize>().unwrap() % modulus == 0;
        let found = score(&rubric, &verdicts(&rubric, |c| met(c.id.as_str())), 1.0);
        assert_eq!(found.raw.map(f64::to_bits), Some(slow_score(&tree, &met).to_bits()));
    }
    nothing_is_lost(&rubric, &text, Format::Paperbench);
    // Each leaf has one of three categories, and each category a score.
    let tags = by_tag(&rubric, &verdicts(&rubric, |_| true));
    assert_eq!(tags.iter().map(|t| t.criteria).sum::<usize>(), rubric.criteria().len());
    assert!(tags.len() == 3 && tags.iter().all(|t| t.value == Some(1.0)), "{tags:?}");
}

#[test]
fn five_thousand_criteria_import_lint_and_score_in_a_moment() {
    let text = tree(8, 5_000).to_string();
    // Measured for docs/rubrics.md in a release build; here only that nothing grows with the square.
    let mut best = std::time::Duration::MAX;
    for _ in 0..if cfg!(debug_assertions) { 1 } else { 20 } {
        let started = std::time::Instant::now();
        let rubric = import(&text, Format::Paperbench).unwrap();
        let imported = started.elapsed();
        let found = lint(&rubric);
        let linted = started.elapsed();
        let graded = verdicts(&rubric, |c| c.id.as_str().len() % 2 == 0);
        let scored = score(&rubric, &graded, 1.0);
        let all = started.elapsed();
        assert!(rubric.criteria().len() >= 5_000 && scored.value.is_some());
        if all < best {
            best = all;
            eprintln!(
                "{} criteria: import {imported:?}, lint {:?} ({} findings), score {:?}, together {all:?}",
                rubric.criteria().len(),
                linted - imported,
                found.len(),
                all - linted
            );
        }
    }
    assert!(best < std::time::Duration::from_secs(60), "{best:?}");
}

/// Texts that are good, one or more per format.
fn good() -> Vec<(Format, String)> {
    let mut cases: Vec<_> =
        std::fs::read_dir(repository("fixtures/rubric/ok")).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    let case = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let input = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path());
        let input = input.into_iter().find(|p| p.file_stem().is_some_and(|s| s == "input")).unwrap();
        (name.split('-').next().unwrap().parse().unwrap(), std::fs::read_to_string(input).unwrap())
    };
    cases.iter().map(case).collect()
}

#[test]
fn every_good_text_survives_an_export_to_its_own_format_and_to_the_native_one() {
    for (format, text) in good() {
        let rubric = import(&text, format).unwrap();
        for target in [format, Format::Native] {
            let written = export(&rubric, target).unwrap_or_else(|e| panic!("{format}: {e}"));
            assert_eq!(import(&written, target).unwrap(), rubric, "{format} as {target}: {written}");
        }
        // Elsewhere it is whole or refused, never less.
        for other in Format::ALL {
            if let Ok(written) = export(&rubric, *other) {
                assert_eq!(import(&written, *other).unwrap(), rubric, "{format} as {other}");
            }
        }
    }
}

/// A small generator with a seed of its own: the same texts on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// The text with one thing broken.
fn broken(text: &str, chance: &mut Chance) -> String {
    if let Ok(mut value) = serde_json::from_str::<Value>(text)
        && chance.below(3) > 0
    {
        break_value(&mut value, chance);
        return value.to_string();
    }
    let chars: Vec<char> = text.chars().collect();
    let at = chance.below(chars.len());
    let (before, after) = chars.split_at(at);
    let of = |parts: &[&[char]]| parts.concat().into_iter().collect::<String>();
    match chance.below(5) {
        0 => of(&[before]),
        1 => of(&[before, after.get(1..).unwrap_or_default()]),
        2 => {
            const BAD: [char; 12] = ['{', '}', '[', ']', '"', ':', ',', '\0', '\u{202e}', '&', '\n', '-'];
            of(&[before, &[BAD[chance.below(BAD.len())]], after])
        }
        3 => of(&[before, after.get(1 + chance.below(20)..).unwrap_or_default()]),
        _ => of(&[before, after, after]),
    }
}

fn break_value(value: &mut Value, chance: &mut Chance) {
    let inner = match value {
        Value::Array(items) if !items.is_empty() && chance.below(4) > 0 => {
            let at = chance.below(items.len());
            items.get_mut(at)
        }
        Value::Object(fields) if !fields.is_empty() && chance.below(4) > 0 => {
            let at = chance.below(fields.len());
            if chance.below(5) == 0 {
                let key = fields.keys().nth(at).cloned().unwrap_or_default();
                let taken = fields.remove(&key).unwrap_or_default();
                if chance.below(2) == 0 {
                    fields.insert(format!("{key}_"), taken);
                }
                return;
            }
            fields.values_mut().nth(at)
        }
        // JSON within a text.
        Value::String(text) if text.starts_with(['[', '{']) && chance.below(4) > 0 => {
            *text = broken(text, chance);
            return;
        }
        _ => None,
    };
    match inner {
        Some(inner) => break_value(inner, chance),
        None => {
            *value = match chance.below(9) {
                0 => Value::Null,
                1 => json!(true),
                2 => json!("text"),
                3 => json!(-7),
                4 => json!(1e300),
                5 => json!([]),
                6 => json!({}),
                7 => json!([[{}]]),
                _ => json!(""),
            }
        }
    }
}

#[test]
fn a_thousand_broken_texts_per_format_each_say_where_and_leave_nothing_half_read() {
    let good = good();
    for format in Format::ALL {
        let texts: Vec<&String> = good.iter().filter(|(f, _)| f == format).map(|(_, text)| text).collect();
        let mut chance = Chance(2_026);
        let (mut refused, mut tried) = (0, 0);
        while refused < 1_000 {
            tried += 1;
            assert!(tried < 40_000, "{format}: only {refused} of {tried} were refused");
            let text = broken(texts[chance.below(texts.len())], &mut chance);
            match import(&text, *format) {
                Err(error) => {
                    refused += 1;
                    assert!(!error.problems.is_empty());
                    for problem in &error.problems {
                        let placed = problem.line.is_some() || problem.pointer.as_ref().is_some_and(|p| !p.is_empty());
                        assert!(placed, "{format}: {problem:?} in {text}");
                        assert!(problem.message.len() < 4_000, "{format}: an error is not a mirror: {problem:?}");
                    }
                }
                // What is still good is a whole rubric: it comes back as it is.
                Ok(rubric) => {
                    let native = export(&rubric, Format::Native).unwrap_or_else(|e| panic!("{format}: {e} {text}"));
                    assert_eq!(import(&native, Format::Native).unwrap(), rubric);
                }
            }
            let _ = import_all(&text, *format);
        }
    }
}

fn words() -> impl Strategy<Value = String> {
    "[ -~àé’\u{2028}😀\n\t]{0,30}".prop_map(|t| format!("x{t}"))
}

const WEIGHTS: [&str; 4] = ["Critical", "Major", "Minor", "Additional"];

/// A text of a format, of items with these words and numbers.
fn written(format: Format, items: &[(String, u8, bool)]) -> String {
    let each = |f: &dyn Fn(usize, &str, u8, bool) -> Value| -> Vec<Value> {
        items.iter().enumerate().map(|(i, (text, n, flag))| f(i, text, *n, *flag)).collect()
    };
    let sign = |n: u8, flag: bool| (f64::from(n) + 0.5) * if flag { -1.0 } else { 1.0 };
    let list = match format {
        Format::Gdpval => each(
            &|i, t, n, f| json!({"score": sign(n, f), "criterion": t, "rubric_item_id": format!("r{i}"), "required": f, "form_content": null}),
        ),
        Format::Weighted => each(&|_, t, n, f| json!({"weight": sign(n, f), "requirement": t})),
        Format::Healthbench => each(
            &|_, t, n, f| json!({"criterion": t, "points": sign(n, f), "tags": if f { json!([]) } else { json!(["axis:a", t]) }}),
        ),
        Format::Archipelago => each(
            &|i, t, n, f| json!({"verifier_id": format!("v{i}"), "verifier_values": {"criteria": t, "is_primary_objective": f, "numerical_weight": n}, "verifier_index": i}),
        ),
        Format::FinanceAgent => each(&|i, t, n, f| match i % 3 {
            0 => json!({"operator": "correctness", "criteria": t}),
            1 => json!({"operator": "contradiction", "criteria": t}),
            _ => {
                json!({"operator": "finance_agent_v2_operator", "criteria": t, "modifiers": if f { json!({"severity": n, "category": "must_pass"}) } else { json!({"severity": n}) }})
            }
        }),
        Format::Ace => each(
            &|i, t, n, f| json!({"Criterion ID": i.to_string(), "Task ID": "7", "Prompt": "p", "Hurdle Tag": if f { "Hurdle" } else { "Not" }, "Criterion Grounding Check": if n % 2 == 0 { "Grounded" } else { "Not Grounded" }, "Criteria type": "T", "Description": t}),
        ),
        Format::Profbench => each(
            &|_, t, n, f| json!({"criterion_description": t, "criterion_weight": WEIGHTS[n as usize % 4], "criterion_type": [t], "gpt_fulfilment": f}),
        ),
        Format::Prometheus => {
            each(&|_, t, n, _| json!({"criteria": t, "score1_description": t, "score5_description": n.to_string()}))
        }
        Format::Promptfoo => each(&|i, t, n, f| match i % 3 {
            0 => {
                json!({"type": if f { "not-contains" } else { "icontains" }, "value": t.replace("{{", ""), "weight": n})
            }
            1 => json!({"type": "llm-rubric", "value": t.replace("{{", ""), "metric": "m"}),
            _ => {
                json!({"type": "assert-set", "weight": n, "assert": [{"type": "contains-any", "value": [t.replace("{{", "")]}]})
            }
        }),
        Format::OpenaiGraders => each(&|i, t, n, f| match i % 2 {
            0 => {
                json!({"type": "string_check", "name": "s", "input": "{{ sample.output_text }}", "reference": t.replace("{{", ""), "operation": if f { "ne" } else { "ilike" }})
            }
            _ => json!({"type": "score_model", "name": t, "model": "m", "input": t.replace("{{", ""), "range": [0, n]}),
        }),
        Format::Apex => {
            let map = items.iter().enumerate().map(|(i, (t, _, f))| (format!("criterion {i}"), json!({"description": t, "weight": if *f { "Primary objective(s)" } else { "Other" }, "criterion_type": [t]})));
            return Value::Object(map.collect()).to_string();
        }
        Format::Paperbench => {
            let leaves = each(&|i, t, n, f| {
                let leaf = json!({"id": format!("l{i}"), "requirements": t, "weight": n, "sub_tasks": [], "task_category": "Code Execution", "finegrained_task_category": if f { Value::Null } else { json!(t) }});
                if f {
                    leaf
                } else {
                    json!({"id": format!("n{i}"), "requirements": t, "weight": n, "sub_tasks": [leaf]})
                }
            });
            return json!({"id": "root", "requirements": items[0].0, "weight": 3, "sub_tasks": leaves}).to_string();
        }
        Format::Native => {
            let criteria = each(&|i, t, n, f| {
                json!({"id": format!("c{i}"), "requirement": t, "points": sign(n, f), "tags": [t], "extra": {"text": t, "null": null}, "gate": if f { json!({"cap": 0.25}) } else { Value::Null },
                    "draft": if f { json!({"why": t, "quotes": [{"quote": t, "found": true}]}) } else { json!(i == 0) }})
            });
            return json!({"title": items[0].0, "criteria": criteria, "extra": {"list": [1, 0.1, [null]]}}).to_string();
        }
    };
    Value::Array(list).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_imports_to_the_same_rubric_in_every_format(
        items in prop::collection::vec((words(), 2_u8..20, any::<bool>()), 1..8),
    ) {
        for format in Format::ALL {
            let text = written(*format, &items);
            let rubric = import(&text, *format).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            for target in [*format, Format::Native] {
                let out = export(&rubric, target).map_err(|e| TestCaseError::fail(format!("{format}: {e}\n{text}")))?;
                let again = import(&out, target).map_err(|e| TestCaseError::fail(format!("{e}\n{out}")))?;
                prop_assert_eq!(&again, &rubric);
            }
            // JSON formats say the same as before, field by field.
            if !matches!(format, Format::Native | Format::Weighted | Format::Ace | Format::Gdpval) {
                let out = export(&rubric, *format).map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert!(same(&out, &text) || items.len() == 1, "{}: {}\n{}", format, out, text);
            }
        }
    }
}
