//! From battles to a board: pure, for the store's battles and for a file's alike. Tasks are the clusters of every
//! interval; several battles of one pair on one task share one weight.

use std::collections::HashMap;

use serde::Serialize;

use crate::domain::{SystemName, TaskId};
use crate::refusal::Refusal;
use crate::stats::rating::{self, BtInterval, BtOptions, Note, Outcome, RatingTable, Scale};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Ties are half a win for each.
    BradleyTerry,
    /// Ties are an outcome of their own, likeliest between equals.
    Davidson,
    /// Ties are differences below a threshold.
    RaoKupper,
    /// Davidson's maximum by Newman's iteration.
    Newman,
    /// Online: depends on the order of the battles, which is shown.
    Elo,
    Glicko2,
    WinRate,
    /// The share of battles against one system (`human`) that were won or tied.
    WinsOrTies,
    /// Mean score of gradings.
    Score,
}

impl Method {
    pub const ALL: [Self; 9] = [
        Self::BradleyTerry,
        Self::Davidson,
        Self::RaoKupper,
        Self::Newman,
        Self::Elo,
        Self::Glicko2,
        Self::WinRate,
        Self::WinsOrTies,
        Self::Score,
    ];

    /// # Errors
    /// Names the methods that there are.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Refusal::invalid("/method", format!("method {text:?} is not known; use one of {known}"))
        })
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BradleyTerry => "bradley_terry",
            Self::Davidson => "davidson",
            Self::RaoKupper => "rao_kupper",
            Self::Newman => "newman",
            Self::Elo => "elo",
            Self::Glicko2 => "glicko2",
            Self::WinRate => "win_rate",
            Self::WinsOrTies => "wins_or_ties",
            Self::Score => "score",
        }
    }

    /// Ratings on the scale of 400 points per factor of ten, rather than shares of 0 to 1.
    #[must_use]
    pub fn is_on_elo_scale(self) -> bool {
        !matches!(self, Self::WinRate | Self::WinsOrTies | Self::Score)
    }
}

/// How battles are rated.
#[derive(Debug, Clone)]
pub struct Rules {
    pub method: Method,
    pub anchor: Option<SystemName>,
    pub anchor_rating: f64,
    pub level: f64,
    /// Rounds of the bootstrap by task that stands beside the interval clustered by task; `None`: only the latter.
    pub bootstrap: Option<usize>,
    pub seed: u64,
    /// Whom `wins_or_ties` is against; `None`: `human`.
    pub against: Option<SystemName>,
    pub judge_aware: JudgeAware,
}

/// Whether judges' discrimination and leaning to the first place are modelled (`bradley_terry` only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JudgeAware {
    /// If cross-validation says that it predicts better.
    #[default]
    Auto,
    On,
    Off,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            method: Method::BradleyTerry,
            anchor: None,
            anchor_rating: 1000.0,
            level: 0.95,
            bootstrap: None,
            seed: 0,
            against: None,
            judge_aware: JudgeAware::Auto,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Board {
    /// The sector or occupation; `null` for all.
    pub slice: Option<String>,
    /// Best first; systems that cannot be compared stand in different groups.
    pub rows: Vec<Row>,
    pub tasks: usize,
    pub battles: usize,
    pub judged: usize,
    pub imported: usize,
    /// From two rubric scores each.
    pub derived: usize,
    pub both_bad: usize,
    pub inconclusive: usize,
    /// What a reader must know, in words.
    pub notes: Vec<String>,
    pub detail: Detail,
}

/// What stands behind a board.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Detail {
    /// How it was rated, in words.
    pub method: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    pub system: String,
    /// Elo scale for `bradley_terry`, 0..1 for the others; `null` with the reason in `undefined`.
    pub rating: Option<f64>,
    pub interval: Option<RowInterval>,
    pub undefined: Option<String>,
    /// Best and worst rank that the data leave open, inside its group.
    pub rank: Option<(usize, usize)>,
    /// Battles or graded tasks.
    pub n: usize,
    pub wins: Option<f64>,
    pub ties: Option<f64>,
    pub losses: Option<f64>,
    /// Systems of different groups were never compared, directly or through others.
    pub group: usize,
    /// Held finite by a prior: the data alone set no bound on one side.
    pub regularised: bool,
    /// Against the system that stands next below in its group.
    pub versus_next: Option<Versus>,
    /// The bootstrap by task, where it was asked for.
    pub bootstrap: Option<RowInterval>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RowInterval {
    /// `null` = the data set no bound on this side.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: f64,
    pub method: String,
}

