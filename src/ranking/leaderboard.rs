//! Which system is better, by how much, how sure. Two kinds of material: battles for the ratings, scores of gradings
//! for `score`. Battles have a source (judged side by side here, imported, or derived from scores), and are only mixed
//! as asked; each board says how many of each it rests on. Tasks are the clusters of every interval.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

pub use super::board::{Board, Fought, JudgeAware, Method, Row, RowInterval, Rules};
use super::board::{battle_board, best_first};
use super::evidence::Said;
use super::material::{Material, Needs};
use super::matrix::{Matrix, matrix};
use super::variation::{self, Judges};
use super::{derived, snapshot};
use crate::domain::{
    Battle, Comparison, ComparisonState, Grading, Order, PanelName, Preference, RubricId, SystemName, Task, TaskId,
    family,
};
use crate::grading::score::by_tag;
use crate::refusal::Refusal;
use crate::stats::rating::{self, Outcome};
use crate::store::ProjectStore;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    Sector,
    Occupation,
    /// Of the criteria; scores only.
    Tag,
}

impl Slice {
    pub const ALL: [Self; 3] = [Self::Sector, Self::Occupation, Self::Tag];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sector => "sector",
            Self::Occupation => "occupation",
            Self::Tag => "tag",
        }
    }
}

/// Where battles come from. Never mixed silently: a board counts each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    /// A panel of ours saw both deliverables.
    pub judged: bool,
    pub imported: bool,
    /// From two rubric scores.
    pub derived: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self { judged: true, imported: true, derived: false }
    }
}

impl Sources {
    /// `judged,imported`: one or more of `judged`, `imported`, `derived`.
    ///
    /// # Errors
    /// Names the sources that there are.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut sources = Self { judged: false, imported: false, derived: false };
        for word in text.split(',').map(str::trim) {
            match word {
                "judged" => sources.judged = true,
                "imported" => sources.imported = true,
                "derived" => sources.derived = true,
                other => {
                    let other: String = other.chars().take(40).collect();
                    let detail = format!(
                        "source {other:?} is not known; use judged, imported or derived, or several with a comma"
                    );
                    return Err(Refusal::invalid("/source", detail));
                }
            }
        }
        Ok(sources)
    }

    #[must_use]
    pub fn in_words(self) -> String {
        let all = [(self.judged, "judged"), (self.imported, "imported"), (self.derived, "derived")];
        let words: Vec<&str> = all.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
        words.join(",")
    }
}

/// What is held equal when systems are rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Of the two works of a battle.
    Length,
}

impl Control {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
        }
    }
}

/// What is to be shown.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub rules: Rules,
    pub by: Option<Slice>,
    pub with_overrides: bool,
    pub judges: Judges,
    pub panel: Option<PanelName>,
    pub rubric_id: Option<RubricId>,
    pub sources: Sources,
    /// Largest difference of two scores that is a tie in a derived battle.
    pub band: f64,
    pub control: Option<Control>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            // Telling judges apart takes their votes, which are read when they are asked for.
            rules: Rules { judge_aware: JudgeAware::Off, ..Rules::default() },
            by: None,
            with_overrides: true,
            judges: Judges::All,
            panel: None,
            rubric_id: None,
            sources: Sources::default(),
            band: derived::BAND,
            control: None,
        }
    }
}

impl Wanted {
    /// Where battles come from; `None` for scores.
    #[must_use]
    pub fn source_in_words(&self) -> Option<String> {
        let band = if self.sources.derived { format!(" (band {})", self.band) } else { String::new() };
        (!self.is_of_scores()).then(|| self.sources.in_words() + &band)
    }

    #[must_use]
    pub fn is_of_scores(&self) -> bool {
        self.rules.method == Method::Score
    }

