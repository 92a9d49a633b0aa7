//! How much hangs on a choice: the same leaderboard without one judge, without judges of a system's own family, with and
//! without human decisions, on the tasks of one sector or occupation alone, by one source of battles. A ranking that
//! turns when one judge goes home is that judge's ranking.
//!
//! Ratings without an anchor have no common zero; a variant's are laid on the base's by the mean of the systems that both
//! rate, before they are compared. What a variant cannot tell says why.

use std::collections::BTreeSet;

use serde::Serialize;

use super::board::{Board, Method};
use super::corrected;
use super::leaderboard::{Control, Leaderboard, Slice, Sources, Wanted, boards};
use super::material::{Material, Needs};
use super::variation::{self, Judges};
use crate::domain::JudgeName;
use crate::refusal::Refusal;
use crate::store::ProjectStore;

#[derive(Debug, Clone, Serialize)]
pub struct Sensitivity {
    pub method: &'static str,
    /// The leaderboard that the others vary.
    pub base: Board,
    pub variants: Vec<Variant>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Variant {
    /// `judge`, `family`, `overrides`, `source`, `sector`, `occupation`, `tag`, `human_corrected` or `style`.
    pub kind: &'static str,
    /// In words: `without judge x`.
    pub what: String,
    /// Why there is none.
    pub undefined: Option<String>,
    pub rows: Vec<VariantRow>,
    pub tasks: usize,
    /// Battles, or none for scores.
    pub battles: usize,
    /// The largest move of a system, on the base's scale.
    pub largest_move: Option<f64>,
    /// Pairs of neighbours on the base that stand the other way round here.
    pub turned: Vec<(String, String)>,
    pub leader_stays: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
pub struct VariantRow {
    pub system: String,
    /// On the base's scale.
    pub rating: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Against the base; `None` where one of the two has no rating.
    pub moved: Option<f64>,
    /// Whether it moved out of the base's interval.
    pub outside: bool,
}

/// # Errors
/// If the store cannot, or the anchor is no system of the board.
pub async fn sensitivity(project: &ProjectStore, wanted: &Wanted) -> Result<Sensitivity, Refusal> {
    let base_wanted = Wanted { by: None, judges: Judges::All, control: None, ..wanted.clone() };
    let lengths = base_wanted.rules.method == Method::BradleyTerry;
    let needs = Needs { rubrics: base_wanted.needs().gradings, lengths, ..base_wanted.needs() };
    let material = Material::read(project, needs).await?;
    let base = whole(boards(&material, &base_wanted)?);
    let is_free = base_wanted.rules.anchor.is_none() && base_wanted.rules.method.is_on_elo_scale();
    let mut variants = Vec::new();
    for judge in judges(&material, &base_wanted) {
        variants.push((("judge", format!("without judge `{judge}`")), Judges::Without(judge)));
    }
    let family = ("family", "without judges of the family of a system that they judge".to_owned());
    variants.push((family, Judges::OtherFamilies));
    let mut told = Vec::new();
    for ((kind, what), judges) in variants {
        let found = without(project, &material, &base_wanted, judges).await;
        told.push(tell(kind, what, found, &base, is_free));
    }
    told.push(overrides(&material, &base_wanted, &base, is_free));
    for (name, one) in sources(&base_wanted, &base) {
        let found = boards(&material, &Wanted { sources: one, ..base_wanted.clone() }).map(whole);
        told.push(tell("source", format!("{name} battles alone"), found, &base, is_free));
    }
    for slice in Slice::ALL {
        if slice == Slice::Tag && !base_wanted.is_of_scores() {
            continue;
        }
        let sliced = boards(&material, &Wanted { by: Some(slice), ..base_wanted.clone() });
        let Ok(sliced) = sliced else { continue };
        for board in sliced.boards {
            let Some(name) = board.slice.clone() else { continue };
            told.push(tell(slice.as_str(), format!("{} {name} alone", slice.as_str()), Ok(board), &base, is_free));
        }
    }
    let corrected = corrected::board(project, &material, &base_wanted).await?;
    told.push(tell_or("human_corrected", "corrected by human decisions", corrected, &base));
    told.push(style(&material, &base_wanted, &base, is_free));
    Ok(Sensitivity { method: wanted.rules.method.as_str(), base, variants: told })
}

fn whole(found: Leaderboard) -> Board {
    found.boards.into_iter().next().unwrap_or_default()
}

/// Everybody who judged something that counts.
fn judges(material: &Material, wanted: &Wanted) -> BTreeSet<JudgeName> {
    let of_panel = |name: &crate::domain::PanelName| wanted.panel.as_ref().is_none_or(|panel| panel == name);
    let compared = material.comparisons.iter().filter(|_| wanted.sources.judged).map(|one| &one.panel);
    let graded = material.gradings.iter().map(|one| &one.panel);
    let named = compared.chain(graded).filter(|panel| of_panel(&panel.name));
    let mut judges: BTreeSet<JudgeName> =
        named.flat_map(|panel| &panel.judges).map(|judge| judge.name.clone()).collect();
    if wanted.sources.imported && wanted.panel.is_none() {
        let imported = material.battles.iter().filter_map(|battle| JudgeName::parse(battle.judge.as_deref()?).ok());
        judges.extend(imported);
    }
    judges
}

async fn without(
    project: &ProjectStore,
    material: &Material,
    wanted: &Wanted,
    judges: Judges,
) -> Result<Board, Refusal> {
    let wanted = Wanted { judges, ..wanted.clone() };
    if !wanted.needs().gradings {
        return boards(material, &wanted).map(whole);
    }
    let scores = variation::rescore(project, material, &wanted.judges, wanted.with_overrides).await?;
    boards(&Material { rescored: Some(scores), ..material.clone() }, &wanted).map(whole)
}

fn overrides(material: &Material, wanted: &Wanted, base: &Board, is_free: bool) -> Variant {
    let what = if wanted.with_overrides { "without human decisions" } else { "with human decisions" };
    if !wanted.needs().gradings {
        let why = "human decisions are on criteria of gradings and do not enter comparisons; see method=score or source=derived";
        return tell_or("overrides", what, Err(why.to_owned()), base);
    }
    let found = boards(material, &Wanted { with_overrides: !wanted.with_overrides, ..wanted.clone() }).map(whole);
    tell("overrides", what.to_owned(), found, base, is_free)
}

/// As if all works were of one length. Layout is not recorded.
fn style(material: &Material, wanted: &Wanted, base: &Board, is_free: bool) -> Variant {
    if wanted.rules.method != Method::BradleyTerry {
        let why = "length is held equal by bradley_terry only; of scores, compare that of a style tag instead";
        return tell_or("style", "with length held equal", Err(why.to_owned()), base);
    }
    let found = boards(material, &Wanted { control: Some(Control::Length), ..wanted.clone() }).map(whole);
    tell("style", "with length held equal".to_owned(), found, base, is_free)
}

/// Each source alone, where the board has more than one.
fn sources(wanted: &Wanted, base: &Board) -> Vec<(&'static str, Sources)> {
    let none = Sources { judged: false, imported: false, derived: false };
    let there = [
        ("judged", base.judged, Sources { judged: true, ..none }),
        ("imported", base.imported, Sources { imported: true, ..none }),
        ("derived", base.derived, Sources { derived: true, ..none }),
    ];
    let there: Vec<_> = there.into_iter().filter(|(_, n, _)| *n > 0).map(|(name, _, one)| (name, one)).collect();
    if wanted.is_of_scores() || there.len() < 2 { vec![] } else { there }
}

fn tell_or(kind: &'static str, what: &str, found: Result<Board, String>, base: &Board) -> Variant {
    let (board, undefined) = match found {
        Ok(board) => (board, None),
        Err(why) => (Board::default(), Some(why)),
    };
    Variant { undefined, ..variant(kind, what.to_owned(), &board, base, false) }
}

fn tell(kind: &'static str, what: String, found: Result<Board, Refusal>, base: &Board, is_free: bool) -> Variant {
    match found {
        Ok(board) if board.rows.iter().all(|row| row.rating.is_none()) => Variant {
            undefined: Some("nothing is left to rate".to_owned()),
            ..variant(kind, what, &board, base, is_free)
        },
        Ok(board) => variant(kind, what, &board, base, is_free),
        Err(why) => Variant { undefined: Some(why.to_string()), ..variant(kind, what, &Board::default(), base, false) },
    }
}

fn variant(kind: &'static str, what: String, board: &Board, base: &Board, is_free: bool) -> Variant {
    let of = |board: &Board, system: &str| board.rows.iter().find(|row| row.system == system).cloned();
    let both: Vec<(f64, f64)> = base
        .rows
        .iter()
        .filter(|row| row.group == 0)
        .filter_map(|row| Some((row.rating?, of(board, &row.system).filter(|row| row.group == 0)?.rating?)))
        .collect();
    let shift = match (is_free, both.len()) {
        (false, _) | (_, 0) => 0.0,
        (true, n) => both.iter().map(|(base, here)| base - here).sum::<f64>() / n as f64,
    };
    let rows: Vec<VariantRow> = base
        .rows
        .iter()
        .filter_map(|own| {
            let here = of(board, &own.system)?;
            // On a free scale only the largest group has a place that can be compared.
            let comparable = !is_free || (own.group == 0 && here.group == 0);
            let rating = here.rating.map(|rating| rating + shift);
            let moved = rating.zip(own.rating).filter(|_| comparable).map(|(here, base)| here - base);
            let interval = own.interval.as_ref();
            let below = interval.and_then(|i| i.low).zip(rating).is_some_and(|(low, rating)| rating < low);
            let above = interval.and_then(|i| i.high).zip(rating).is_some_and(|(high, rating)| rating > high);
            let bound = |pick: fn(&super::board::RowInterval) -> Option<f64>| {
                here.interval.as_ref().and_then(pick).map(|bound| bound + shift)
            };
            Some(VariantRow {
                system: own.system.clone(),
                rating,
                low: bound(|i| i.low),
                high: bound(|i| i.high),
                moved,
                outside: moved.is_some() && (below || above),
            })
        })
        .collect();
    let turned = base
        .rows
        .windows(2)
        .filter(|pair| pair[0].group == pair[1].group && pair[0].rating > pair[1].rating)
        .filter(|pair| {
            let rating = |system: &str| rows.iter().find(|row| row.system == system).and_then(|row| row.rating);
            rating(&pair[0].system).zip(rating(&pair[1].system)).is_some_and(|(upper, lower)| upper < lower)
        })
        .map(|pair| (pair[0].system.clone(), pair[1].system.clone()))
        .collect();
    let leader =
        |rows: &mut dyn Iterator<Item = (f64, String)>| rows.max_by(|a, b| a.0.total_cmp(&b.0)).map(|best| best.1);
    let base_leader = leader(&mut base.rows.iter().filter_map(|row| Some((row.rating?, row.system.clone()))));
    let here_leader = leader(&mut rows.iter().filter_map(|row| Some((row.rating?, row.system.clone()))));
    Variant {
        kind,
        what,
        undefined: None,
        tasks: board.tasks,
        battles: board.battles,
        largest_move: rows.iter().filter_map(|row| row.moved).map(f64::abs).max_by(f64::total_cmp),
        turned,
        leader_stays: base_leader.zip(here_leader).map(|(base, here)| base == here),
        rows,
    }
}

/// Whether ratings of this method are shares of 0 to 1.
#[must_use]
pub fn is_share(method: &str) -> bool {
    !Method::parse(method).is_ok_and(Method::is_on_elo_scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Preference::{A, B};
    use crate::ranking::testing::compared;
    use crate::store::{Store, StoreOptions};

    async fn told(comparisons: Vec<crate::domain::Comparison>) -> Sensitivity {
        let store = Store::open("memory:", StoreOptions::default()).await.unwrap();
        let project = store.project(&crate::domain::ProjectId::parse("p").unwrap());
        let batch = comparisons.iter().fold(project.batch(), |batch, one| batch.insert(one));
        project.commit(batch).await.unwrap();
        sensitivity(&project, &Wanted::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_ranking_that_turns_without_one_judge_says_so() {
        // Two judges for x, one for y, on 8 of 12 tasks; without j0 the two that are left differ there.
        let all = (0..12)
            .map(|task| {
                let (j0, j1, j2) = if task < 8 { (A, A, B) } else { (B, B, B) };
                compared("x", "y", &task.to_string(), &[("j0", Some(j0)), ("j1", Some(j1)), ("j2", Some(j2))])
            })
            .collect();
        let told = told(all).await;
        assert_eq!(told.base.rows[0].system, "x");
        let of = |what: &str| told.variants.iter().find(|one| one.what == what).unwrap();
        let without = of("without judge `j0`");
        assert_eq!(without.leader_stays, Some(false), "only the four that y won are left: {without:?}");
        assert_eq!(without.turned, [("x".to_owned(), "y".to_owned())]);
        assert_eq!(of("without judge `j2`").leader_stays, Some(true));
        for kind in ["overrides", "human_corrected", "style"] {
            let one = told.variants.iter().find(|one| one.kind == kind).unwrap();
            assert!(one.undefined.is_some() && one.rows.is_empty(), "{one:?}");
        }
    }
}