/// One system's difference to another, and what may be said of it.
#[derive(Debug, Clone, Serialize)]
pub struct Versus {
    pub system: String,
    /// Its rating less the other's.
    pub difference: Option<f64>,
    pub interval: Option<RowInterval>,
    pub verdict: VersusVerdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VersusVerdict {
    Better,
    /// Sure to be no further apart than the band of equality.
    Tied,
    /// Never compared, directly or through others.
    NotComparable,
    /// The data do not tell.
    NoSignal,
}

/// One battle with what it may be sorted by.
#[derive(Debug, Clone, PartialEq)]
pub struct Fought {
    pub a: SystemName,
    pub b: SystemName,
    pub outcome: Outcome,
    /// `None`: not known; then it stands alone.
    pub task: Option<TaskId>,
    pub imported: bool,
    /// Who said so, where it was one judge and not a panel.
    pub judge: Option<String>,
}

/// Rates battles. Also for files, without a store.
///
/// # Errors
/// If the anchor is no system of the board.
pub fn battle_board(
    slice: Option<String>,
    fought: &[Fought],
    inconclusive: usize,
    rules: &Rules,
) -> Result<Board, Refusal> {
    let mut systems: Vec<&SystemName> = fought.iter().flat_map(|battle| [&battle.a, &battle.b]).collect();
    systems.sort();
    systems.dedup();
    let index: HashMap<&SystemName, usize> = systems.iter().enumerate().map(|(i, system)| (*system, i)).collect();
    let mut clusters: HashMap<&TaskId, usize> = HashMap::new();
    let mut alone = 0usize;
    let mut rated = Vec::with_capacity(fought.len());
    // Several battles of the same pair on the same task share one weight: a pair that was judged often is
    // not more pairs.
    let mut meetings: HashMap<(usize, usize, &TaskId), f64> = HashMap::new();
    for battle in fought {
        if let Some(task) = &battle.task {
            let (a, b) = (index[&battle.a], index[&battle.b]);
            *meetings.entry((a.min(b), a.max(b), task)).or_default() += 1.0;
        }
    }
    for battle in fought {
        let (a, b) = (index[&battle.a], index[&battle.b]);
        let (cluster, weight) = match &battle.task {
            Some(task) => {
                let next = clusters.len();
                (*clusters.entry(task).or_insert(next), 1.0 / meetings[&(a.min(b), a.max(b), task)])
            }
            None => {
                alone += 1;
                (usize::MAX - alone, 1.0)
            }
        };
        rated.push(rating::Battle { a, b, outcome: battle.outcome, cluster, weight });
    }
    let anchor = match &rules.anchor {
        None => None,
        Some(name) => Some(*index.get(name).ok_or_else(|| {
            let known = systems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Refusal::invalid("/anchor", format!("system `{name}` has no battle; there are: {known}"))
        })?),
    };
    let table = match rules.method {
        Method::WinRate => rating::win_rate(systems.len(), &rated, rules.level),
        _ => {
            let interval = match rules.bootstrap {
                Some(rounds) => BtInterval::TaskBootstrap { rounds, seed: rules.seed },
                None => BtInterval::ClusterSandwich,
            };
            let scale = Scale { anchor, anchor_rating: rules.anchor_rating };
            rating::bradley_terry(systems.len(), &rated, scale, BtOptions { interval, level: rules.level })
        }
    };
    let mut notes: Vec<String> = table.notes.iter().map(|note| in_words(note, &table, &systems)).collect();
    if alone > 0 {
        notes.push(format!("{alone} battles name no task and count as a task each: intervals may be too narrow"));
    }
    let (judged, imported) =
        (fought.iter().filter(|b| !b.imported).count(), fought.iter().filter(|b| b.imported).count());
    if inconclusive > 0 && slice.is_none() {
        notes.push(format!("{inconclusive} comparisons are inconclusive and not counted"));
    }
    Ok(Board {
        slice,
        rows: rows(&table, &systems),
        tasks: table.clusters,
        battles: table.battles,
        judged,
        imported,
        derived: 0,
        both_bad: table.dropped_both_bad,
        inconclusive,
        notes,
        detail: Detail { method: table.method.to_owned() },
    })
}

fn rows(table: &RatingTable, systems: &[&SystemName]) -> Vec<Row> {
    let mut rows: Vec<Row> = table
        .players
        .iter()
        .map(|player| {
            let rating = player.rating.as_ref().ok();
            let interval = rating.map(|rating| &rating.interval);
            Row {
                system: systems[player.player].to_string(),
                rating: rating.map(|rating| rating.value),
                interval: interval.and_then(|interval| interval.as_ref().ok()).map(|bounds| RowInterval {
                    low: bounds.low,
                    high: bounds.high,
                    level: bounds.level,
                    method: bounds.method.to_owned(),
                }),
                undefined: match (&player.rating, interval) {
                    (Err(why), _) | (_, Some(Err(why))) => Some(why.to_string()),
                    _ => None,
                },
                rank: rating.map(|rating| (rating.rank_low, rating.rank_high)),
                n: player.battles,
                wins: Some(player.wins),
                ties: Some(player.ties),
                losses: Some(player.losses),
                group: player.group,
                regularised: rating.is_some_and(|rating| rating.regularised),
                versus_next: None,
                bootstrap: None,
            }
        })
        .collect();
    best_first(&mut rows);
    rows
}

pub(super) fn best_first(rows: &mut [Row]) {
    let value = |row: &Row| row.rating.unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| a.group.cmp(&b.group).then(value(b).total_cmp(&value(a))).then(a.system.cmp(&b.system)));
}