    /// What has to be read for it.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let gradings = self.is_of_scores() || self.sources.derived;
        let rubrics = gradings && (self.by == Some(Slice::Tag) || self.judges != Judges::All);
        Needs {
            battles: !self.is_of_scores(),
            gradings,
            rubrics,
            answers: self.tells_judges_apart(),
            lengths: self.control == Some(Control::Length),
        }
    }

    /// Whether single judges' answers are battles, and not what the panel made of them.
    #[must_use]
    pub fn tells_judges_apart(&self) -> bool {
        self.rules.method == Method::BradleyTerry && self.rules.judge_aware != JudgeAware::Off
    }
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Leaderboard {
    pub method: &'static str,
    pub overrides: &'static str,
    /// Where its battles come from; `None` for scores.
    pub source: Option<String>,
    /// Whose answers count, where it is not everybody's.
    pub judges: Option<String>,
    /// One board, or one per sector, occupation or tag.
    pub boards: Vec<Board>,
    /// Who beat whom, board by board; empty for scores.
    pub matrices: Vec<Matrix>,
    /// Against an earlier leaderboard, board by board; empty unless asked for.
    pub changes: Vec<snapshot::Changes>,
}

/// # Errors
/// If the store cannot, or the anchor is no system of the board.
pub async fn leaderboard(project: &ProjectStore, wanted: &Wanted) -> Result<Leaderboard, Refusal> {
    let material = read(project, wanted).await?;
    boards(&material, wanted)
}

/// The material for what is wanted.
///
/// # Errors
/// If the store cannot.
pub async fn read(project: &ProjectStore, wanted: &Wanted) -> Result<Material, Refusal> {
    let mut material = Material::read(project, wanted.needs()).await?;
    if wanted.judges != Judges::All && wanted.needs().gradings {
        let scores = variation::rescore(project, &material, &wanted.judges, wanted.with_overrides).await?;
        material.rescored = Some(scores);
    }
    Ok(material)
}

/// The leaderboard of a material: pure.
///
/// # Errors
/// If the anchor is no system of the board, or battles are wanted by tag.
pub fn boards(material: &Material, wanted: &Wanted) -> Result<Leaderboard, Refusal> {
    let slice_of = |task: Option<&TaskId>| -> Option<String> {
        let task: &Task = material.tasks.get(task?)?;
        match wanted.by? {
            Slice::Sector => task.sector.clone(),
            Slice::Occupation => task.occupation.clone(),
            Slice::Tag => None,
        }
    };
    if wanted.control.is_some() && wanted.rules.method != Method::BradleyTerry {
        let detail = format!("is held equal by bradley_terry only, not by {}", wanted.rules.method.as_str());
        return Err(Refusal::invalid("/control", detail));
    }
    let mut matrices = Vec::new();
    let boards = if wanted.is_of_scores() {
        let graded = graded(material, wanted);
        let mut slices: BTreeMap<Option<String>, Vec<Graded>> = BTreeMap::new();
        for one in graded.scores {
            let slice = one.tag.clone().or_else(|| slice_of(one.task.as_ref()));
            slices.entry(slice).or_default().push(one);
        }
        slices.into_iter().map(|(slice, scores)| score_board(slice, &scores, &graded.notes, wanted)).collect()
    } else {
        if wanted.by == Some(Slice::Tag) {
            let detail = "tags are of criteria, which a comparison does not have; use method=score with by=tag";
            return Err(Refusal::invalid("/by", detail));
        }
        let mut battles = battles(material, wanted);
        if wanted.control.is_some() {
            battles.keep_measured()?;
        }
        let of_all = battles.notes();
        let mut slices: BTreeMap<Option<String>, BySource> = BTreeMap::new();
        for battle in battles.compared {
            slices.entry(slice_of(battle.task.as_ref())).or_default().compared.push(battle);
        }
        for battle in battles.derived {
            slices.entry(slice_of(battle.task.as_ref())).or_default().derived.push(battle);
        }
        let mut boards = Vec::new();
        for (slice, of_slice) in slices {
            let BySource { mut compared, derived, .. } = of_slice;
            let derived_battles = derived.len();
            compared.extend(derived);
            let mut board = battle_board(slice, &compared, battles.inconclusive, &wanted.rules)?;
            board.judged -= derived_battles;
            board.derived = derived_battles;
            board.notes.extend(of_all.iter().cloned());
            board.notes.extend(notes_on_sources(&board, wanted));
            matrices.push(matrix(&board, &compared));
            boards.push(board);
        }
        boards
    };
    let overrides = if wanted.with_overrides { "with" } else { "without" };
    Ok(Leaderboard {
        method: wanted.rules.method.as_str(),
        overrides,
        source: (!wanted.is_of_scores()).then(|| wanted.sources.in_words()),
        judges: wanted.judges.in_words(),
        boards,
        matrices,
        changes: vec![],
    })
}

