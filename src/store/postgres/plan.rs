//! What a group of batches writes, decided as if they were applied one after the other. Pure: the keys as they were
//! when they were locked go in, statements' arguments and everybody's answer come out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use super::super::backend::{Expect, RawBatch, Revision};
use super::super::{StoreError, keys};

/// A key that is written, with its revision and value.
pub(super) type Row = (String, u64, Bytes);

/// The group's writes, each list in the order of its keys, so that two groups lock in the same order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Keys that are not known to be there. Some are only held against others and are among `deletes` too.
    pub inserts: Vec<Row>,
    /// Those of `inserts` that must not be there.
    pub absent: BTreeSet<String>,
    /// Keys that are there and are locked.
    pub updates: Vec<Row>,
    pub deletes: Vec<String>,
}

/// The keys whose state decides: those that somebody expects something of. Each list is sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decisive {
    /// Those that may be written too.
    pub written: Vec<String>,
    /// Those that only must stay as they are, such as a lease that many stand on.
    pub kept: Vec<String>,
}

pub(super) fn decisive(batches: &[&RawBatch]) -> Decisive {
    let written: HashSet<&str> = batches.iter().flat_map(|batch| &batch.writes).map(|(key, _)| key.as_str()).collect();
    let expected: BTreeSet<&str> =
        batches.iter().flat_map(|batch| &batch.expects).map(|(key, _)| key.as_str()).collect();
    let (written, kept) = expected.into_iter().map(str::to_owned).partition(|key| written.contains(key.as_str()));
    Decisive { written, kept }
}

/// What is known of a key.
#[derive(Default)]
struct State {
    /// Somebody's commit rests on its absence.
    held: bool,
    /// As it will be after the group: `None` if the group does not write it.
    written: Option<Option<(u64, Bytes)>>,
}

/// `locked` holds the revisions of the decisive keys that are there; the `nth` batch gets the revision `first + nth`.
pub(super) fn plan(
    batches: &[&RawBatch],
    locked: &HashMap<String, u64>,
    first: u64,
) -> (Plan, Vec<Result<Revision, StoreError>>) {
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    let mut answers = Vec::with_capacity(batches.len());
    for (revision, batch) in (first..).zip(batches) {
        let now = |key: &str| match states.get(key).and_then(|state| state.written.as_ref()) {
            Some(written) => written.as_ref().map(|(revision, _)| *revision),
            None => locked.get(key).copied(),
        };
        let failed = batch.expects.iter().find(|(key, expect)| !expect.holds(now(key).map(Revision)));
        if let Some((key, _)) = failed {
            answers.push(Err(keys::conflict(key)));
            continue;
        }
        for (key, expect) in &batch.expects {
            if *expect == Expect::Absent && !locked.contains_key(key) {
                states.entry(key).or_default().held = true;
            }
        }
        for (key, value) in &batch.writes {
            states.entry(key).or_default().written = Some(value.clone().map(|value| (revision, value)));
        }
        answers.push(Ok(Revision(revision)));
    }
    let mut plan = Plan::default();
    for (key, State { held, written }) in states {
        if held {
            plan.absent.insert(key.to_owned());
        }
        match written {
            Some(Some((revision, value))) => {
                let rows = if locked.contains_key(key) { &mut plan.updates } else { &mut plan.inserts };
                rows.push((key.to_owned(), revision, value));
            }
            None | Some(None) if held => {
                plan.inserts.push((key.to_owned(), first, Bytes::new()));
                plan.deletes.push(key.to_owned());
            }
            Some(None) => plan.deletes.push(key.to_owned()),
            None => {}
        }
    }
    (plan, answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(expects: &[(&str, Expect)], writes: &[(&str, Option<&'static str>)]) -> RawBatch {
        RawBatch {
            expects: expects.iter().map(|(key, expect)| ((*key).to_owned(), *expect)).collect(),
            writes: writes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.map(|value| Bytes::from_static(value.as_bytes()))))
                .collect(),
        }
    }

    fn names(rows: &[(String, u64, Bytes)]) -> Vec<(&str, u64)> {
        rows.iter().map(|(key, revision, _)| (key.as_str(), *revision)).collect()
    }

    const fn unchanged(revision: u64) -> Expect {
        Expect::Unchanged(Revision(revision))
    }

    #[test]
    fn batches_of_a_group_see_each_other_in_their_order() {
        let make = batch(&[("k", Expect::Absent)], &[("k", Some("1"))]);
        let again = batch(&[("k", Expect::Absent)], &[("k", Some("2")), ("other", Some("2"))]);
        let change = batch(&[("k", unchanged(100))], &[("k", Some("3"))]);
        let stale = batch(&[("k", unchanged(100))], &[("k", Some("4"))]);
        let (plan, answers) = plan(&[&make, &again, &change, &stale], &HashMap::new(), 100);
        let conflict = Err(keys::conflict("k"));
        assert_eq!(answers, [Ok(Revision(100)), conflict.clone(), Ok(Revision(102)), conflict]);
        // Its absence still decides: somebody else may be inserting it at this moment.
        assert_eq!(names(&plan.inserts), [("k", 102)]);
        assert!(plan.absent.contains("k") && !plan.absent.contains("other"));
        assert!(plan.updates.is_empty() && plan.deletes.is_empty());
    }

    #[test]
    fn an_absence_that_is_not_written_is_held_until_the_commit() {
        let one = batch(&[("gone", Expect::Absent)], &[("b", Some("1"))]);
        let two = batch(&[("none", Expect::Absent)], &[("none", None)]);
        let (plan, answers) = plan(&[&one, &two], &HashMap::new(), 7);
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(names(&plan.inserts), [("b", 7), ("gone", 7), ("none", 7)]);
        assert_eq!(plan.absent, BTreeSet::from(["gone".to_owned(), "none".to_owned()]));
        assert_eq!(plan.deletes, ["gone", "none"]);
    }

    #[test]
    fn what_is_there_is_replaced_or_removed_and_a_refused_batch_writes_nothing() {
        let locked = HashMap::from([("a".to_owned(), 5), ("b".to_owned(), 6)]);
        let change = batch(&[("a", unchanged(5))], &[("a", Some("x")), ("link", None)]);
        let remove = batch(&[("b", unchanged(6))], &[("b", None)]);
        let make_again = batch(&[("b", Expect::Absent)], &[("b", Some("y"))]);
        let refused = batch(&[("a", unchanged(4))], &[("z", Some("z"))]);
        let batches = [&change, &remove, &make_again, &refused];
        let lease = batch(&[("lease", unchanged(3)), ("c", Expect::Absent)], &[("c", Some("c"))]);
        let decisive = decisive(&[&change, &remove, &make_again, &refused, &lease]);
        assert_eq!((decisive.written, decisive.kept), (vec!["a".into(), "b".into(), "c".into()], vec!["lease".into()]));
        let (plan, answers) = plan(&batches, &locked, 10);
        assert_eq!(answers[3], Err(keys::conflict("a")));
        assert_eq!(names(&plan.updates), [("a", 10), ("b", 12)]);
        assert!(plan.inserts.is_empty());
        assert_eq!(plan.deletes, ["link"]);
    }
}