/// The room of statistics knows players and groups by number; a reader knows systems by name.
fn in_words(note: &Note, table: &RatingTable, systems: &[&SystemName]) -> String {
    let played = table.groups.iter().filter(|group| group.len() > 1).count();
    let group = |index: usize| {
        let names = table.groups.get(index).into_iter().flatten().map(|player| systems[*player].as_str());
        let names: Vec<&str> = names.collect();
        if played > 1 { format!("among {}: ", names.join(", ")) } else { String::new() }
    };
    match note {
        Note::Unbeaten { player } => {
            format!("`{}` is unbeaten: how much better it is has no upper bound", systems[*player])
        }
        Note::Winless { player } => {
            format!("`{}` has not won: how much worse it is has no lower bound", systems[*player])
        }
        Note::BothBadExcluded { battles } => {
            format!(
                "{} judged both bad: that says nothing about who is better and is left out",
                count(*battles, "battle")
            )
        }
        Note::FewClusters { group: index, clusters } => {
            format!("{}the ratings rest on {} only: their intervals are rough", group(*index), count(*clusters, "task"))
        }
        Note::ResamplesRegularised { group: index, rounds } => {
            format!(
                "{}{} of the bootstrap had no finite estimate and were held finite by a prior",
                group(*index),
                count(*rounds, "round")
            )
        }
        Note::Disconnected { groups } => {
            format!(
                "the systems fall into {groups} groups that never met: ratings of different groups cannot be compared"
            )
        }
        other => other.to_string(),
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fought(a: &str, b: &str, outcome: Outcome, task: &str) -> Fought {
        let system = |name| SystemName::parse(name).unwrap();
        Fought {
            a: system(a),
            b: system(b),
            outcome,
            task: Some(TaskId::parse(task).unwrap()),
            imported: true,
            judge: None,
        }
    }

    fn board(fought: &[Fought]) -> Board {
        battle_board(None, fought, 0, &Rules::default()).unwrap()
    }

    #[test]
    fn an_unbeaten_system_is_not_rated_three_and_a_half_thousand() {
        let battles: Vec<Fought> = (0..12)
            .flat_map(|t| {
                [
                    fought("best", "x", Outcome::A, &t.to_string()),
                    fought("x", "y", if t % 2 == 0 { Outcome::A } else { Outcome::B }, &t.to_string()),
                ]
            })
            .collect();
        let board = board(&battles);
        let best = &board.rows[0];
        assert_eq!(best.system, "best");
        assert!(best.regularised && best.rating.unwrap() < 2_000.0, "{best:?}");
        assert_eq!(best.interval.as_ref().unwrap().high, None);
        assert!(board.notes.iter().any(|note| note.contains("`best` is unbeaten")), "{:?}", board.notes);
    }

    #[test]
    fn three_judges_on_one_pair_of_one_task_are_one_battle() {
        let once: Vec<Fought> =
            (0..8).map(|t| fought("a", "b", if t < 5 { Outcome::A } else { Outcome::B }, &t.to_string())).collect();
        let thrice: Vec<Fought> = once.iter().flat_map(|battle| std::iter::repeat_n(battle.clone(), 3)).collect();
        let (one, three) = (board(&once), board(&thrice));
        let width = |board: &Board| {
            let interval = board.rows[0].interval.clone().unwrap();
            interval.high.unwrap() - interval.low.unwrap()
        };
        assert!((one.rows[0].rating.unwrap() - three.rows[0].rating.unwrap()).abs() < 1e-6);
        assert!(width(&three) > width(&one) * 0.95, "{} against {}", width(&three), width(&one));
    }

    #[test]
    fn groups_that_never_met_are_not_ranked_against_each_other() {
        let mut battles: Vec<Fought> = Vec::new();
        for task in 0..6 {
            let outcome = if task % 2 == 0 { Outcome::A } else { Outcome::B };
            battles.push(fought("a", "b", outcome, &task.to_string()));
            battles.push(fought("x", "y", outcome, &task.to_string()));
        }
        let board = board(&battles);
        let group = |system: &str| board.rows.iter().find(|row| row.system == system).unwrap().group;
        assert_eq!(group("a"), group("b"));
        assert_ne!(group("a"), group("x"));
    }

    #[test]
    fn both_bad_is_counted_and_is_no_evidence_of_equality() {
        let battles = [fought("a", "b", Outcome::BothBad, "1"), fought("a", "b", Outcome::BothBad, "2")];
        let board = board(&battles);
        assert_eq!(board.both_bad, 2);
        assert!(board.rows.iter().all(|row| row.rating.is_none() && row.undefined.is_some()), "{:?}", board.rows);
    }
}
