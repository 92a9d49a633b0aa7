use super::*;
use crate::domain::Section;
use crate::domain::{Inconclusive, RubricParts};
use crate::grading::testing::{criterion, graded_criterion, verdict};

fn rubric(points: &[f64]) -> Rubric {
    let criteria = points.iter().enumerate().map(|(i, p)| criterion(&format!("c{i}"), *p)).collect();
    Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap()
}

fn verdicts(decisions: &[Decision]) -> Vec<Verdict> {
    decisions.iter().enumerate().map(|(i, d)| verdict(&format!("c{i}"), d.clone())).collect()
}

const OPEN: Decision = Decision::Inconclusive(Inconclusive::BelowQuorum);
use Decision::{Met, Unmet};

#[test]
fn healthbench_golden_vectors() {
    // +5 met, +3 unmet, -4 met: (5 - 4) / 8; only -4 met: -4 / 8.
    let rubric = rubric(&[5.0, 3.0, -4.0]);
    let one = score(&rubric, &verdicts(&[Met, Unmet, Met]), 0.0);
    assert_eq!((one.raw, one.value), (Some(0.125), Some(0.125)));
    let negative = score(&rubric, &verdicts(&[Unmet, Unmet, Met]), 0.0);
    assert_eq!((negative.raw, negative.value), (Some(-0.5), Some(0.0)));
}

#[test]
fn a_rubric_of_penalties_starts_from_one() {
    let one = score(&rubric(&[-3.0, -2.0]), &verdicts(&[Met, Unmet]), 0.0);
    assert!((one.value.unwrap() - 0.4).abs() < 1e-12);
    assert_eq!(one.coverage, 1.0);
}

#[test]
fn finance_agent_golden_vector_a_failed_must_pass_is_zero_beside_the_ungated_score() {
    // Severities seven x1 and two x2, 7 of 11 points passed, a must_pass failed.
    let mut criteria: Vec<Criterion> =
        (0..9).map(|i| criterion(&format!("c{i}"), if i < 7 { 1.0 } else { 2.0 })).collect();
    criteria[0].gate = Some(Gate::MustPass);
    let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
    let decisions = [Unmet, Met, Met, Met, Met, Met, Unmet, Met, Unmet];
    let one = score(&rubric, &verdicts(&decisions), 0.0);
    assert!((one.ungated.unwrap() - 0.636_363_6).abs() < 1e-7);
    assert_eq!(one.value, Some(0.0));
    assert_eq!(one.gates[0].criterion_id.as_str(), "c0");
}

#[test]
fn what_is_inconclusive_leaves_numerator_and_denominator_and_coverage_says_so() {
    let one = score(&rubric(&[6.0, 2.0, -2.0]), &verdicts(&[Met, OPEN, OPEN]), 0.5);
    assert_eq!(one.value, Some(1.0));
    assert_eq!(one.coverage, 0.75);
    // Best: the other 2 points, no penalty. Worst: 6 - 2 of 8.
    assert_eq!((one.if_all_met, one.if_none_met), (1.0, 0.5));
}

#[test]
fn below_the_minimum_coverage_there_is_no_score_but_bounds() {
    let one = score(&rubric(&[1.0, 9.0]), &verdicts(&[Met, OPEN]), 0.5);
    assert_eq!(one.value, None);
    assert!(one.undefined.unwrap().contains("coverage 0.100"));
    assert_eq!((one.if_all_met, one.if_none_met), (1.0, 0.1));
    let nothing = score(&rubric(&[1.0, 9.0]), &verdicts(&[OPEN, OPEN]), 0.0);
    assert_eq!((nothing.value, nothing.raw), (None, None));
    assert!(nothing.undefined.is_some());
}

#[test]
fn a_cap_limits_and_a_penalty_gate_closes_when_the_penalty_is_met() {
    let mut criteria = vec![criterion("c0", 8.0), criterion("c1", -1.0)];
    criteria[1].gate = Some(Gate::Cap(0.5));
    let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
    let capped = score(&rubric, &verdicts(&[Met, Met]), 0.0);
    assert_eq!((capped.ungated, capped.value), (Some(0.875), Some(0.5)));
    assert_eq!(score(&rubric, &verdicts(&[Met, Unmet]), 0.0).value, Some(1.0));
}

#[test]
fn sections_weigh_as_a_tree_and_an_undecided_section_leaves_the_sum() {
    let section = |title: &str, weight, ids: &[&str]| Section {
        title: title.to_owned(),
        weight,
        criteria: ids.iter().map(|id| CriterionId::parse(*id).unwrap()).collect(),
        sections: vec![],
        order: vec![],
        extra: Default::default(),
    };
    let criteria = vec![criterion("c0", 1.0), criterion("c1", 3.0), criterion("c2", 1.0)];
    let sections = vec![section("numbers", 3.0, &["c0", "c1"]), section("style", 1.0, &["c2"])];
    let rubric = Rubric::new(RubricParts { title: None, criteria, sections }).unwrap();
    // numbers: 1 of 4; style: 1 of 1 -> (3 * .25 + 1 * 1) / 4.
    assert_eq!(score(&rubric, &verdicts(&[Met, Unmet, Met]), 0.0).value, Some(0.4375));
    assert_eq!(score(&rubric, &verdicts(&[Met, Unmet, OPEN]), 0.0).value, Some(0.25));
}

