//! Leaderboards that are kept with their date, and what changed since. A rating that was estimated twice is never twice
//! the same: a change is named only where it is larger than the noise of both.
//!
//! **Noise band.** `√(h₁² + h₂²)` of the half widths of the two intervals, as for two independent estimates. Two
//! leaderboards over time share material, so the true noise is smaller: the band errs on the side of "no change".
//! **Scale.** Ratings have no zero of their own. Where no system is anchored, the mean of the systems that stand on both
//! boards is laid on one another before they are compared, so that a new weak system does not lift the others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::board::{Board, Method, Row};
use super::leaderboard::{Leaderboard, Wanted};
use crate::domain::{Snapshot, SnapshotAsked, SnapshotBoard, SnapshotId, SnapshotRow};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::ProjectStore;

/// The longest label, in characters.
pub const MAX_LABEL_CHARS: usize = 200;

/// What changed on one board.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Changes {
    pub slice: Option<String>,
    /// In the order of the board as it is now, then those that are gone.
    pub rows: Vec<Change>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    pub system: String,
    pub before: Option<f64>,
    pub now: Option<f64>,
    /// `now - before` on a common scale.
    pub difference: Option<f64>,
    /// Differences up to this are noise.
    pub band: Option<f64>,
    pub verdict: ChangeVerdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeVerdict {
    Better,
    Worse,
    /// No larger than the noise of the two estimates.
    WithinNoise,
    /// An interval is missing or open, or the two boards have no common scale.
    NotComparable,
    New,
    Gone,
}

impl ChangeVerdict {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::WithinNoise => "within_noise",
            Self::NotComparable => "not_comparable",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

/// How a leaderboard was asked for.
#[must_use]
pub fn asked(wanted: &Wanted) -> SnapshotAsked {
    let rules = &wanted.rules;
    SnapshotAsked {
        method: rules.method.as_str().to_owned(),
        overrides: if wanted.with_overrides { "with" } else { "without" }.to_owned(),
        source: wanted.source_in_words(),
        by: wanted.by.map(|by| by.as_str().to_owned()),
        anchor: rules.anchor.as_ref().map(ToString::to_string),
        anchor_rating: rules.anchor.as_ref().map(|_| rules.anchor_rating),
        judges: wanted.judges.in_words(),
        panel: wanted.panel.as_ref().map(ToString::to_string),
        rubric_id: wanted.rubric_id.map(|id| id.to_string()),
        judge_aware: wanted.tells_judges_apart().then(|| rules.judge_aware.as_str().to_owned()),
        control: wanted.control.map(|control| control.as_str().to_owned()),
        reference: rules.against.as_ref().map(ToString::to_string),
        humans: (!rules.humans.is_empty()).then(|| rules.humans.join(",")),
    }
}

/// Makes the record of a leaderboard; the caller keeps it.
///
/// # Errors
/// If the label is too long.
pub fn of(
    services: &Services,
    leaderboard: &Leaderboard,
    wanted: &Wanted,
    label: Option<String>,
) -> Result<Snapshot, Refusal> {
    if label.as_ref().is_some_and(|label| label.chars().count() > MAX_LABEL_CHARS) {
        return Err(Refusal::invalid("/label", format!("has more than {MAX_LABEL_CHARS} characters")));
    }
    Ok(Snapshot {
        id: services.ids.next(),
        label,
        asked: asked(wanted),
        boards: leaderboard.boards.iter().map(frozen).collect(),
        created_at: services.now(),
    })
}

fn frozen(board: &Board) -> SnapshotBoard {
    let row = |row: &Row| SnapshotRow {
        system: row.system.clone(),
        rating: row.rating,
        low: row.interval.as_ref().and_then(|i| i.low),
        high: row.interval.as_ref().and_then(|i| i.high),
        level: row.interval.as_ref().map(|i| i.level),
        undefined: row.undefined.clone(),
        rank: row.rank.map(|(best, worst)| (best as u64, worst as u64)),
        n: row.n as u64,
        group: row.group as u64,
        regularised: row.regularised,
    };
    SnapshotBoard {
        slice: board.slice.clone(),
        rows: board.rows.iter().map(row).collect(),
        tasks: board.tasks as u64,
        battles: board.battles as u64,
        notes: board.notes.clone(),
    }
}

/// # Errors
/// If there is none, or it was asked for in another way.
pub async fn against(
    project: &ProjectStore,
    id: SnapshotId,
    wanted: &Wanted,
    leaderboard: &Leaderboard,
) -> Result<Vec<Changes>, Refusal> {
    let Some(kept) = project.get::<Snapshot>(&id.to_string()).await? else {
        return Err(Refusal::not_found("snapshot", id));
    };
    let (before, now) = (kept.record, asked(wanted));
    if before.asked != now {
        let detail = format!(
            "snapshot {id} is another leaderboard ({}) than this one ({}); ask for the same",
            in_words(&before.asked),
            in_words(&now)
        );
        return Err(Refusal::invalid("/against", detail));
    }
    Ok(changes(&before, leaderboard, now.anchor.is_some()))
}

fn in_words(asked: &SnapshotAsked) -> String {
    let SnapshotAsked {
        method,
        overrides,
        source,
        by,
        anchor,
        anchor_rating: _,
        judges,
        panel,
        rubric_id,
        judge_aware,
        control,
        reference,
        humans,
    } = asked;
    let mut words = vec![format!("method={method}"), format!("overrides={overrides}")];
    let named = [
        ("source", source),
        ("by", by),
        ("anchor", anchor),
        ("judges", judges),
        ("panel", panel),
        ("rubric_id", rubric_id),
        ("judge_aware", judge_aware),
        ("control", control),
        ("reference", reference),
        ("humans", humans),
    ];
    words.extend(named.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))));
    words.join(", ")
}