fn notes_on_sources(board: &Board, wanted: &Wanted) -> Vec<String> {
    let mut notes = Vec::new();
    let sorts = [
        (board.judged, "judged side by side here"),
        (board.imported, "imported"),
        (board.derived, "derived from scores"),
    ];
    let there: Vec<String> = sorts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if there.len() > 1 {
        notes.push(format!("several kinds of evidence are rated together: {}; choose with source=", there.join(", ")));
    }
    if board.derived > 0 {
        notes.push(format!(
            "a derived battle is two rubric scores by the same panel, not a judgement of both side by side; a difference of at most {} is a tie",
            wanted.band
        ));
    }
    notes
}

#[derive(Default)]
pub(super) struct BySource {
    /// Judged here or imported.
    pub compared: Vec<Fought>,
    derived: Vec<Fought>,
    inconclusive: usize,
    /// Answers of single judges among `compared`.
    answers: usize,
    /// Without the length of both works, where that is held equal.
    unmeasured: usize,
    measured: bool,
}

impl BySource {
    /// Leaves out what has no length.
    fn keep_measured(&mut self) -> Result<(), Refusal> {
        let all = self.compared.len() + self.derived.len();
        self.compared.retain(|battle| battle.longer.is_some());
        self.derived.retain(|battle| battle.longer.is_some());
        let left = self.compared.len() + self.derived.len();
        (self.measured, self.unmeasured) = (true, all - left);
        if all > 0 && left == 0 {
            let detail = "no battle has the lengths of both works: imported battles have none, and characters of a text are not set against bytes of a file";
            return Err(Refusal::invalid("/control", detail));
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.answers > 0 {
            notes.push(format!(
                "each answer of a judge in each order is a battle here ({} answers); those of one pair on one task share one weight",
                self.answers
            ));
        }
        if self.measured {
            notes.push(
                "length is held equal: characters of the final message, or bytes where there are files".to_owned(),
            );
        }
        if self.unmeasured > 0 {
            let battles =
                if self.unmeasured == 1 { "1 battle".to_owned() } else { format!("{} battles", self.unmeasured) };
            notes.push(format!("{battles} without the lengths of both works left out"));
        }
        notes
    }
}

/// The answers of the judges that count, each with the work that was shown first as its first side.
fn told_apart<'a>(
    comparison: &'a Comparison,
    answers: &'a [Said],
    wanted: &'a Wanted,
    longer: Option<f32>,
) -> impl Iterator<Item = Fought> + 'a {
    let systems = [&comparison.system_a, &comparison.system_b];
    let counts = move |said: &&Said| {
        let spec = comparison.panel.judges.iter().find(|spec| spec.name == said.judge);
        spec.is_some_and(|spec| wanted.judges.count(spec, &systems))
    };
    answers.iter().filter(counts).map(move |said| {
        let a_first = said.order == Order::AFirst;
        let [a, b] = if a_first { systems } else { [systems[1], systems[0]] };
        let outcome = match (in_stats(said.preference), a_first) {
            (Outcome::A, false) => Outcome::B,
            (Outcome::B, false) => Outcome::A,
            (outcome, _) => outcome,
        };
        Fought {
            a: a.clone(),
            b: b.clone(),
            outcome,
            task: Some(comparison.task_id.clone()),
            imported: false,
            judge: Some(said.judge.to_string()),
            longer: longer.map(|longer| if a_first { longer } else { -longer }),
        }
    })
}

