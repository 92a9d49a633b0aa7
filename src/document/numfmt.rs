//! Number formats: what a cell shows of its number. The codes (ECMA-376 part 1, 18.8.31) are read by `ssfmt`,
//! which was compared by its authors with SheetJS over millions of cases; here are only the bounds (a code is
//! at most [`MAX_CODE`] bytes, as in Excel), the ISO form of dates, and the question whether the shown form
//! says everything that the number does.
//!
//! Formats that depend on the reader's country (`14`, the short date) are shown as in the United States.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ssfmt::{FormatOptions, NumberFormat};

use crate::domain::CellContent;

/// Bytes of a code; longer ones are no codes that Excel would write, and cells keep their plain value.
const MAX_CODE: usize = 1_024;

/// Characters of a shown number: fills and literals may make it longer than anybody would read.
const MAX_SHOWN: usize = 120;

/// What a number means by its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Meaning {
    #[default]
    Number,
    Date,
    /// Elapsed time: `[h]:mm`.
    Duration,
}

/// One format of a workbook.
#[derive(Debug, Clone, Default)]
pub(super) struct Format {
    pub meaning: Meaning,
    /// The code shows nothing at all: `;;;`.
    pub hides: bool,
    /// `None` for `General` and for codes that cannot be read.
    parsed: Option<NumberFormat>,
}

/// A number as the sheet shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub content: CellContent,
    /// Where it is not what `content` says.
    pub text: Option<String>,
}

impl Format {
    pub fn of_code(code: &str) -> Self {
        let meaning = meaning_of_code(code);
        let hides = code.trim_start().starts_with(';') && code.chars().all(|c| c == ';' || c.is_whitespace());
        let plain = matches!(code.trim().to_ascii_lowercase().as_str(), "" | "general" | "@");
        let parsed =
            (!plain && !hides && code.len() <= MAX_CODE).then(|| quietly(|| NumberFormat::parse(code).ok())).flatten();
        Self { meaning, hides, parsed }
    }

    /// One of Excel's own formats, by its number.
    pub fn of_id(id: u32) -> Self {
        let code = match id {
            0 | 49 => return Self::default(),
            5 | 6 => "$#,##0_);($#,##0)",
            7 | 8 => "$#,##0.00_);($#,##0.00)",
            14 => "m/d/yyyy",
            22 => "m/d/yyyy h:mm",
            41 => "_(* #,##0_);_(* (#,##0);_(* \"-\"_);_(@_)",
            42 => "_($* #,##0_);_($* (#,##0);_($* \"-\"_);_(@_)",
            43 => "_(* #,##0.00_);_(* (#,##0.00);_(* \"-\"??_);_(@_)",
            44 => "_($* #,##0.00_);_($* (#,##0.00);_($* \"-\"??_);_(@_)",
            // Dates of other countries: what they look like depends on the country.
            27..=36 | 50..=58 => return Self { meaning: Meaning::Date, ..Self::default() },
            id => ssfmt::format_code_from_id(id).unwrap_or("General"),
        };
        Self::of_code(code)
    }

    /// A number under this format.
    pub fn show(&self, number: f64, from_1904: bool) -> Shown {
        let date = match self.meaning {
            Meaning::Date => date_text(number, from_1904),
            Meaning::Duration => duration_text(number),
            Meaning::Number => None,
        };
        let content = date.map_or(CellContent::Number(number), CellContent::DateTime);
        let text = self.text(number, from_1904).filter(|text| {
            let plain = super::grid::content_text(&content);
            // ISO 8601 with a blank for its T says nothing else.
            *text != plain && text.replacen(' ', "T", 1) != plain
        });
        Shown { content, text }
    }

    fn text(&self, number: f64, from_1904: bool) -> Option<String> {
        let format = self.parsed.as_ref()?;
        // Days of 1904 in days of 1900: the first of them is 0, which in the other calendar is no date.
        let number = if from_1904 && self.meaning == Meaning::Date { number + 1_462.0 } else { number };
        let text = quietly(|| Some(format.format(number, &FormatOptions::default())))?;
        let text = text.trim();
        (!text.is_empty() && text.len() <= MAX_SHOWN && !text.chars().all(|c| c == '#')).then(|| text.to_owned())
    }
}

/// A foreign parser's panic is no value.
fn quietly<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten()
}