/// What changed, board by board. `anchored`: both stand on the scale of one system.
#[must_use]
pub fn changes(before: &Snapshot, leaderboard: &Leaderboard, anchored: bool) -> Vec<Changes> {
    let free_scale = !anchored && Method::parse(leaderboard.method).is_ok_and(Method::is_on_elo_scale);
    let earlier: BTreeMap<&Option<String>, &SnapshotBoard> = before.boards.iter().map(|b| (&b.slice, b)).collect();
    leaderboard.boards.iter().map(|board| one(board, earlier.get(&board.slice).copied(), free_scale)).collect()
}

fn one(board: &Board, before: Option<&SnapshotBoard>, free_scale: bool) -> Changes {
    let mut notes = Vec::new();
    let Some(before) = before else {
        notes.push("the earlier leaderboard has no such board".to_owned());
        let rows = board.rows.iter().map(|row| change(row.system.clone(), None, row.rating)).collect();
        return Changes { slice: board.slice.clone(), rows, notes };
    };
    let earlier: BTreeMap<&str, &SnapshotRow> = before.rows.iter().map(|row| (row.system.as_str(), row)).collect();
    // Only the largest group has a scale that is certain to be the same one.
    let common: Vec<(f64, f64)> = board
        .rows
        .iter()
        .filter(|row| row.group == 0)
        .filter_map(|row| {
            let old = earlier.get(row.system.as_str()).filter(|old| old.group == 0)?;
            Some((old.rating?, row.rating?))
        })
        .collect();
    let shift = match (free_scale, common.len()) {
        (false, _) => Some(0.0),
        (true, 0 | 1) => None,
        (true, n) => {
            notes.push(format!(
                "no system is anchored: the mean of the {n} systems on both boards is taken as unchanged"
            ));
            Some(common.iter().map(|(old, new)| old - new).sum::<f64>() / n as f64)
        }
    };
    let mut rows: Vec<Change> = board
        .rows
        .iter()
        .map(|row| {
            let Some(old) = earlier.get(row.system.as_str()) else {
                return change(row.system.clone(), None, row.rating);
            };
            let comparable = !free_scale || (row.group == 0 && old.group == 0);
            let difference = shift.filter(|_| comparable).and_then(|shift| Some(row.rating? + shift - old.rating?));
            let half = |low: Option<f64>, high: Option<f64>| Some((high? - low?) / 2.0);
            let now = row.interval.as_ref().and_then(|i| half(i.low, i.high));
            let band = half(old.low, old.high).zip(now).map(|(old, now)| f64::hypot(old, now));
            let verdict = match (difference, band) {
                (Some(difference), Some(band)) if difference.abs() <= band => ChangeVerdict::WithinNoise,
                (Some(difference), Some(_)) if difference > 0.0 => ChangeVerdict::Better,
                (Some(_), Some(_)) => ChangeVerdict::Worse,
                _ => ChangeVerdict::NotComparable,
            };
            Change { system: row.system.clone(), before: old.rating, now: row.rating, difference, band, verdict }
        })
        .collect();
    let there = |system: &str| board.rows.iter().any(|row| row.system == system);
    let gone = before.rows.iter().filter(|row| !there(&row.system));
    rows.extend(gone.map(|row| Change {
        verdict: ChangeVerdict::Gone,
        before: row.rating,
        ..change(row.system.clone(), None, None)
    }));
    Changes { slice: board.slice.clone(), rows, notes }
}

