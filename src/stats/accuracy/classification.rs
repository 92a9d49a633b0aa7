//! Precision, recall, F1, macro-F1, accuracy, balanced accuracy and Matthews correlation of a yes/no judge.
//!
//! Macro-F1 is the mean of F1(met) and F1(not met), every (judge, human) pair one observation, as in
//! OpenAI's simple-evals for HealthBench. Where a class has no true case scikit-learn scores it 0 and
//! simple-evals omits it; here the figure does not exist and says which class is empty.
//! F1 of a class that is neither true nor ever said does not exist either; no `yes` at all: no precision.

use crate::stats::{Estimate, Interval, NotEstimable, interval::wilson};

/// Counts, and figures read from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification {
    /// Judge yes, human yes.
    pub true_yes: u64,
    pub false_yes: u64,
    pub true_no: u64,
    pub false_no: u64,
}

type Figure = Result<Estimate, NotEstimable>;

/// Counts of `judge[i]` against `human[i]`.
///
/// # Errors
/// Lengths differ, no pair.
pub fn classification(judge: &[bool], human: &[bool]) -> Result<Classification, NotEstimable> {
    if judge.len() != human.len() {
        return Err(NotEstimable::LengthsDiffer { what: "judge and human", left: judge.len(), right: human.len() });
    }
    if judge.is_empty() {
        return Err(NotEstimable::NoData);
    }
    let mut counts = Classification { true_yes: 0, false_yes: 0, true_no: 0, false_no: 0 };
    for pair in judge.iter().zip(human) {
        *match pair {
            (true, true) => &mut counts.true_yes,
            (true, false) => &mut counts.false_yes,
            (false, false) => &mut counts.true_no,
            (false, true) => &mut counts.false_no,
        } += 1;
    }
    Ok(counts)
}

impl Classification {
    /// The same with yes and no swapped.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { true_yes: self.true_no, false_yes: self.false_no, true_no: self.true_yes, false_no: self.false_yes }
    }

    #[must_use]
    pub fn n(self) -> usize {
        (self.true_yes + self.false_yes + self.true_no + self.false_no) as usize
    }

    /// Of the judge's yes, how many the human shares. Wilson interval.
    ///
    /// # Errors
    /// The judge never said yes.
    pub fn precision(self) -> Figure {
        share(self.true_yes, self.true_yes + self.false_yes, NotEstimable::NeverSaid { class: "yes" }, "precision")
    }

    /// Of the human's yes, how many the judge found. Wilson interval.
    ///
    /// # Errors
    /// The human never said yes.
    pub fn recall(self) -> Figure {
        share(self.true_yes, self.true_yes + self.false_no, NotEstimable::EmptyClass { class: "yes" }, "recall")
    }

    /// # Errors
    /// No pair.
    pub fn accuracy(self) -> Figure {
        let all = self.true_yes + self.false_yes + self.true_no + self.false_no;
        share(self.true_yes + self.true_no, all, NotEstimable::NoData, "accuracy")
    }

    /// F1 of yes: 2 TP / (2 TP + FP + FN).
    ///
    /// # Errors
    /// The human never said yes.
    pub fn f1(self) -> Figure {
        if self.true_yes + self.false_no == 0 {
            return Err(NotEstimable::EmptyClass { class: "yes" });
        }
        let bottom = 2 * self.true_yes + self.false_yes + self.false_no;
        Ok(self.figure(ratio(2 * self.true_yes, bottom), "f1"))
    }

    /// Mean of F1(yes) and F1(no).
    ///
    /// # Errors
    /// One of the two has no true case; says which.
    pub fn macro_f1(self) -> Figure {
        let yes = self.f1()?.value;
        let no = self.swapped().f1().map_err(|_| NotEstimable::EmptyClass { class: "no" })?.value;
        Ok(self.figure(f64::midpoint(yes, no), "macro f1"))
    }

    /// Mean of the recalls of yes and no.
    ///
    /// # Errors
    /// As [`Self::macro_f1`].
    pub fn balanced_accuracy(self) -> Figure {
        let yes = self.recall()?.value;
        let no = self.swapped().recall().map_err(|_| NotEstimable::EmptyClass { class: "no" })?.value;
        Ok(self.figure(f64::midpoint(yes, no), "balanced accuracy"))
    }

    /// Matthews correlation.
    ///
    /// # Errors
    /// Judge or human gave one answer only.
    pub fn mcc(self) -> Figure {
        let [tp, fp, tn, fn_] = [self.true_yes, self.false_yes, self.true_no, self.false_no].map(|count| count as f64);
        let bottom = ((tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_)).sqrt();
        if bottom <= 0.0 {
            return Err(NotEstimable::ConstantInput);
        }
        Ok(self.figure((tp * tn - fp * fn_) / bottom, "mcc"))
    }

    /// Figures without a closed-form interval: bootstrap the pairs, or the tasks, for one.
    fn figure(self, value: f64, method: &'static str) -> Estimate {
        Estimate { value, interval: Err(NotEstimable::NoInterval), n: self.n(), missing: 0, method }
    }
}

fn ratio(top: u64, bottom: u64) -> f64 {
    top as f64 / bottom as f64
}

fn share(top: u64, bottom: u64, otherwise: NotEstimable, method: &'static str) -> Figure {
    if bottom == 0 {
        return Err(otherwise);
    }
    let interval: Result<Interval, NotEstimable> = wilson(top as f64, bottom as f64, 0.95);
    Ok(Estimate { value: ratio(top, bottom), interval, n: bottom as usize, missing: 0, method })
}