/// Whether the exact number can be read off the shown form: `$1,200.50` says all of 1200.5, `1,235` does not
/// say 1234.56.
pub(super) fn says_all(shown: &str, number: f64) -> bool {
    let digits: String = shown.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let Ok(mut read) = digits.parse::<f64>() else { return false };
    let letters = shown.chars().any(|c| c.is_alphabetic() || matches!(c, '/' | ':'));
    let signs: Vec<char> = shown.chars().filter(|c| matches!(c, '-' | '\u{2212}' | '(')).collect();
    if letters || signs.len() > 1 {
        return false;
    }
    if shown.contains('%') {
        read /= 100.0;
    }
    if !signs.is_empty() {
        read = -read;
    }
    (read - number).abs() <= number.abs() * 1e-14
}

/// A format with letters of dates outside quotes, brackets and escapes is a date.
fn meaning_of_code(code: &str) -> Meaning {
    let mut chars = code.chars();
    let mut bracket: Option<String> = None;
    while let Some(c) = chars.next() {
        if let Some(inside) = &mut bracket {
            if c == ']' {
                let inside = inside.to_ascii_lowercase();
                if !inside.is_empty() && inside.chars().all(|c| matches!(c, 'h' | 'm' | 's')) {
                    return Meaning::Duration;
                }
                bracket = None;
            } else {
                inside.push(c);
            }
            continue;
        }
        match c.to_ascii_lowercase() {
            '"' => while chars.next().is_some_and(|c| c != '"') {},
            '\\' | '_' | '*' => {
                chars.next();
            }
            '[' => bracket = Some(String::new()),
            'd' | 'y' | 'h' | 's' | 'm' => return Meaning::Date,
            // `General` holds no letter of a date before its `G`; the first section decides.
            'g' | ';' | '0' | '#' => return Meaning::Number,
            _ => {}
        }
    }
    Meaning::Number
}