fn change(system: String, before: Option<f64>, now: Option<f64>) -> Change {
    Change { system, before, now, difference: None, band: None, verdict: ChangeVerdict::New }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Id, Timestamp};
    use crate::ranking::board::RowInterval;

    fn board(rows: &[(&str, f64, f64)]) -> Leaderboard {
        let row = |(system, rating, half): &(&str, f64, f64)| Row {
            system: (*system).to_owned(),
            rating: Some(*rating),
            interval: Some(RowInterval {
                low: Some(rating - half),
                high: Some(rating + half),
                level: 0.95,
                method: "test".to_owned(),
            }),
            ..Row::default()
        };
        let board = Board { rows: rows.iter().map(row).collect(), ..Board::default() };
        Leaderboard { method: "bradley_terry", overrides: "with", boards: vec![board], ..Leaderboard::default() }
    }

    fn kept(leaderboard: &Leaderboard) -> Snapshot {
        Snapshot {
            id: SnapshotId::from_uuid(uuid::Uuid::nil()),
            label: None,
            asked: SnapshotAsked::default(),
            boards: leaderboard.boards.iter().map(frozen).collect(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn verdicts(changes: &[Changes]) -> Vec<(&str, ChangeVerdict)> {
        changes[0].rows.iter().map(|row| (row.system.as_str(), row.verdict)).collect()
    }

    #[test]
    fn a_drop_inside_the_noise_is_no_regression_and_one_beyond_it_is() {
        let before = kept(&board(&[("a", 1100.0, 30.0), ("b", 1000.0, 30.0), ("c", 900.0, 30.0)]));
        // √(30² + 30²) = 42.4.
        let now = board(&[("a", 1060.0, 30.0), ("b", 957.0, 30.0), ("c", 943.0, 30.0)]);
        let found = changes(&before, &now, true);
        assert_eq!(
            verdicts(&found),
            [("a", ChangeVerdict::WithinNoise), ("b", ChangeVerdict::Worse), ("c", ChangeVerdict::Better)]
        );
        assert!((found[0].rows[0].band.unwrap() - 42.426_406_871_192_85).abs() < 1e-9);
    }

    #[test]
    fn a_new_weak_system_that_lifts_all_others_on_a_free_scale_is_no_improvement() {
        let before = kept(&board(&[("a", 1050.0, 10.0), ("b", 950.0, 10.0)]));
        let now = board(&[("a", 1150.0, 10.0), ("b", 1050.0, 10.0), ("weak", 800.0, 10.0)]);
        let found = changes(&before, &now, false);
        assert_eq!(
            verdicts(&found),
            [("a", ChangeVerdict::WithinNoise), ("b", ChangeVerdict::WithinNoise), ("weak", ChangeVerdict::New)]
        );
        assert!(found[0].notes[0].contains("no system is anchored"), "{found:?}");
    }

    #[test]
    fn what_is_gone_is_named_and_an_open_interval_is_not_compared() {
        let before = kept(&board(&[("a", 1050.0, 10.0), ("b", 950.0, 10.0), ("c", 900.0, 10.0)]));
        let mut now = board(&[("a", 1250.0, 10.0), ("b", 950.0, 10.0)]);
        now.boards[0].rows[0].interval.as_mut().unwrap().high = None;
        assert_eq!(
            verdicts(&changes(&before, &now, true)),
            [("a", ChangeVerdict::NotComparable), ("b", ChangeVerdict::WithinNoise), ("c", ChangeVerdict::Gone)]
        );
    }
}
