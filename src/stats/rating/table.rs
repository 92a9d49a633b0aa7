//! What goes in and what comes out of every rating method.

use std::fmt;

use super::{
    columns::{Meetings, Total},
    standing::{Difference, Rated},
};
use crate::stats::NotEstimable;

/// One judged pair of players `a` and `b` (indices).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Battle {
    pub a: usize,
    pub b: usize,
    pub outcome: Outcome,
    /// The task: battles of one task are not independent.
    pub cluster: usize,
    /// Several judges on one pair of one task share a weight of 1 between them. Not zero; below zero it takes away
    /// what another battle says (corrections by human answers do).
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
    /// Per group: what differences are asked of, where the method has a covariance.
    pub(super) rated: Vec<Option<Rated>>,
}

/// Rating points within which two systems count as equal: a chance of winning of .464 to .536.
pub const BAND: f64 = 25.0;

impl RatingTable {
    /// Rating of `i` less that of `j` with an interval of its own; `band` as [`BAND`].
    ///
    /// # Errors
    /// `NotConnected` if no chain of comparisons joins them; else why one of them has no rating, or the method no
    /// covariance (`NoInterval`).
    pub fn difference(&self, i: usize, j: usize, band: f64) -> Result<Difference, NotEstimable> {
        let find = |player: usize| {
            let known = self.players.get(player).ok_or(NotEstimable::NoBattles)?;
            known.rating.as_ref().map_err(Clone::clone)?;
            let place = self.groups.get(known.group).and_then(|group| group.binary_search(&player).ok());
            place.map(|place| (known.group, place)).ok_or(NotEstimable::NoBattles)
        };
        let ((group, a), (other, b)) = (find(i)?, find(j)?);
        if group != other {
            return Err(NotEstimable::NotConnected);
        }
        let rated = self.rated.get(group).and_then(Option::as_ref).ok_or(NotEstimable::NoInterval)?;
        Ok(rated.difference(a, b, band))
    }
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

/// What a reader must know before anything is rated.
pub(super) fn first_notes(meetings: &Meetings, records: &[PlayerRating]) -> Vec<Note> {
    let mut notes = Vec::new();
    if meetings.ignored > 0 {
        notes.push(Note::Ignored { battles: meetings.ignored });
    }
    if meetings.dropped_both_bad > 0 {
        notes.push(Note::BothBadExcluded { battles: meetings.dropped_both_bad });
    }
    for record in records.iter().filter(|record| record.battles > 0) {
        if record.losses == 0.0 && record.ties == 0.0 {
            notes.push(Note::Unbeaten { player: record.player });
        }
        if record.wins == 0.0 && record.ties == 0.0 {
            notes.push(Note::Winless { player: record.player });
        }
    }
    notes
}

/// A table in which nobody is rated yet, with its groups and first notes.
pub(super) fn blank(meetings: &Meetings, totals: &[Total], method: &'static str) -> RatingTable {
    let mut players = meetings.records(totals);
    let mut notes = first_notes(meetings, &players);
    let groups = super::graph::groups(meetings.systems, totals.iter().map(|total| (total.i, total.j)));
    let played = groups.iter().filter(|group| group.len() > 1).count();
    if played > 1 {
        notes.push(Note::Disconnected { groups: played });
    }
    for (index, group) in groups.iter().enumerate() {
        group.iter().for_each(|player| players[*player].group = index);
    }
    RatingTable {
        clusters: meetings.tasks(),
        battles: meetings.battles,
        dropped_both_bad: meetings.dropped_both_bad,
        rated: vec![None; groups.len()],
        groups,
        notes,
        method,
        players,
    }
}