pub(super) fn battles(material: &Material, wanted: &Wanted) -> BySource {
    let mut found = BySource::default();
    // What carries a length is rated with it: only where it is to be held equal.
    let longer = |a, b| match wanted.control {
        Some(Control::Length) => material.lengths.get(&a)?.beyond(*material.lengths.get(&b)?),
        None => None,
    };
    let of_panel = |comparison: &&Comparison| wanted.panel.as_ref().is_none_or(|p| *p == comparison.panel.name);
    for comparison in material.comparisons.iter().filter(|_| wanted.sources.judged).filter(of_panel) {
        if !matches!(comparison.state, ComparisonState::Judged { .. }) {
            continue;
        }
        let longer = longer(comparison.a, comparison.b);
        if wanted.tells_judges_apart() {
            let answers = material.answers.get(&comparison.id).map_or(&[][..], Vec::as_slice);
            let before = found.compared.len();
            found.compared.extend(told_apart(comparison, answers, wanted, longer));
            let more = found.compared.len() - before;
            found.answers += more;
            found.inconclusive += usize::from(more == 0);
            continue;
        }
        match wanted.judges.outcome(comparison) {
            Some(outcome) => found.compared.push(Fought {
                a: comparison.system_a.clone(),
                b: comparison.system_b.clone(),
                outcome: in_stats(outcome),
                task: Some(comparison.task_id.clone()),
                imported: false,
                judge: None,
                longer,
            }),
            None => found.inconclusive += 1,
        }
    }
    if wanted.sources.imported && wanted.panel.is_none() {
        for battle in &material.battles {
            let counts = match &wanted.judges {
                Judges::All => true,
                Judges::Only(judge) => battle.judge.as_deref() == Some(judge.as_str()),
                Judges::Without(judge) => battle.judge.as_deref() != Some(judge.as_str()),
                Judges::OtherFamilies => battle.judge.as_deref().and_then(family).is_none_or(|own| {
                    [&battle.model_a, &battle.model_b].iter().all(|s| family(s.as_str()) != Some(own))
                }),
            };
            if !counts {
                continue;
            }
            let Battle { model_a, model_b, winner, task_id, judge, .. } = battle.clone();
            let outcome = in_stats(winner);
            found.compared.push(Fought {
                a: model_a,
                b: model_b,
                outcome,
                task: task_id,
                imported: true,
                judge,
                longer: None,
            });
        }
    }
    if wanted.sources.derived {
        let scored = material.gradings.iter().filter(|grading| of_wanted(grading, wanted));
        let scored = scored.filter_map(|grading| Some((grading, material.score(grading, wanted.with_overrides)?)));
        found.derived = derived::derive(scored, wanted.band, longer);
    }
    found
}

pub(super) fn of_wanted(grading: &Grading, wanted: &Wanted) -> bool {
    wanted.panel.as_ref().is_none_or(|panel| *panel == grading.panel.name)
        && wanted.rubric_id.is_none_or(|id| id == grading.rubric.id)
}

fn in_stats(preference: Preference) -> Outcome {
    match preference {
        Preference::A => Outcome::A,
        Preference::B => Outcome::B,
        Preference::Tie => Outcome::Tie,
        Preference::BothBad => Outcome::BothBad,
    }
}

/// One system's score on one task, or of one tag in it.
struct Graded {
    system: SystemName,
    task: Option<TaskId>,
    tag: Option<String>,
    submission: crate::domain::SubmissionId,
    score: f64,
}

struct AllGraded {
    scores: Vec<Graded>,
    notes: Vec<String>,
}

