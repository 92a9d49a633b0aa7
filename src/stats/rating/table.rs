//! What goes in and what comes out of every rating method.

use std::{borrow::Cow, collections::HashMap, fmt};

use crate::stats::NotEstimable;

/// One judged pair of players `a` and `b` (indices).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Battle {
    pub a: usize,
    pub b: usize,
    pub outcome: Outcome,
    /// The task: battles of one task are not independent.
    pub cluster: usize,
    /// Several judges on one pair of one task share a weight of 1 between them. Positive.
    pub weight: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    A,
    B,
    /// Half a win for each.
    Tie,
    /// No evidence of equality: left out of the ratings, and counted.
    BothBad,
}

/// 400 points per factor of ten in the odds; the anchor, or the mean of the group, stands at `anchor_rating`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub anchor: Option<usize>,
    pub anchor_rating: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { anchor: None, anchor_rating: 1000.0 }
    }
}

impl Scale {
    /// Rating points per unit of log strength.
    pub(crate) const POINTS: f64 = 400.0 / std::f64::consts::LN_10;
}

#[derive(Debug, Clone, PartialEq)]
pub struct RatingTable {
    /// One per player, in the order of their indices.
    pub players: Vec<PlayerRating>,
    /// Tasks with at least one rated battle.
    pub clusters: usize,
    /// Battles that entered the ratings.
    pub battles: usize,
    pub dropped_both_bad: usize,
    /// Players joined by comparisons, the largest group first. Ratings and ranks of different groups
    /// are on different scales.
    pub groups: Vec<Vec<usize>>,
    pub notes: Vec<Note>,
    pub method: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlayerRating {
    pub player: usize,
    pub rating: Result<Rating, NotEstimable>,
    /// Rated battles, counted.
    pub battles: usize,
    /// Wins, ties and losses are sums of weights.
    pub wins: f64,
    pub ties: f64,
    pub losses: f64,
    pub both_bad: usize,
    /// Index into [`RatingTable::groups`].
    pub group: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    pub value: f64,
    pub interval: Result<Bounds, NotEstimable>,
    /// Best rank in the group that the data leave open, from 1.
    pub rank_low: usize,
    /// Worst rank in the group that the data leave open.
    pub rank_high: usize,
    /// The maximum likelihood estimate does not exist; this one is held finite by a prior.
    pub regularised: bool,
}

/// A confidence interval of which one end may be open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// `None`: the data set no lower bound.
    pub low: Option<f64>,
    /// `None`: the data set no upper bound.
    pub high: Option<f64>,
    pub level: f64,
    pub method: &'static str,
}

impl Bounds {
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        self.low.is_none() || self.high.is_none()
    }
}

/// What a reader of the table must know.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// Never lost or tied a rated battle.
    Unbeaten {
        player: usize,
    },
    /// Never won or tied a rated battle.
    Winless {
        player: usize,
    },
    /// No finite maximum likelihood estimate in this group; `blocks` are its strongly connected parts.
    Regularised {
        group: usize,
        blocks: usize,
    },
    /// The comparisons fall apart into groups that cannot be compared.
    Disconnected {
        groups: usize,
    },
    BothBadExcluded {
        battles: usize,
    },
    /// Battles against oneself, with an unknown player, or with a weight that is not positive.
    Ignored {
        battles: usize,
    },
    /// The anchor is in another group (or unknown): this one has its mean at the anchor's rating.
    AnchorElsewhere {
        group: usize,
    },
    /// Fewer tasks than the interval is comfortable with.
    FewClusters {
        group: usize,
        clusters: usize,
    },
    /// Resamples in which a system had no battle or the group fell apart; left out.
    ResamplesDropped {
        group: usize,
        dropped: usize,
        rounds: usize,
    },
    /// Resamples without a finite maximum likelihood estimate, held finite by the prior.
    ResamplesRegularised {
        group: usize,
        rounds: usize,
    },
    NotConverged {
        group: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbeaten { player } => {
                write!(f, "system {player} is unbeaten: how much better it is has no upper bound")
            }
            Self::Winless { player } => {
                write!(f, "system {player} has no win and no tie: how much worse it is has no lower bound")
            }
            Self::Regularised { group, blocks } => write!(
                f,
                "group {group}: wins run one way only between {blocks} blocks of systems, so ratings are held finite by a standard normal prior"
            ),
            Self::Disconnected { groups } => {
                write!(f, "the comparisons fall apart into {groups} groups that cannot be compared with each other")
            }
            Self::BothBadExcluded { battles } => {
                write!(f, "{battles} battles judged both bad say nothing about who is better and are left out")
            }
            Self::Ignored { battles } => write!(
                f,
                "{battles} battles are ignored: a system against itself, an unknown system, or a weight that is not positive"
            ),
            Self::AnchorElsewhere { group } => {
                write!(f, "group {group} does not hold the anchor: its mean stands at the anchor's rating")
            }
            Self::FewClusters { group, clusters } => {
                write!(f, "group {group} rests on {clusters} tasks only: its intervals are rough")
            }
            Self::ResamplesDropped { group, dropped, rounds } => {
                write!(f, "group {group}: {dropped} of {rounds} resamples fell apart and are left out")
            }
            Self::ResamplesRegularised { group, rounds } => {
                write!(f, "group {group}: {rounds} resamples had no finite estimate and were held finite by the prior")
            }
            Self::NotConverged { group } => write!(f, "group {group}: the fit did not converge"),
        }
    }
}

