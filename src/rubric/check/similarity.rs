//! `text_similarity`: how far the whole text of a file resembles a reference. Whitespace runs count as one
//! space. The measures are defined at [`Similarity`]; ROUGE takes lower-case runs of letters and digits as words
//! (as `rouge_score` without a stemmer), GLEU takes words between spaces as they are (as `nltk`).

use std::collections::HashMap;

use super::scope::{Scope, gap, is_image};
use super::text::{squeeze, without_text};
use super::{CheckDecision, CheckOutcome, Looked};
use crate::domain::{Place, Similarity};

/// Comparisons of one pair of texts beyond which none is made: about a second.
const MOST_STEPS: usize = 200_000_000;

/// With a threshold it holds from that share on; without one it holds by its share.
pub fn text_similarity(scope: &Scope<'_>, metric: Similarity, wanted: &str, threshold: Option<f64>) -> CheckOutcome {
    let wanted = squeeze(wanted);
    let mut best: Option<(f64, Looked)> = None;
    let mut undecided = None;
    for file in &scope.files {
        if file.segments.is_empty() {
            continue;
        }
        let text = squeeze(&file.segments.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n"));
        let Some(share) = similarity(metric, &text, &wanted) else {
            undecided.get_or_insert(format!("`{}` is too long to be compared with the reference", file.name));
            continue;
        };
        if let Some(why) = gap(file) {
            undecided.get_or_insert(format!("`{}` {why}", file.name));
            continue;
        }
        let looked = Looked {
            file: file.name.clone(),
            place: Place::Whole,
            quote: text.chars().take(300).collect(),
            detail: match threshold {
                Some(least) => format!("resembles the reference by {share:.4}, wanted {least} or more"),
                None => format!("resembles the reference by {share:.4}"),
            },
        };
        // Nothing that could not be compared can change it any more.
        if share >= threshold.unwrap_or(1.0) {
            return CheckOutcome::holds(looked);
        }
        if best.as_ref().is_none_or(|(highest, _)| share > *highest) {
            best = Some((share, looked));
        }
    }
    if let Some(why) = undecided {
        return CheckOutcome::nothing(why);
    }
    let share = best.as_ref().map(|(share, _)| *share).filter(|_| threshold.is_none());
    let looked = best.map_or_else(|| scope.looked("there is no text"), |(_, looked)| looked);
    match (without_text(scope, looked, |f| !is_image(f)), share) {
        (CheckOutcome { decision: CheckDecision::Fails, place: Some(looked) }, Some(share)) => {
            CheckOutcome::partly(share, looked)
        }
        (outcome, _) => outcome,
    }
}

/// From 0 to 1; `None` where the texts are too long for the measure.
pub fn similarity(metric: Similarity, text: &str, wanted: &str) -> Option<f64> {
    let n = match metric {
        Similarity::FuzzyMatch => {
            let (a, b): (Vec<char>, Vec<char>) = (text.chars().collect(), wanted.chars().collect());
            let shared = common_subsequence(&a, &b)?;
            return Some(if a.is_empty() && b.is_empty() {
                1.0
            } else {
                2.0 * shared as f64 / (a.len() + b.len()) as f64
            });
        }
        Similarity::RougeL => {
            let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
            let (a, b) = (words(&text), words(&wanted));
            return Some(f1(common_subsequence(&a, &b)?, a.len(), b.len()));
        }
        Similarity::Gleu => {
            let (a, b): (Vec<&str>, Vec<&str>) = (text.split(' ').collect(), wanted.split(' ').collect());
            let (mut shared, mut of_text, mut of_wanted) = (0, 0, 0);
            for n in 1..=4 {
                shared += common_grams(&a, &b, n);
                of_text += grams(&a, n);
                of_wanted += grams(&b, n);
            }
            let most = of_text.max(of_wanted);
            return Some(if most == 0 { 0.0 } else { shared as f64 / most as f64 });
        }
        Similarity::Rouge1 => 1,
        Similarity::Rouge2 => 2,
        Similarity::Rouge3 => 3,
        Similarity::Rouge4 => 4,
        Similarity::Rouge5 => 5,
    };
    let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    let (a, b) = (words(&text), words(&wanted));
    Some(f1(common_grams(&a, &b, n), grams(&a, n), grams(&b, n)))
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect()
}

fn grams<T>(words: &[T], n: usize) -> usize {
    (words.len() + 1).saturating_sub(n)
}

fn f1(shared: usize, of_text: usize, of_wanted: usize) -> f64 {
    if of_text + of_wanted == 0 { 0.0 } else { 2.0 * shared as f64 / (of_text + of_wanted) as f64 }
}

/// N-grams that both have, each as often as the one that has it less.
fn common_grams(a: &[&str], b: &[&str], n: usize) -> usize {
    let mut left: HashMap<&[&str], usize> = HashMap::new();
    for gram in b.windows(n) {
        *left.entry(gram).or_default() += 1;
    }
    let mut shared = 0;
    for gram in a.windows(n) {
        if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    shared
}

fn common_subsequence<T: PartialEq>(a: &[T], b: &[T]) -> Option<usize> {
    if a.len().saturating_mul(b.len()) > MOST_STEPS {
        return None;
    }
    let mut row = vec![0_usize; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(metric: Similarity, text: &str, wanted: &str, share: f64) {
        let found = similarity(metric, text, wanted).unwrap();
        assert!((found - share).abs() < 1e-9, "{metric:?} {found} {share}");
    }

    #[test]
    fn measures_are_those_of_their_papers() {
        // rapidfuzz's example: "this is a test" and "this is a test!" have 14 of 29 characters in common, twice.
        close(Similarity::FuzzyMatch, "this is a test", "this is a test!", 28.0 / 29.0);
        // Lin 2004: "police killed the gunman" and "police kill the gunman": ROUGE-L 3 of 4 words.
        close(Similarity::RougeL, "police kill the gunman", "Police killed the gunman.", 0.75);
        // "the gunman kill police" shares only "the gunman" in order.
        close(Similarity::RougeL, "the gunman kill police", "police killed the gunman", 0.5);
        close(Similarity::Rouge1, "the cat was found under the bed", "the cat was under the bed", 12.0 / 13.0);
        close(Similarity::Rouge2, "the cat was found under the bed", "the cat was under the bed", 8.0 / 11.0);
        // 1-grams 3 of 4, 2-grams 2 of 3, 3-grams 1 of 2, 4-grams 0 of 1: 6 of 10.
        close(Similarity::Gleu, "a b c x", "a b c d", 0.6);
        for metric in [Similarity::FuzzyMatch, Similarity::Rouge5, Similarity::RougeL, Similarity::Gleu] {
            close(metric, "one two three four five", "one two three four five", 1.0);
            close(metric, "", "one two three four five", 0.0);
        }
    }

    #[test]
    fn texts_that_are_too_long_are_not_compared() {
        let long = "x".repeat(20_000);
        assert_eq!(similarity(Similarity::FuzzyMatch, &long, &long), None);
    }
}