#[test]
fn levels_earn_their_own_points() {
    let criteria = vec![graded_criterion("c0", &[("poor", 0.0), ("fair", 2.0), ("good", 4.0)]), criterion("c1", 1.0)];
    let rubric = Rubric::new(RubricParts { title: None, criteria, sections: vec![] }).unwrap();
    let fair = Decision::Level { name: "fair".to_owned(), points: 2.0 };
    assert_eq!(score(&rubric, &verdicts(&[fair, Met]), 0.0).value, Some(0.6));
}

#[test]
fn the_interval_holds_the_value_is_repeatable_and_is_not_given_for_too_little() {
    let rubric = rubric(&[1.0; 12]);
    let decided = verdicts(&(0..12).map(|i| if i % 3 == 0 { Unmet } else { Met }).collect::<Vec<_>>());
    let one = score(&rubric, &decided, 0.0);
    let interval_of = |seed| interval(&rubric, &decided, &one, seed).unwrap();
    let (a, b) = (interval_of(7), interval_of(7));
    assert_eq!(a, b);
    assert!(a.low < one.value.unwrap() && one.value.unwrap() < a.high, "{a:?}");
    let few = super::score(&self::rubric(&[1.0; 4]), &decided[..4], 0.0);
    assert_eq!(interval(&self::rubric(&[1.0; 4]), &decided[..4], &few, 7), None);
}

fn imported(text: &str, format: crate::rubric::Format) -> Rubric {
    crate::rubric::import(text, format).unwrap()
}

#[test]
fn the_finance_agent_formula_gives_all_pass_beside_partial_credit() {
    let rubric = rubric(&[1.0, 2.0, -1.0]);
    assert_eq!(all_pass(&rubric, &verdicts(&[Met, Met, Unmet])), Some(true));
    assert_eq!(all_pass(&rubric, &verdicts(&[Met, Met, Met])), Some(false));
    assert_eq!(all_pass(&rubric, &verdicts(&[Met, Unmet, OPEN])), Some(false));
    assert_eq!(all_pass(&rubric, &verdicts(&[Met, Met, OPEN])), None);
}

#[test]
fn a_healthbench_tag_is_scored_without_clipping() {
    // Per tag: only the penalty carries this one, and it was earned.
    let text = r#"[{"criterion": "a", "points": 5, "tags": ["axis:x"]}, {"criterion": "b", "points": 3, "tags": ["axis:y", "axis:x"]},
        {"criterion": "c", "points": -4, "tags": ["axis:z"]}]"#;
    let rubric = imported(text, crate::rubric::Format::Healthbench);
    let graded = [verdict("c1", Met), verdict("c2", Unmet), verdict("c3", Met)];
    let tags: Vec<(String, Option<f64>, usize)> =
        by_tag(&rubric, &graded).into_iter().map(|t| (t.name, t.value, t.criteria)).collect();
    let wanted = [("axis:x", 0.625, 2), ("axis:y", 0.0, 1), ("axis:z", 0.0, 1)];
    assert_eq!(tags, wanted.map(|(name, value, n)| (name.to_owned(), Some(value), n)));
}

#[test]
fn profbench_and_apex_weigh_as_published() {
    let text = r#"[{"criterion_description": "a", "criterion_weight": "Critical"}, {"criterion_description": "b", "criterion_weight": "Major"},
        {"criterion_description": "c", "criterion_weight": "Minor"}, {"criterion_description": "d", "criterion_weight": "Additional"}]"#;
    let graded = |ids: [&str; 4]| ids.map(|id| verdict(id, if id.ends_with(['1', '4']) { Met } else { Unmet }));
    let rubric = imported(text, crate::rubric::Format::Profbench);
    // 4 + 1 of 4 + 3 + 2 + 1.
    assert_eq!(score(&rubric, &graded(["c1", "c2", "c3", "c4"]), 0.0).value, Some(0.5));
    let text = r#"{"k1": {"description": "a", "weight": "Primary objective(s)"}, "k2": {"description": "b", "weight": "Other"},
        "k3": {"description": "c"}, "k4": {"description": "d", "weight": "Primary objective(s)"}}"#;
    let rubric = imported(text, crate::rubric::Format::Apex);
    let graded = graded(["k1", "k2", "k3", "k4"]);
    assert_eq!(score(&rubric, &graded, 0.0).value, Some(0.5), "labels do not weigh");
    assert_eq!(by_tag(&rubric, &graded)[1].value, Some(1.0), "but have a score");
}