/// A serial day as ISO 8601; `None` if it is no date (Excel shows `####`).
pub(super) fn date_text(serial: f64, from_1904: bool) -> Option<String> {
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let seconds_in_all = (serial * 86_400.0).round() as i64;
    let (days, seconds) = (seconds_in_all / 86_400, seconds_in_all % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if days == 0 && !from_1904 {
        return Some(clock);
    }
    // Excel believes that 1900 was a leap year: its day 60 never was.
    let (base, days) = match (from_1904, days) {
        (true, days) => (jiff::civil::date(1904, 1, 1), days),
        (false, 60) => return None,
        (false, days) if days < 60 => (jiff::civil::date(1899, 12, 31), days),
        (false, days) => (jiff::civil::date(1899, 12, 30), days),
    };
    let date = base.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    Some(if seconds == 0 { date.to_string() } else { format!("{date}T{clock}") })
}

/// The serial day of an ISO 8601 date, with or without a time, from March 1900 on.
pub(super) fn serial_of(text: &str) -> Option<f64> {
    let date: jiff::civil::DateTime = text.parse().ok()?;
    let days = jiff::civil::date(1899, 12, 30).until(date.date()).ok()?.get_days();
    let seconds = i32::from(date.hour()) * 3_600 + i32::from(date.minute()) * 60 + i32::from(date.second());
    (days > 60).then(|| f64::from(days) + f64::from(seconds) / 86_400.0)
}

pub(super) fn duration_text(days: f64) -> Option<String> {
    if !(0.0..1e6).contains(&days) {
        return None;
    }
    let seconds = (days * 86_400.0).round() as i64;
    Some(format!("PT{}H{}M{}S", seconds / 3600, seconds / 60 % 60, seconds % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_their_formats_say() {
        for (code, number, shown) in [
            ("\"$\"#,##0.00", 1234.5, "$1,234.50"),
            ("#,##0", 1234.56, "1,235"),
            ("0.0%", 0.125, "12.5%"),
            ("#,##0_);(#,##0)", -1234.0, "(1,234)"),
            ("#,##0.0,,\"M\"", 2_500_000.0, "2.5M"),
            ("_($* #,##0.00_);_($* (#,##0.00);_($* \"-\"??_);_(@_)", 0.0, "$-"),
            ("yyyy-mm", 45292.0, "2024-01"),
            ("d mmm yyyy", 45292.0, "1 Jan 2024"),
            ("[h]:mm", 1.5, "36:00"),
            ("# ?/?", 0.5, "1/2"),
            ("0.00E+00", 12345.0, "1.23E+04"),
            ("[>=1000]#,##0,\"k\";0", 5000.0, "5k"),
            ("0;-0;\"none\"", 0.0, "none"),
            ("[$€-407] #,##0.00", 3.5, "€ 3.50"),
        ] {
            let text = Format::of_code(code).show(number, false).text;
            let squeezed = text.map(|t| t.split_whitespace().collect::<Vec<_>>().join(" "));
            assert_eq!(squeezed.as_deref(), Some(shown), "{code}");
        }
        assert_eq!(Format::of_id(14).show(45292.0, false).text.as_deref(), Some("1/1/2024"));
        assert_eq!(Format::of_code("General").show(0.1, false).text, None);
        assert_eq!(Format::of_code("yyyy-mm-dd").show(45292.0, false).text, None);
    }

    #[test]
    fn days_of_1904_are_four_years_and_a_day_later() {
        let shown = Format::of_code("d mmm yyyy").show(0.0, true);
        assert_eq!(
            (shown.content, shown.text.as_deref()),
            (CellContent::DateTime("1904-01-01".into()), Some("1 Jan 1904"))
        );
    }

    #[test]
    fn only_a_form_that_loses_nothing_stands_for_the_number() {
        for (shown, number, all) in [
            ("$1,200.50", 1200.5, true),
            ("1,235", 1234.56, false),
            ("(1,234)", -1234.0, true),
            ("(1,234)", 1234.0, false),
            ("12.5%", 0.125, true),
            ("33.3%", 1.0 / 3.0, false),
            ("2.5M", 2.5e6, false),
            ("-", 0.0, false),
            ("1/2", 0.5, false),
        ] {
            assert_eq!(says_all(shown, number), all, "{shown}");
        }
    }

    #[test]
    fn hostile_codes_neither_break_nor_hang() {
        let pieces = [
            "0",
            "#",
            "?",
            "/",
            "[",
            "]",
            "[h]",
            ";",
            "\"",
            "\\",
            "_",
            "*",
            "@",
            "E+",
            "%",
            ",",
            ".",
            "yyyy",
            "m",
            "[Red]",
            "[>1]",
            "[$-409]",
            "General",
            "é",
            "\u{1F600}",
            "AM/PM",
            "0000000000",
            "[$",
            "s.000",
        ];
        let mut state = 1u64;
        for _ in 0..3_000 {
            let mut code = String::new();
            for _ in 0..1 + state % 9 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                code.push_str(pieces[(state % pieces.len() as u64) as usize]);
            }
            let format = Format::of_code(&code);
            for number in [0.0, -1.5, 1e300, 45292.5, f64::MIN_POSITIVE, -1e-9] {
                let text = format.show(number, false).text.unwrap_or_default();
                assert!(text.len() <= MAX_SHOWN);
            }
        }
        for long in ["0".repeat(10_240), "[".repeat(10_240), "?/".repeat(500), "\"".repeat(1_000), "*x".repeat(511)] {
            let _ = Format::of_code(&long).show(1234.5, false);
        }
    }

    #[test]
    fn serial_days_are_the_dates_that_excel_shows() {
        assert_eq!(date_text(45292.0, false).as_deref(), Some("2024-01-01"));
        assert_eq!(date_text(45292.75, false).as_deref(), Some("2024-01-01T18:00:00"));
        assert_eq!(date_text(59.0, false).as_deref(), Some("1900-02-28"));
        assert_eq!(date_text(61.0, false).as_deref(), Some("1900-03-01"));
        assert_eq!(date_text(0.5, false).as_deref(), Some("12:00:00"));
        assert_eq!(date_text(-1.0, false), None);
        assert_eq!(
            (serial_of("2024-01-01T18:00:00"), serial_of("2024-01-01"), serial_of("x")),
            (Some(45292.75), Some(45292.0), None)
        );
    }

    #[test]
    fn formats_tell_dates_from_money() {
        for (code, meaning) in [
            ("yyyy-mm-dd", Meaning::Date),
            ("[$-409]d-mmm-yy;@", Meaning::Date),
            ("[h]:mm", Meaning::Duration),
            ("\"$\"#,##0.00", Meaning::Number),
            ("[Red]0.00", Meaning::Number),
            ("General", Meaning::Number),
            ("0.00E+00", Meaning::Number),
            ("_(* #,##0_);_(* \"days\"", Meaning::Number),
        ] {
            assert_eq!(meaning_of_code(code), meaning, "{code}");
        }
    }
}