fn graded(material: &Material, wanted: &Wanted) -> AllGraded {
    let mut panels = BTreeSet::new();
    let mut without = 0usize;
    let mut scores = Vec::new();
    for grading in material.gradings.iter().filter(|grading| of_wanted(grading, wanted)) {
        let Some(result) = grading.result() else { continue };
        panels.insert(grading.panel.name.to_string());
        let one = |tag: Option<String>, score: f64| Graded {
            system: grading.system.clone(),
            task: grading.task_id.clone(),
            tag,
            submission: grading.submission_id,
            score,
        };
        if wanted.by == Some(Slice::Tag) {
            let tags = material.rubric(grading).map(|rubric| by_tag(&rubric.rubric, &result.verdicts));
            scores.extend(tags.unwrap_or_default().into_iter().filter_map(|tag| Some(one(Some(tag.name), tag.value?))));
            continue;
        }
        match material.score(grading, wanted.with_overrides) {
            Some(score) => scores.push(one(None, score)),
            None => without += 1,
        }
    }
    let unsettled = material
        .unsettled
        .iter()
        .filter(|(panel, rubric)| {
            wanted.panel.as_ref().is_none_or(|wanted| wanted == panel)
                && wanted.rubric_id.is_none_or(|id| id == *rubric)
        })
        .count();
    let mut notes = Vec::new();
    if panels.len() > 1 {
        let names = panels.into_iter().collect::<Vec<_>>().join(", ");
        notes.push(format!("gradings of several panels ({names}) are averaged; choose one with panel="));
    }
    if without > 0 {
        let why = if material.rescored.is_some() {
            "too few judges are left, or coverage is below the minimum"
        } else {
            "coverage below the minimum"
        };
        notes.push(format!("{without} gradings have no score ({why}) and are not counted"));
    }
    if unsettled > 0 {
        notes.push(format!("{unsettled} gradings are still running and not counted"));
    }
    if wanted.by == Some(Slice::Tag) {
        notes.push(
            "the score of a tag counts its criteria alone, without gates, with human decisions and by the whole panel"
                .to_owned(),
        );
    }
    AllGraded { scores, notes }
}

/// The ranks that the intervals leave open: a system stands behind those whose interval lies wholly above its own.
/// Intervals of single systems are a rough guide to a difference, and err on the side of "not told apart".
fn rank_by_intervals(rows: &mut [Row]) {
    let bounds: Vec<Option<(f64, f64)>> =
        rows.iter().map(|row| row.interval.as_ref().and_then(|i| Some((i.low?, i.high?)))).collect();
    let all = bounds.iter().flatten().count();
    for (row, own) in rows.iter_mut().zip(&bounds) {
        row.rank = own.map(|(low, high)| {
            let above = bounds.iter().flatten().filter(|other| other.0 > high).count();
            let below = bounds.iter().flatten().filter(|other| other.1 < low).count();
            (1 + above, all - below)
        });
    }
}

