//! Areas that go on where nothing is (`A:A`, `B2:B100000`), and whether they may be cut to what is used of them. The
//! engine walks some of them cell by cell and remembers each, so that one formula could take gigabytes; and where blank
//! cells count (`A:A=0`, `A:A+1`), the cut would change the value.

use super::functions;

/// An area in the engine's text that goes on beyond what is used of its sheet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Far {
    /// Its bytes in the text.
    pub from: usize,
    pub to: usize,
    /// It is of whole columns or rows.
    pub whole: bool,
    /// A function that walks only the used part of whole columns would still walk many cells.
    pub wide: bool,
}

/// What to do with the far areas of a formula.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The engine does the right thing with them, and its work is counted.
    Kept,
    /// Only what is used of them matters.
    Shortened,
    /// Blank cells without end would count.
    TooFar,
}

/// `blank` is whether the formula names an empty text, which empty cells may be equal to.
pub(super) fn judge(text: &str, far: &[Far], blank: bool) -> Reach {
    let places = places(text, far);
    let clipped = |(far, place): (&Far, &Place<'_>)| {
        place.direct && !far.wide && far.whole && place.function.is_some_and(functions::clips)
    };
    if far.iter().zip(&places).all(clipped) {
        return Reach::Kept;
    }
    let sums = sums_of_products(text);
    let skipped = |place: &Place<'_>| match place.function {
        Some(name) if place.direct => functions::skips_blanks(name),
        Some("SUM" | "SUMPRODUCT") => sums,
        _ => false,
    };
    if !blank && places.iter().all(skipped) {
        Reach::Shortened
    } else if far.iter().any(|far| far.whole) {
        Reach::TooFar
    } else {
        Reach::Kept
    }
}

/// Where an area stands.
struct Place<'t> {
    /// The function whose parentheses are the innermost around it.
    function: Option<&'t str>,
    /// It is an argument of it, and no operand.
    direct: bool,
}

fn places<'t>(text: &'t str, far: &[Far]) -> Vec<Place<'t>> {
    let mut open: Vec<Option<&str>> = Vec::new();
    let mut at = 0;
    let mut places = Vec::new();
    for area in far {
        while at < area.from {
            let rest = &text[at..];
            match rest.chars().next() {
                Some(quote @ ('"' | '\'')) => at += rest[1..].find(quote).map_or(rest.len(), |end| end + 2),
                Some('(') => {
                    open.push(name_before(&text[..at]));
                    at += 1;
                }
                Some(')') => {
                    open.pop();
                    at += 1;
                }
                Some(other) => at += other.len_utf8(),
                None => break,
            }
        }
        let before = text[..area.from].trim_end().chars().next_back();
        let after = text[area.to..].trim_start().chars().next();
        places.push(Place {
            function: open.iter().rev().find_map(|name| *name),
            direct: open.last().is_some_and(Option::is_some)
                && matches!(before, Some('(' | ','))
                && matches!(after, Some(')' | ',')),
        });
    }
    places
}

fn name_before(text: &str) -> Option<&str> {
    let from = text.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))).map_or(0, |at| at + 1);
    Some(&text[from..]).filter(|name| !name.is_empty())
}

/// Whether nothing is done but multiplying and comparing with texts: a blank cell then adds nothing to a sum.
fn sums_of_products(text: &str) -> bool {
    let (mut rest, mut before) = (text, '(');
    let mut literal_before = false;
    while let Some(c) = rest.chars().next() {
        let mut literal = false;
        let mut bytes = c.len_utf8();
        match c {
            '"' | '\'' => {
                bytes = rest[1..].find(c).map_or(rest.len(), |end| end + 2);
                literal = c == '"' && bytes > 2;
            }
            '=' => {
                let next = rest[1..].trim_start();
                let literal_after = next.starts_with('"') && !next.starts_with("\"\"");
                if !literal_before && !literal_after {
                    return false;
                }
            }
            '-' if matches!(before, '(' | ',' | '-' | '*') => {}
            '-' | '+' | '/' | '^' | '&' | '<' | '>' | '%' => return false,
            _ => {}
        }
        if !c.is_whitespace() {
            (before, literal_before) = (c, literal);
        }
        rest = &rest[bytes..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, whole: bool, wide: bool) -> Reach {
        let areas = text.match_indices("A:A").map(|(from, found)| Far { from, to: from + found.len(), whole, wide });
        judge(text, &areas.collect::<Vec<_>>(), text.contains("\"\""))
    }

    #[test]
    fn whole_columns_are_left_to_functions_that_walk_only_what_is_used() {
        for text in ["SUM(A:A)", "SUMIF(A:A,\"rent\",A:A)/2", "COUNTIF(A:A,\"<>x\")", "1+SUM( A:A )"] {
            assert_eq!(of(text, true, false), Reach::Kept, "{text}");
        }
    }

    #[test]
    fn areas_are_cut_where_blank_cells_add_nothing() {
        for text in [
            "MEDIAN(A:A)",
            "VLOOKUP(\"x\",A:A,1,FALSE)",
            "SUMPRODUCT((A:A=\"rent\")*1)",
            "SUMPRODUCT(--(\"a(b\"=A:A),A:A)",
            "ROUND(MEDIAN(A:A)/3,2)",
        ] {
            assert_eq!(of(text, true, false), Reach::Shortened, "{text}");
        }
        assert_eq!(of("SUM(A:A)", true, true), Reach::Shortened);
    }

    #[test]
    fn areas_are_not_cut_where_blank_cells_count() {
        for text in [
            "SUMPRODUCT((A:A=0)*1)",
            "SUMPRODUCT((A:A<5)*1)",
            "SUMPRODUCT(A:A+1)",
            "SUMPRODUCT(1-(A:A=\"x\"))",
            "SUMPRODUCT(NOT(A:A)*1)",
            "AVERAGE(A:A*1)",
            "SUM(ABS(A:A))",
            "ROWS(A:A)",
            "SUM(IF(A:A,0,1))",
            "A:A",
            "TEXTJOIN(\",\",FALSE,A:A)",
            "MATCH(\"\",A:A,0)",
        ] {
            assert_eq!(of(text, true, false), Reach::TooFar, "{text}");
            assert_eq!(of(text, false, true), Reach::Kept, "{text}");
        }
    }
}
