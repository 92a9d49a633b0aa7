//! Promises: an empty class is named, never scored.

use super::*;
use crate::stats::NotEstimable;

#[test]
fn a_class_without_a_true_case_is_named() {
    let counts = classification(&[true, true, false], &[true; 3]).unwrap();
    assert_eq!(counts.macro_f1().unwrap_err(), NotEstimable::EmptyClass { class: "no" });
    assert_eq!(counts.balanced_accuracy().unwrap_err(), NotEstimable::EmptyClass { class: "no" });
    assert_eq!(counts.mcc().unwrap_err(), NotEstimable::ConstantInput);
    assert_eq!(counts.swapped().f1().unwrap_err(), NotEstimable::EmptyClass { class: "yes" });
}

#[test]
fn a_judge_that_never_says_yes_has_no_precision() {
    let counts = classification(&[false; 2], &[true, false]).unwrap();
    assert_eq!(counts.precision().unwrap_err(), NotEstimable::NeverSaid { class: "yes" });
    assert_eq!(counts.recall().unwrap().value, 0.0);
}

#[test]
fn nothing_to_compare_is_said() {
    assert_eq!(classification(&[], &[]).unwrap_err(), NotEstimable::NoData);
    assert_eq!(classification(&[true], &[]).unwrap_err().code(), "lengths_differ");
}