fn score_board(slice: Option<String>, scores: &[Graded], notes: &[String], wanted: &Wanted) -> Board {
    let mut systems: Vec<&SystemName> = scores.iter().map(|one| &one.system).collect();
    systems.sort();
    systems.dedup();
    let mut clusters: HashMap<String, usize> = HashMap::new();
    let mut by_system: Vec<Vec<(f64, usize)>> = vec![Vec::new(); systems.len()];
    for one in scores {
        // A submission without a task is a cluster of its own.
        let task = one.task.as_ref().map_or_else(|| one.submission.to_string(), ToString::to_string);
        let next = clusters.len();
        let cluster = *clusters.entry(task).or_insert(next);
        if let Ok(at) = systems.binary_search(&&one.system) {
            by_system[at].push((one.score, cluster));
        }
    }
    let means = rating::mean_score(&by_system, wanted.rules.level);
    let mut rows: Vec<Row> = systems
        .iter()
        .zip(&means)
        .zip(&by_system)
        .map(|((system, mean), own)| Row {
            system: system.to_string(),
            rating: mean.as_ref().ok().map(|mean| mean.value),
            interval: mean.as_ref().ok().and_then(|mean| mean.interval.as_ref().ok()).map(|interval| RowInterval {
                // A mean of shares of points cannot leave 0..1.
                low: Some(interval.low.max(0.0)),
                high: Some(interval.high.min(1.0)),
                level: interval.level,
                method: interval.method.to_owned(),
            }),
            undefined: match mean {
                Err(why) => Some(why.to_string()),
                Ok(mean) => mean.interval.as_ref().err().map(ToString::to_string),
            },
            n: own.len(),
            ..Row::default()
        })
        .collect();
    best_first(&mut rows);
    rank_by_intervals(&mut rows);
    let mut notes = notes.to_vec();
    let uneven = by_system.iter().any(|own| own.len() != by_system[0].len());
    if uneven {
        notes.push(
            "systems were graded on different numbers of tasks: part of a difference may be the tasks'".to_owned(),
        );
    }
    Board { slice, rows, tasks: clusters.len(), notes, ..Board::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::JudgeName;
    use crate::domain::Preference::{A, B};
    use crate::ranking::evidence::Length;
    use crate::ranking::testing::compared;

    /// Sixteen tasks: `x` wins ten, and judge `j1` names whichever was shown first.
    fn material() -> Material {
        let mut material = Material::default();
        for task in 0..16 {
            let won = if task % 8 < 5 { A } else { B };
            let comparison = compared("x", "y", &format!("t{task}"), &[("j0", Some(won)), ("j1", None)]);
            let said =
                |judge: &str, order, preference| Said { judge: JudgeName::parse(judge).unwrap(), order, preference };
            let answers = vec![
                said("j0", Order::AFirst, won),
                said("j0", Order::BFirst, won),
                said("j1", Order::AFirst, A),
                said("j1", Order::BFirst, B),
            ];
            material.answers.insert(comparison.id, answers);
            material.lengths.insert(comparison.a, Length::Characters(300));
            material.lengths.insert(comparison.b, Length::Characters(if task % 2 == 0 { 100 } else { 600 }));
            material.comparisons.push(comparison);
        }
        material
    }

    fn asked(judge_aware: JudgeAware) -> Wanted {
        Wanted { rules: Rules { judge_aware, ..Rules::default() }, ..Wanted::default() }
    }

    #[test]
    fn a_judge_that_names_whoever_stands_first_is_told_from_one_that_sees_the_work() {
        let found = boards(&material(), &asked(JudgeAware::On)).unwrap();
        let board = &found.boards[0];
        assert_eq!((board.battles, board.tasks), (64, 16));
        let of = |judge: &str| board.detail.judges.iter().find(|own| own.judge == judge).unwrap();
        assert!(of("j1").first_place > 1.0, "{:?}", board.detail.judges);
        assert!(of("j0").first_place.abs() < 0.3, "{:?}", board.detail.judges);
        assert!(board.notes.iter().any(|note| note.contains("64 answers")), "{:?}", board.notes);
        let without = Wanted { judges: Judges::Without(JudgeName::parse("j1").unwrap()), ..asked(JudgeAware::Auto) };
        assert_eq!(boards(&material(), &without).unwrap().boards[0].battles, 32);
    }

    #[test]
    fn nobody_reads_votes_who_did_not_ask_for_judges_to_be_told_apart() {
        assert!(!Wanted::default().needs().answers && !Wanted::default().needs().lengths);
        assert!(asked(JudgeAware::Auto).needs().answers);
        let pooled = boards(&material(), &Wanted::default()).unwrap();
        assert_eq!(pooled.boards[0].battles, 16);
        assert!(pooled.boards[0].detail.judges.is_empty());
        assert!(pooled.boards[0].detail.controls.is_empty(), "lengths that are known are not used unasked");
    }

    #[test]
    fn length_is_held_equal_with_its_effect_and_where_it_is_unknown_that_is_said() {
        let wanted = Wanted { control: Some(Control::Length), ..Wanted::default() };
        let mut material = material();
        let board = boards(&material, &wanted).unwrap().boards.remove(0);
        assert_eq!(board.detail.controls[0].control, "length");
        let gone = material.comparisons[0].a;
        material.lengths.remove(&gone);
        let board = boards(&material, &wanted).unwrap().boards.remove(0);
        assert_eq!(board.battles, 15);
        assert!(board.notes.iter().any(|note| note.starts_with("1 battle without")), "{:?}", board.notes);
        material.lengths.clear();
        assert!(boards(&material, &wanted).is_err(), "nothing is invented for what has no length");
        let other = Wanted { rules: Rules { method: Method::WinRate, ..Rules::default() }, ..wanted };
        assert!(boards(&material, &other).is_err());
    }
}