/// Battles that can be rated, with what was left out and each player's record.
pub(super) struct Ledger<'a> {
    /// Borrowed when nothing had to be left out.
    pub rated: Cow<'a, [Battle]>,
    pub records: Vec<PlayerRating>,
    pub both_bad: usize,
    pub ignored: usize,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(players: usize, battles: &'a [Battle]) -> Self {
        let mut records: Vec<PlayerRating> = (0..players)
            .map(|player| PlayerRating {
                player,
                rating: Err(NotEstimable::NoBattles),
                battles: 0,
                wins: 0.0,
                ties: 0.0,
                losses: 0.0,
                both_bad: 0,
                group: 0,
            })
            .collect();
        let (mut both_bad, mut ignored) = (0, 0);
        let senseless = |battle: &Battle| {
            let Battle { a, b, weight, .. } = *battle;
            a == b || a >= players || b >= players || !weight.is_finite() || weight <= 0.0
        };
        for battle in battles {
            let Battle { a, b, outcome, weight, .. } = *battle;
            if senseless(battle) {
                ignored += 1;
                continue;
            }
            let (won, lost) = match outcome {
                Outcome::BothBad => {
                    both_bad += 1;
                    records[a].both_bad += 1;
                    records[b].both_bad += 1;
                    continue;
                }
                Outcome::Tie => {
                    records[a].ties += weight;
                    records[b].ties += weight;
                    (None, None)
                }
                Outcome::A => (Some(a), Some(b)),
                Outcome::B => (Some(b), Some(a)),
            };
            if let (Some(won), Some(lost)) = (won, lost) {
                records[won].wins += weight;
                records[lost].losses += weight;
            }
            records[a].battles += 1;
            records[b].battles += 1;
        }
        let rated = if both_bad + ignored == 0 {
            Cow::Borrowed(battles)
        } else {
            let keeps = |battle: &&Battle| !senseless(battle) && battle.outcome != Outcome::BothBad;
            Cow::Owned(battles.iter().filter(keeps).copied().collect())
        };
        Self { rated, records, both_bad, ignored }
    }

    pub(super) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.ignored > 0 {
            notes.push(Note::Ignored { battles: self.ignored });
        }
        if self.both_bad > 0 {
            notes.push(Note::BothBadExcluded { battles: self.both_bad });
        }
        for record in self.records.iter().filter(|record| record.battles > 0) {
            if record.losses == 0.0 && record.ties == 0.0 {
                notes.push(Note::Unbeaten { player: record.player });
            }
            if record.wins == 0.0 && record.ties == 0.0 {
                notes.push(Note::Winless { player: record.player });
            }
        }
        notes
    }

    pub(super) fn clusters(&self) -> usize {
        dense(self.rated.iter().map(|battle| battle.cluster)).1
    }
}

/// Cluster ids as `0..count`, in the order of their first appearance.
pub(super) fn dense(ids: impl ExactSizeIterator<Item = usize> + Clone) -> (Vec<usize>, usize) {
    let most = ids.clone().max().unwrap_or(0);
    let mut count = 0;
    let mut fresh = || {
        count += 1;
        count - 1
    };
    let dense = if most <= 4 * ids.len() + 1024 {
        let mut known = vec![usize::MAX; most + 1];
        ids.map(|id| {
            if known[id] == usize::MAX {
                known[id] = fresh();
            }
            known[id]
        })
        .collect()
    } else {
        let mut known = HashMap::new();
        ids.map(|id| *known.entry(id).or_insert_with(&mut fresh)).collect()
    };
    (dense, count)
}
