//! A text's words, indexed, so that a quotation is looked for where its rarest word stands and nowhere else.
//!
//! Numbers are compared by what they say: `1,234,567` is `1234567`, `$1,234.50` is `$1234.5`; `1,243` is not `1,234`.
//! Zeros behind a decimal point count where they may number something (`section 1.10`).

use std::collections::HashMap;

/// Places of one word at which a quotation is compared.
const MAX_TRIES: usize = 4_096;

/// A text's words, indexed.
#[derive(Debug, Default)]
pub struct Words {
    /// Word numbers in the order of the text.
    pub words: Vec<u32>,
    /// Where each word starts and ends, in bytes of the normal text.
    pub spans: Vec<(usize, usize)>,
    ids: HashMap<String, u32>,
    /// By word number: its places in `words`. A percentage stands also among its bare number's.
    hits: Vec<Vec<u32>>,
}

/// One word of a quotation.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub start: usize,
    pub end: usize,
    /// `None`: the text does not have it.
    pub id: Option<u32>,
}

impl Words {
    pub fn new(text: &str) -> Self {
        let mut all = Self::default();
        let mut key = String::new();
        for (start, end) in split(text) {
            let position = u32::try_from(all.words.len()).unwrap_or(u32::MAX);
            canonical(text, start, end, &mut key);
            let id = all.id_or_new(&key);
            all.hit(id, position);
            if let Some(bare) = key.strip_suffix('%').map(str::to_owned) {
                let bare = all.id_or_new(&bare);
                all.hit(bare, position);
            }
            all.words.push(id);
            all.spans.push((start, end));
        }
        all
    }

    fn id_or_new(&mut self, key: &str) -> u32 {
        if let Some(id) = self.ids.get(key) {
            return *id;
        }
        let id = u32::try_from(self.hits.len()).unwrap_or(u32::MAX);
        self.ids.insert(key.to_owned(), id);
        self.hits.push(Vec::new());
        id
    }

    fn hit(&mut self, id: u32, position: u32) {
        if let Some(hits) = self.hits.get_mut(id as usize) {
            hits.push(position);
        }
    }

    pub fn hits(&self, id: u32) -> &[u32] {
        self.hits.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// The words of a quotation (a normal text).
    pub fn tokens(&self, quote: &str) -> Vec<Token> {
        let mut key = String::new();
        let tokens = split(quote).map(|(start, end)| {
            canonical(quote, start, end, &mut key);
            Token { start, end, id: self.ids.get(&key).copied() }
        });
        tokens.collect()
    }

    /// Where the quotation stands in `text`, letter by letter, from and to; at most `most`, in the order of the text.
    /// It may begin and end within a word.
    pub fn literal(&self, text: &str, quote: &str, tokens: &[Token], most: usize) -> Vec<(usize, usize)> {
        let Some((_, anchor)) = self.rarest(tokens) else { return vec![] };
        let places = self.hits(anchor.id.unwrap_or(u32::MAX)).iter().take(MAX_TRIES);
        let found = places.filter_map(|at| {
            let start = self.spans.get(*at as usize)?.0.checked_sub(anchor.start)?;
            let end = start + quote.len();
            (text.get(start..end)? == quote).then_some((start, end))
        });
        found.take(most).collect()
    }

    /// Where the same words stand one after the other, whatever stands between them.
    pub fn sequence(&self, text: &str, quote: &str, tokens: &[Token], most: usize) -> Vec<(usize, usize)> {
        let ids: Option<Vec<u32>> = tokens.iter().map(|token| token.id).collect();
        let (Some(ids), Some((index, anchor))) = (ids, self.rarest(tokens)) else { return vec![] };
        let places = self.hits(anchor.id.unwrap_or(u32::MAX)).iter().take(MAX_TRIES);
        let found = places.filter_map(|at| {
            let first = (*at as usize).checked_sub(index)?;
            let last = first + ids.len() - 1;
            if self.words.get(first..=last)? != ids.as_slice() {
                return None;
            }
            let of_words = self.spans.get(first..=last)?;
            let same = tokens.iter().zip(of_words).all(|(token, span)| {
                match (currency(quote, token.start), currency(text, span.0)) {
                    (Some(one), Some(other)) => one == other,
                    _ => true,
                }
            });
            same.then_some((of_words.first()?.0, of_words.last()?.1))
        });
        found.take(most).collect()
    }

    /// The word of a quotation that stands in the text least often. The first and the last may be cut words: they
    /// count only if there are no others.
    fn rarest<'a>(&self, tokens: &'a [Token]) -> Option<(usize, &'a Token)> {
        let known = |all: &'a [Token], from: usize| {
            let known = all.iter().enumerate().filter_map(move |(i, t)| t.id.map(|id| (i + from, t, id)));
            known.min_by_key(|(_, _, id)| self.hits(*id).len()).map(|(i, t, _)| (i, t))
        };
        match tokens {
            [_, inner @ .., _] if !inner.is_empty() => {
                // A word inside that the text does not have: it cannot stand there.
                if inner.iter().any(|token| token.id.is_none()) { None } else { known(inner, 1) }
            }
            all => known(all, 0),
        }
    }
}