#[test]
fn ace_hurdles_close_at_nothing_and_what_is_not_grounded_costs_a_point() {
    let text = "Criterion ID,Task ID,Hurdle Tag,Criterion Grounding Check,Description\n\
        1,7,Hurdle,Grounded,a\n2,7,Not,Grounded,b\n3,7,Not,Not Grounded,c\n4,7,Not,Not Grounded,d\n";
    let rubric = imported(text, crate::rubric::Format::Ace);
    let level = |points: f64| Decision::Level { name: String::new(), points };
    let of = |one: f64, two: f64| {
        let graded = [verdict("1", level(one)), verdict("2", level(two)), verdict("3", Met), verdict("4", Met)];
        score(&rubric, &graded, 0.0)
    };
    assert_eq!(of(1.0, 1.0).value, Some(1.0));
    // 1 - 1 + 1 + 1 of 4.
    assert_eq!(of(1.0, -1.0).value, Some(0.5));
    for hurdle in [0.0, -1.0] {
        let found = of(hurdle, 1.0);
        assert_eq!((found.value, found.gates.len()), (Some(0.0), 1));
        assert_eq!(found.ungated, Some((hurdle + 3.0) / 4.0));
    }
}

#[test]
fn a_formula_adds_up_as_it_says_and_without_a_verdict_says_what_is_missing() {
    let text = "criteria:\n- {id: a, requirement: A, points: 1}\n- {id: b, requirement: B, points: 1}\n\
        - {id: c, requirement: C, points: 1, gate: {cap: 0.6}}\nscoring: {formula: '0.5 * a + 0.5 * max(b, c)'}\n";
    let rubric = imported(text, crate::rubric::Format::Native);
    let of = |a: Decision, b: Decision, c: Decision| {
        score(&rubric, &[verdict("a", a), verdict("b", b), verdict("c", c)], 0.0)
    };
    assert_eq!(of(Met, Unmet, Met).value, Some(1.0));
    let gated = of(Met, Met, Unmet);
    assert_eq!((gated.ungated, gated.value), (Some(1.0), Some(0.6)));
    let open = of(Met, OPEN, Met);
    assert_eq!(open.value, None);
    assert!(open.undefined.unwrap().contains("`b` has no verdict"));
    assert_eq!((open.if_none_met, open.if_all_met), (1.0, 1.0), "c alone decides the maximum");
    let falling = imported(&text.replace("0.5 * a + 0.5 * max(b, c)", "1 - a"), crate::rubric::Format::Native);
    let found = score(&falling, &[verdict("a", OPEN), verdict("b", Met), verdict("c", Met)], 0.0);
    assert_eq!((found.if_none_met, found.if_all_met), (0.0, 1.0), "also where more is worse");
    let broken = imported(&text.replace("0.5 * a + 0.5 * max(b, c)", "a / b"), crate::rubric::Format::Native);
    let found = score(&broken, &[verdict("a", Met), verdict("b", Unmet), verdict("c", Met)], 0.0);
    assert_eq!((found.value, found.raw), (None, None));
    assert!(found.undefined.unwrap().contains("not a finite number"));
}

#[test]
fn prometheus_awards_the_number_that_it_reports() {
    let text = r#"{"criteria": "Is it short?", "score1_description": "No", "score5_description": "Yes"}"#;
    let rubric = imported(text, crate::rubric::Format::Prometheus);
    let three = Decision::Level { name: "3".to_owned(), points: 3.0 };
    let found = score(&rubric, &[verdict("c1", three)], 0.0);
    assert_eq!((found.awarded, found.value), (3.0, Some(0.6)));
}

#[test]
fn a_tree_leaves_out_what_is_undecided_at_every_level() {
    let text = r#"{"id": "r", "requirements": "R", "weight": 1, "sub_tasks": [
        {"id": "n", "requirements": "N", "weight": 3, "sub_tasks": [
            {"id": "a", "requirements": "A", "weight": 1, "sub_tasks": []}, {"id": "b", "requirements": "B", "weight": 2, "sub_tasks": []}]},
        {"id": "c", "requirements": "C", "weight": 1, "sub_tasks": []}]}"#;
    let rubric = imported(text, crate::rubric::Format::Paperbench);
    let of = |a: Decision, b: Decision, c: Decision| {
        score(&rubric, &[verdict("a", a), verdict("b", b), verdict("c", c)], 0.0)
    };
    // (3 * 1/3 + 1 * 1) / 4.
    assert_eq!(of(Met, Unmet, Met).raw, Some(0.5));
    assert_eq!(of(Met, OPEN, Unmet).raw, Some(0.75));
    assert_eq!(of(OPEN, OPEN, Met).raw, Some(1.0));
    let bounds = of(OPEN, OPEN, Met);
    assert_eq!((bounds.if_none_met, bounds.if_all_met), (0.25, 1.0));
    assert_eq!(of(OPEN, OPEN, OPEN).raw, None);
}
