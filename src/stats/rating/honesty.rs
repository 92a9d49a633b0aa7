//! What others ship and this must not, one test each; and what the newer parts promise.

use super::*;
use crate::stats::{NotEstimable, vectors};

fn some(rows: &[(u16, u16, Outcome, u32)]) -> Battles {
    let mut battles = Battles::default();
    rows.iter().for_each(|(a, b, outcome, task)| battles.push(*a, *b, *outcome, Some(*task), None));
    battles
}

fn rated(systems: usize, battles: &Battles) -> RatingTable {
    bradley_terry_of(&Meetings::group(systems, battles), Scale::default(), BtOptions::default())
}

fn value(table: &RatingTable, system: usize) -> f64 {
    table.players[system].rating.as_ref().expect("is rated").value
}

fn width(table: &RatingTable, system: usize) -> f64 {
    let bounds = table.players[system].rating.as_ref().unwrap().interval.as_ref().unwrap();
    bounds.high.unwrap() - bounds.low.unwrap()
}

/// splitmix64 as a share of 1.
fn draw(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn chance(d: f64) -> f64 {
    1.0 / (1.0 + (-d).exp())
}

/// Every judge sees every pair of every task once, in an order drawn at random: discrimination and leaning per judge.
fn judged(systems: usize, tasks: u64, judges: &[(f64, f64)], seed: u64) -> Battles {
    let mut battles = Battles::default();
    let mut at = seed << 32;
    for task in 0..tasks {
        for a in 0..systems {
            for b in 0..a {
                for (judge, (gamma, delta)) in judges.iter().enumerate() {
                    at += 2;
                    let (first, second) = if draw(at) < 0.5 { (a, b) } else { (b, a) };
                    let gap = 0.5 * (first as f64 - second as f64);
                    let won = draw(at + 1) < chance(gamma * gap + delta);
                    let outcome = if won { Outcome::A } else { Outcome::B };
                    battles.push(first as u16, second as u16, outcome, Some(task as u32), Some(judge as u16));
                }
            }
        }
    }
    battles
}

#[test]
fn an_unbeaten_system_is_not_3554_plus_or_minus_nothing() {
    let mut rows: Vec<_> = (0..40).map(|task| (0, 1 + (task % 2) as u16, Outcome::A, task)).collect();
    rows.extend((0..40).map(|task| (1, 2, if task % 2 == 0 { Outcome::A } else { Outcome::B }, task)));
    let table = rated(3, &some(&rows));
    let best = table.players[0].rating.as_ref().unwrap();
    assert!(best.regularised && best.value < 2_000.0, "{best:?}");
    let bounds = best.interval.as_ref().unwrap();
    assert!(bounds.high.is_none() && best.value - bounds.low.unwrap() > 50.0, "{bounds:?}");
    let ahead = table.difference(0, 1, BAND).unwrap();
    assert_eq!(ahead.interval.unwrap().high, None);
    assert_eq!(table.difference(1, 2, BAND).unwrap().standing, Standing::NoSignal);
}

#[test]
fn disconnected_groups_are_not_put_on_one_scale() {
    let rows: Vec<_> = (0..20)
        .flat_map(|task| {
            let outcome = if task % 4 == 0 { Outcome::B } else { Outcome::A };
            [(0, 1, outcome, task), (2, 3, outcome, task)]
        })
        .collect();
    let table = rated(4, &some(&rows));
    assert_eq!(table.groups, [vec![0, 1], vec![2, 3]]);
    assert_eq!(table.difference(0, 2, BAND), Err(NotEstimable::NotConnected));
    assert!(table.players.iter().all(|own| own.rating.as_ref().unwrap().rank_high <= 2));
}

#[test]
fn three_judges_on_one_pair_are_not_three_battles_of_evidence() {
    // The same 12 outcomes, once and said by three judges alike.
    let once: Vec<_> = (0..12).map(|task| (0, 1, if task % 3 == 0 { Outcome::B } else { Outcome::A }, task)).collect();
    let thrice: Vec<_> = once.iter().flat_map(|row| [*row; 3]).collect();
    let (one, three) = (rated(2, &some(&once)), rated(2, &some(&thrice)));
    assert!((value(&one, 0) - value(&three, 0)).abs() < 1e-9);
    assert!((width(&one, 0) - width(&three, 0)).abs() < 1e-9, "{} and {}", width(&one, 0), width(&three, 0));
    assert_eq!((one.players[0].wins, one.players[0].losses), (three.players[0].wins, three.players[0].losses));
}

#[test]
fn both_bad_is_not_counted_as_evidence_of_equality() {
    let rows: Vec<_> = (0..12).map(|task| (0, 1, if task % 4 == 0 { Outcome::B } else { Outcome::A }, task)).collect();
    let mut more = rows.clone();
    more.extend((12..200).map(|task| (0, 1, Outcome::BothBad, task)));
    let (one, other) = (rated(2, &some(&rows)), rated(2, &some(&more)));
    assert_eq!(one.players[0].rating, other.players[0].rating);
    assert_eq!((other.dropped_both_bad, other.clusters), (188, 12));
    let all: Vec<_> = (0..12).map(|task| (0, 1, Outcome::BothBad, task)).collect();
    assert_eq!(rated(2, &some(&all)).players[0].rating, Err(NotEstimable::NoBattles));
}

#[test]
fn ten_ties_are_not_plus_or_minus_nothing() {
    let ties: Vec<_> = (0..10).map(|task| (0, 1, Outcome::Tie, task)).collect();
    let table = rated(2, &some(&ties));
    assert!(width(&table, 0) > 20.0, "{}", width(&table, 0));
    let difference = table.difference(0, 1, BAND).unwrap();
    assert_eq!(difference.standing, Standing::NoSignal, "{difference:?}");
}

#[test]
fn what_may_be_said_of_neighbours_is_better_tied_or_no_signal() {
    let league = |tasks: u32, of_five: u32| -> RatingTable {
        let rows: Vec<_> =
            (0..tasks).map(|task| (0, 1, if task % 5 < of_five { Outcome::A } else { Outcome::B }, task)).collect();
        rated(2, &some(&rows))
    };
    assert_eq!(league(400, 4).difference(0, 1, BAND).unwrap().standing, Standing::Better);
    assert_eq!(league(400, 4).difference(1, 0, BAND).unwrap().standing, Standing::Worse);
    let open = league(10, 3).difference(0, 1, BAND).unwrap();
    assert_eq!(open.standing, Standing::NoSignal);
    // As many more as it says do tell.
    let more = open.more_comparisons.expect("a difference that more would tell") as u32;
    assert!((10..200).contains(&more), "{more}");
    let enough = league((10 + more + 10).next_multiple_of(5), 3).difference(0, 1, BAND).unwrap();
    assert_eq!(enough.standing, Standing::Better, "{enough:?}");
    let even: Vec<_> =
        (0..20_000).map(|task| (0, 1, if task % 2 == 0 { Outcome::A } else { Outcome::B }, task)).collect();
    assert_eq!(rated(2, &some(&even)).difference(0, 1, BAND).unwrap().standing, Standing::Tied);
}

#[test]
fn a_difference_has_the_interval_of_both_together_and_not_the_overlap_of_two() {
    let battles = judged(4, 40, &[(1.0, 0.0)], 3);
    let table = rated(4, &battles);
    let apart = table.difference(3, 2, BAND).unwrap();
    let own = apart.interval.unwrap();
    let of_both = width(&table, 3).hypot(width(&table, 2));
    let half = own.high.unwrap() - own.low.unwrap();
    assert!((apart.value - (value(&table, 3) - value(&table, 2))).abs() < 1e-9);
    assert!(half > of_both * 0.8 && (half - of_both).abs() > 1e-3, "{half} and {of_both}");
    let back = table.difference(2, 3, BAND).unwrap();
    assert!((back.value + apart.value).abs() < 1e-9);
}

#[test]
fn newmans_iteration_finds_davidsons_maximum_and_the_goldens() {
    let mut battles = Battles::default();
    for (at, (a, b)) in (0..300_u64).map(|k| (k, ((k % 5) as u16, ((k / 5 + k + 1) % 5) as u16))) {
        let outcome = match draw(at) {
            x if x < 0.2 => Outcome::Tie,
            x if x < 0.2 + 0.8 * chance((f64::from(a) - f64::from(b)) / 3.0) => Outcome::A,
            _ => Outcome::B,
        };
        if a != b {
            battles.push(a, b, outcome, None, None);
        }
    }
    let meetings = Meetings::group(5, &battles);
    let (one, other) = (davidson_of(&meetings, Scale::default(), 0.95), newman_of(&meetings, Scale::default(), 0.95));
    assert!((one.nu[0].as_ref().unwrap() - other.nu[0].as_ref().unwrap()).abs() < 1e-8);
    for system in 0..5 {
        assert!((value(&one.table, system) - value(&other.table, system)).abs() < 1e-6);
        assert!((width(&one.table, system) - width(&other.table, system)).abs() < 1e-5);
    }
}

#[test]
fn wins_or_ties_counts_battles_against_one_system_only() {
    let mut rows: Vec<_> = (0..10)
        .map(|task| (0, 2, [Outcome::A, Outcome::A, Outcome::Tie, Outcome::B, Outcome::B][task % 5], task as u32))
        .collect();
    rows.extend((0..10).map(|task| (1, 0, Outcome::A, task)));
    let table = wins_or_ties(&Meetings::group(3, &some(&rows)), 2, 0.95);
    let own = table.players[0].rating.as_ref().unwrap();
    assert!((own.value - 0.6).abs() < 1e-12);
    let bounds = own.interval.as_ref().unwrap();
    // Wilson for 6 of 10.
    assert_eq!(bounds.method, "wilson over tasks");
    assert!((bounds.low.unwrap() - 0.312_674).abs() < 1e-5 && (bounds.high.unwrap() - 0.831_820).abs() < 1e-5);
    assert_eq!(table.players[1].rating, Err(NotEstimable::NotConnected));
    assert_eq!(table.players[2].rating, Err(NotEstimable::NotConnected));
}

#[test]
fn the_order_of_the_battles_is_shown_to_move_online_elo() {
    let battles = judged(3, 10, &[(1.0, 0.0)], 5);
    let orders = order_dependence(3, &battles, (32.0, 1000.0), 50, 1).unwrap();
    assert!(orders.iter().all(|(low, high)| high - low > 5.0), "{orders:?}");
    assert_eq!(orders, order_dependence(3, &battles, (32.0, 1000.0), 50, 1).unwrap());
    let table = elo_of(&Meetings::group(3, &battles), &battles, 32.0, 1000.0).unwrap();
    assert_eq!(table.players[0].rating.as_ref().unwrap().interval, Err(NotEstimable::OrderDependent));
}

#[test]
fn glicko2_of_one_period_is_that_of_each_system_alone() {
    let battles = some(&[(0, 1, Outcome::A, 0), (2, 0, Outcome::Tie, 1), (1, 2, Outcome::BothBad, 2)]);
    let start = Glicko2::default();
    let (table, known) = glicko2_of(&Meetings::group(3, &battles), &battles, 1, start, 0.5).unwrap();
    let alone = glicko2(start, &[(start, 1.0), (start, 0.5)], 0.5).unwrap();
    assert_eq!(known[0], alone);
    assert!((value(&table, 0) - alone.rating).abs() < 1e-12);
    assert!(glicko2_of(&Meetings::group(3, &battles), &battles, 0, start, 0.5).is_err());
}

#[test]
fn an_adversarial_judge_and_one_that_leans_are_found_out() {
    let judges = [(1.4, 0.0), (1.0, 1.0), (-0.8, 0.0), (1.0, 0.0)];
    let battles = judged(5, 60, &judges, 7);
    let meetings = Meetings::group(5, &battles);
    let found = cross_validated(&meetings, &battles).unwrap();
    assert!(found.prefers_judges(), "{found:?}");
    let model = Joint { judges: true, controls: false, ridge: 1.0, level: 0.95 };
    let aware = joint(&meetings, &battles, Scale::default(), model).unwrap();
    assert!(aware.judges[2].discrimination.value < 0.0, "{:?}", aware.judges[2]);
    assert!(aware.judges[2].discrimination.interval.as_ref().unwrap().high.unwrap() < 0.0);
    assert!((aware.judges[1].first_place.value - 1.0).abs() < 0.5, "{:?}", aware.judges[1]);
    assert!(aware.judges[0].first_place.value.abs() < 0.4);
    for system in 1..5 {
        assert!(value(&aware.table, system) > value(&aware.table, system - 1));
    }
}

#[test]
fn equal_judges_are_pooled() {
    let battles = judged(5, 40, &[(1.0, 0.0); 3], 11);
    let meetings = Meetings::group(5, &battles);
    assert!(!cross_validated(&meetings, &battles).unwrap().prefers_judges());
    let mut nameless = battles.clone();
    nameless.push(0, 1, Outcome::A, Some(0), None);
    assert!(cross_validated(&Meetings::group(5, &nameless), &nameless).is_err());
}

#[test]
fn without_judges_and_controls_the_joint_model_is_bradley_terry() {
    let battles = judged(4, 25, &[(1.0, 0.0)], 13);
    let meetings = Meetings::group(4, &battles);
    let model = Joint { judges: false, controls: false, ridge: 0.0, level: 0.95 };
    let same = joint(&meetings, &battles, Scale::default(), model).unwrap().table;
    let plain = rated(4, &battles);
    for system in 0..4 {
        assert!((value(&same, system) - value(&plain, system)).abs() < 1e-5);
        assert!((width(&same, system) - width(&plain, system)).abs() < 1e-4);
    }
}

#[test]
fn what_longer_answers_win_by_their_length_is_taken_off() {
    // System 1 is no better than 0, but twice as long, and length wins.
    let mut battles = Battles::default();
    for k in 0..3_000_u64 {
        let (a, b) = ((k % 3) as u16, ((k + 1) % 3) as u16);
        let length = |system: u16, salt: u64| 1.0 + f64::from(u8::from(system == 1)) + 2.0 * draw(9 * k + salt);
        let (own, other) = (length(a, 1), length(b, 2));
        let control = (own - other) / (own + other);
        let better = f64::from(u8::from(a == 2)) - f64::from(u8::from(b == 2));
        let outcome = if draw(9 * k + 3) < chance(better + 2.0 * control) { Outcome::A } else { Outcome::B };
        battles.push(a, b, outcome, Some(k as u32 / 3), None);
        battles.push_controls(&[control as f32]).unwrap();
    }
    let meetings = Meetings::group(3, &battles);
    let plain = rated(3, &battles);
    let model = Joint { judges: false, controls: true, ridge: 0.0, level: 0.95 };
    let held = joint(&meetings, &battles, Scale::default(), model).unwrap();
    let gap = |table: &RatingTable| value(table, 1) - value(table, 0);
    assert!(gap(&plain) > 40.0 && gap(&held.table).abs() < 30.0, "{} and {}", gap(&plain), gap(&held.table));
    assert!((held.controls[0].value - 2.0).abs() < 0.5, "{:?}", held.controls);
    let shrunk = joint(&meetings, &battles, Scale::default(), Joint { ridge: 1e4, ..model }).unwrap();
    assert!(shrunk.controls[0].value.abs() < 0.2, "{:?}", shrunk.controls);
    assert!(battles.push_controls(&[1.0]).is_err());
}

#[test]
fn human_answers_correct_judges_who_favour_one_system() {
    // Judges give system 1 a bonus of 1.2 on the log odds; a third of the pairs have a human answer.
    let mut battles = Battles::default();
    for k in 0..4_000_u64 {
        let (a, b) = ((k % 3) as u16, ((k + 1) % 3) as u16);
        let worth = |system: u16| 0.5 * f64::from(system);
        let bonus = |system: u16| 1.2 * f64::from(u8::from(system == 1));
        let fight = |odds: f64, salt| if draw(9 * k + salt) < chance(odds) { Outcome::A } else { Outcome::B };
        let task = Some(k as u32 / 3);
        battles.push(a, b, fight(worth(a) + bonus(a) - worth(b) - bonus(b), 1), task, Some(0));
        if draw(9 * k + 2) < 1.0 / 3.0 {
            battles.push(a, b, fight(worth(a) - worth(b), 3), task, Some(1));
        }
    }
    let found = human_corrected(3, &battles, &[false, true], Scale::default(), BtOptions::default()).unwrap();
    let points = |d: f64| d * 400.0 / std::f64::consts::LN_10;
    let gap = |table: &RatingTable| value(table, 2) - value(table, 1);
    assert!(gap(&found.judges_only) < -60.0, "{}", gap(&found.judges_only));
    let bounds = found.table.difference(2, 1, BAND).unwrap().interval.unwrap();
    assert!(bounds.low.unwrap() < points(0.5) && points(0.5) < bounds.high.unwrap(), "{bounds:?}");
    assert!((0.0..=1.0).contains(&found.lambda) && found.answered < found.pairs);
    let few = human_corrected(3, &some(&[(0, 1, Outcome::A, 0)]), &[], Scale::default(), BtOptions::default());
    assert_eq!(few.unwrap_err(), NotEstimable::TooFewLabels { found: 0, needed: 30 });
}

#[test]
fn two_halves_of_independent_tasks_agree_as_often_as_promised() {
    let battles = judged(6, 80, &[(1.0, 0.0); 2], 17);
    let found = split_half(&Meetings::group(6, &battles), 0.95, 50, 1).unwrap();
    assert!(found.compared == 300 && found.share() > 0.9, "{found:?}");
    assert!(split_half(&Meetings::group(6, &judged(6, 3, &[(1.0, 0.0)], 1)), 0.95, 5, 1).is_err());
}

#[test]
fn two_halves_of_the_prompts_of_a_real_crowd_agree_within_clustered_intervals() {
    let Some(text) = vectors::shared("pairwise_goldens/llmfao.csv") else { return };
    let (mut systems, mut battles): (Vec<String>, Battles) = (Vec::new(), Battles::default());
    for record in csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap) {
        let mut at = |name: &str| {
            systems.iter().position(|known| known == name).unwrap_or_else(|| {
                systems.push(name.to_owned());
                systems.len() - 1
            }) as u16
        };
        let (a, b) = (at(&record[6]), at(&record[7]));
        let outcome = match &record[5] {
            "left" => Outcome::A,
            "right" => Outcome::B,
            _ => Outcome::Tie,
        };
        battles.push(a, b, outcome, record[1].parse().ok(), None);
    }
    let found = split_half(&Meetings::group(systems.len(), &battles), 0.95, 40, 1).unwrap();
    eprintln!("two halves of {} systems: {:.1} % agree", systems.len(), 100.0 * found.share());
    assert!(found.share() >= 0.93, "{found:?}");
}

#[test]
fn rank_ranges_hold_for_all_pairs_at_once_by_holm() {
    let table = rated(6, &judged(6, 60, &[(1.0, 0.0)], 19));
    for i in 0..6 {
        let own = table.players[i].rating.as_ref().unwrap();
        let above =
            (0..6).filter(|j| *j != i && table.difference(*j, i, BAND).unwrap().standing == Standing::Better).count();
        let below =
            (0..6).filter(|j| *j != i && table.difference(i, *j, BAND).unwrap().standing == Standing::Better).count();
        assert_eq!((own.rank_low, own.rank_high), (1 + above, 6 - below));
    }
    // A verdict for all pairs is never bolder than the single interval.
    for i in 0..6 {
        for j in (0..6).filter(|j| *j != i) {
            let found = table.difference(i, j, BAND).unwrap();
            assert!(found.standing != Standing::Better || found.interval.unwrap().low.unwrap() > 0.0);
        }
    }
}