fn currency(text: &str, at: usize) -> Option<char> {
    text.get(..at)?.chars().next_back().filter(|c| matches!(c, '$' | '€' | '£' | '¥' | '₹'))
}

/// Scripts that write without spaces: every character is a word.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// Words of a normal text, from and to: letters and digits, with `.` `,` inside numbers, `'` inside words, a sign in
/// front of a number and `%` behind it.
fn split(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_word = |c: char| c.is_alphanumeric();
        let start = at + text.get(at..)?.find(is_word)?;
        let first = text.get(start..)?.chars().next()?;
        if is_dense(first) {
            at = start + first.len_utf8();
            return Some((start, at));
        }
        let mut end = start;
        loop {
            let rest = text.get(end..)?;
            end += rest.find(|c| !is_word(c) || is_dense(c)).unwrap_or(rest.len());
            let inner = matches!(bytes.get(end), Some(b'.' | b',' | b'\''));
            let next = text.get(end + usize::from(inner)..).and_then(|t| t.chars().next());
            let digits = bytes.get(end - 1).is_some_and(u8::is_ascii_digit) && next.is_some_and(|c| c.is_ascii_digit());
            let letters = bytes.get(end) == Some(&b'\'') && next.is_some_and(char::is_alphabetic);
            if !(inner && (digits || letters)) {
                break;
            }
            end += 1;
        }
        if bytes.get(end) == Some(&b'%') {
            end += 1;
        }
        let digit_first = bytes.get(start).is_some_and(u8::is_ascii_digit);
        let before = |n: usize| start.checked_sub(n).and_then(|i| bytes.get(i));
        let signed =
            digit_first && before(1) == Some(&b'-') && before(2).is_none_or(|b| matches!(b, b' ' | b'(' | b'$'));
        at = end;
        Some((if signed { start - 1 } else { start }, end))
    })
}

/// A word as it is compared: numbers without the commas between their thousands, and without zeros at the end of
/// their decimals where they are amounts: with such commas, a currency, a percent sign, or three digits in front.
fn canonical(text: &str, start: usize, end: usize, out: &mut String) {
    out.clear();
    let word = text.get(start..end).unwrap_or_default();
    let digits = word.trim_start_matches('-');
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        out.push_str(word);
        return;
    }
    let (number, percent) = word.strip_suffix('%').map_or((word, ""), |number| (number, "%"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let groups: Vec<&str> = whole.trim_start_matches('-').split(',').collect();
    let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let grouped = groups.len() > 1
        && groups.first().is_some_and(|first| (1..=3).contains(&first.len()))
        && groups.iter().all(|g| numeric(g))
        && groups.iter().skip(1).all(|g| g.len() == 3);
    if groups.len() > 1 && !grouped {
        out.push_str(word);
        return;
    }
    out.extend(whole.chars().filter(|c| *c != ','));
    let amount = grouped
        || !percent.is_empty()
        || groups.first().is_some_and(|first| first.len() >= 3)
        || currency(text, start).is_some();
    let fraction = if amount && numeric(fraction) { fraction.trim_end_matches('0') } else { fraction };
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out.push_str(percent);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut key = String::new();
        split(text)
            .map(|(start, end)| {
                canonical(text, start, end, &mut key);
                key.clone()
            })
            .collect()
    }

    #[test]
    fn numbers_are_compared_by_what_they_say() {
        assert_eq!(all("1,234,567 1234567 1,234.50 1234.5"), ["1234567", "1234567", "1234.5", "1234.5"]);
        assert_eq!(all("$12.50 12.5% 12.50% 100.00"), ["12.5", "12.5%", "12.5%", "100"]);
        assert_eq!(all("section 1.10, 1.1; 12,34"), ["section", "1.10", "1.1", "12,34"]);
        assert_eq!(all("it isn't -5 (-5) a-5 q3"), ["it", "isn't", "-5", "-5", "a", "5", "q3"]);
        assert_eq!(all("收入 up 5"), ["收", "入", "up", "5"]);
    }

    #[test]
    fn a_quotation_is_found_where_its_rarest_word_stands() {
        let text = "the cat saw the dog and the dog saw the cat";
        let words = Words::new(text);
        let find = |quote: &str| words.literal(text, quote, &words.tokens(quote), 9);
        assert_eq!(find("the dog"), [(12, 19), (24, 31)]);
        assert_eq!(find("e dog and th"), [(14, 26)], "cut words at both ends");
        assert_eq!(find("dog and cat"), []);
        let sequence = |quote: &str| words.sequence(text, quote, &words.tokens(quote), 9);
        assert_eq!(sequence("dog, saw"), [(28, 35)]);
        assert_eq!(sequence("cow, saw"), []);
        let text = "cost $1,234 or €99";
        let words = Words::new(text);
        assert_eq!(words.sequence(text, "cost 1234", &words.tokens("cost 1234"), 9).len(), 1);
        assert_eq!(words.sequence(text, "$99", &words.tokens("$99"), 9).len(), 0);
    }
}
