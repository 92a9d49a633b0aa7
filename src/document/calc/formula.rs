//! A formula as its parts, before the engine sees it: which cells it reads, which functions it calls, how large
//! its work and its texts may become. Names and table columns are written out as cells, so that the engine
//! needs to know neither.

use std::collections::HashMap;

use crate::document::draft::{column_letters, parse_cell_reference};

use super::functions;
use super::reach::{self, Far, Reach};

const LAST_ROW: u32 = 1_048_576;
const LAST_COLUMN: u32 = 16_384;

/// Bytes of one formula, as in Excel.
const MAX_BYTES: usize = 8_192;

/// Parentheses in parentheses, as in Excel.
const MAX_DEPTH: usize = 64;

/// Operators of one formula: each may be one level of the engine's recursion.
const MAX_OPERATORS: usize = 400;

/// Cells of an area that are worth leaving out where nothing is in them: the engine walks them one by one and remembers
/// each.
const MANY_CELLS: u64 = 10_000;

/// A rectangle of cells; rows and columns are 1-based, corners included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document) struct Area {
    pub sheet: usize,
    pub top: u32,
    pub left: u32,
    pub bottom: u32,
    pub right: u32,
}

impl Area {
    pub fn cells(&self) -> u64 {
        let side = |from: u32, to: u32| u64::from((to + 1).saturating_sub(from));
        side(self.top, self.bottom) * side(self.left, self.right)
    }

    /// What of it is within the used part of a sheet, and at least its first cell.
    #[must_use]
    pub fn within(self, (rows, columns): (u32, u32)) -> Self {
        Self { bottom: self.bottom.min(rows).max(self.top), right: self.right.min(columns).max(self.left), ..self }
    }

    /// The rectangle between two corners, each a row and a column, in any order.
    pub fn between(sheet: usize, a: (u32, u32), b: (u32, u32)) -> Self {
        Self { sheet, top: a.0.min(b.0), left: a.1.min(b.1), bottom: a.0.max(b.0), right: a.1.max(b.1) }
    }
}

/// A table (ListObject) on a sheet.
#[derive(Debug, Clone)]
pub(in crate::document) struct Table {
    pub name: String,
    pub sheet: usize,
    /// With its header and its totals.
    pub area: Area,
    pub header_rows: u32,
    pub totals_rows: u32,
    pub columns: Vec<String>,
}

/// A defined name.
#[derive(Debug, Clone)]
pub(in crate::document) struct Name {
    pub name: String,
    /// The sheet that alone knows it.
    pub scope: Option<usize>,
    pub formula: String,
}

/// What formulas may refer to.
pub(super) struct World<'a> {
    pub sheets: Vec<&'a str>,
    /// Last used row and column of each sheet.
    pub used: Vec<(u32, u32)>,
    /// By scope and lower-case name.
    pub names: HashMap<(Option<usize>, String), &'a Name>,
    /// By lower-case name.
    pub tables: HashMap<String, &'a Table>,
    pub by_name: HashMap<String, usize>,
}

/// A formula that the engine may be given.
#[derive(Debug, Default)]
pub(super) struct Formula {
    /// For the engine: without prefixes of newer functions, names and table columns.
    pub text: String,
    pub areas: Vec<Area>,
    pub functions: Vec<String>,
    /// Bytes of the string literals.
    pub literals: usize,
    pub longest_literal: usize,
    pub joins: bool,
}

/// Where a formula stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub sheet: usize,
    pub row: u32,
}

/// # Errors
/// Why the engine must not be given the formula, in words for the text view.
pub(super) fn read(formula: &str, spot: Spot, world: &World<'_>) -> Result<Formula, String> {
    let mut reader = Reader::new(world, spot, false);
    reader.formula(formula)?;
    let Reader { mut out, far, blank, .. } = reader;
    match reach::judge(&out.text, &far, blank) {
        Reach::Kept => {}
        Reach::Shortened => {
            let mut short = Reader::new(world, spot, true);
            short.formula(formula)?;
            out = short.out;
        }
        Reach::TooFar => return Err("whole columns are too large for it".to_owned()),
    }
    if out.functions.iter().any(|f| f == "TEXT") {
        out.text = super::rounding::rounded(&out.text)?;
    }
    Ok(out)
}

struct Reader<'w, 'a> {
    world: &'w World<'a>,
    spot: Spot,
    out: Formula,
    /// Areas are written as what of them is used.
    shorten: bool,
    /// The areas that go on where nothing is.
    far: Vec<Far>,
    /// An empty text was met.
    blank: bool,
    operators: usize,
    /// Names in names.
    level: usize,
}

impl<'w, 'a> Reader<'w, 'a> {
    fn new(world: &'w World<'a>, spot: Spot, shorten: bool) -> Self {
        let out = Formula::default();
        Self { world, spot, out, shorten, far: Vec::new(), blank: false, operators: 0, level: 0 }
    }

    fn formula(&mut self, formula: &str) -> Result<(), String> {
        if formula.len() > MAX_BYTES {
            return Err(format!("longer than {MAX_BYTES} bytes"));
        }
        let mut depth = 0usize;
        let mut rest = formula;
        let mut braces = 0usize;
        while let Some(c) = rest.chars().next() {
            match c {
                '"' => rest = self.string(rest)?,
                '(' => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
                    }
                    rest = self.copy(rest, 1);
                }
                ')' => {
                    depth = depth.saturating_sub(1);
                    rest = self.copy(rest, 1);
                }
                '{' | '}' => {
                    braces += 1;
                    rest = self.copy(rest, 1);
                }
                '#' if rest.starts_with("#REF!") => return Err("it refers to deleted cells (#REF!)".to_owned()),
                '#' => {
                    let known = ["#N/A", "#DIV/0!", "#VALUE!", "#NUM!", "#NAME?", "#NULL!"];
                    let error = known.iter().find(|e| rest.starts_with(**e));
                    let error = error.ok_or_else(|| "it refers to a spilled array".to_owned())?;
                    rest = self.copy(rest, error.len());
                }
                '[' => return Err("it refers to another workbook".to_owned()),
                '@' => return Err("implicit intersection is not evaluated".to_owned()),
                '+' | '-' | '*' | '/' | '^' | '&' | '=' | '<' | '>' | '%' => {
                    self.operators += 1;
                    if self.operators > MAX_OPERATORS {
                        return Err(format!("more than {MAX_OPERATORS} operators"));
                    }
                    self.out.joins |= c == '&';
                    rest = self.copy(rest, 1);
                }
                c if c.is_ascii_digit() || c == '.' => {
                    // `1:5` are rows; everything else that begins with a digit is a number.
                    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '$' && c != ':').unwrap_or(rest.len());
                    if rest[..end].contains(':') {
                        rest = self.reference(rest, None)?;
                    } else {
                        rest = self.number(rest);
                    }
                }
                '\'' => {
                    let (sheet, after) = quoted(rest).ok_or("a quote is not closed")?;
                    let after = after.strip_prefix('!').ok_or("a quoted name that is no sheet")?;
                    let sheet = self.sheet(&sheet)?;
                    rest = self.reference(after, Some(sheet))?;
                }
                c if c.is_alphabetic() || matches!(c, '_' | '$' | '\\') => rest = self.word(rest)?,
                c if c.is_whitespace() => rest = self.copy(rest, c.len_utf8()),
                ',' | ';' => rest = self.copy(rest, 1),
                other => return Err(format!("the sign '{other}' is not understood")),
            }
        }
        if braces > 0 && self.out.areas.is_empty() && self.level > 0 {
            return Err("a name that stands for an array".to_owned());
        }
        Ok(())
    }

    /// Copies so many bytes to the engine's text.
    fn copy<'t>(&mut self, rest: &'t str, bytes: usize) -> &'t str {
        self.out.text.push_str(&rest[..bytes]);
        &rest[bytes..]
    }

    fn string<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        let mut at = 1;
        loop {
            let close = rest[at..].find('"').ok_or("a text is not closed")? + at;
            at = close + 1;
            if !rest[at..].starts_with('"') {
                break;
            }
            at += 1;
        }
        self.out.literals += at;
        self.out.longest_literal = self.out.longest_literal.max(at);
        self.blank |= at == 2;
        Ok(self.copy(rest, at))
    }

    fn number<'t>(&mut self, rest: &'t str) -> &'t str {
        let bytes = rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() {
            let exponent = end > 0 && matches!(bytes[end], b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E');
            if bytes[end].is_ascii_digit() || matches!(bytes[end], b'.' | b'e' | b'E') || exponent {
                end += 1;
            } else {
                break;
            }
        }
        self.copy(rest, end.max(1))
    }

    fn sheet(&self, name: &str) -> Result<usize, String> {
        if name.contains('[') {
            return Err("it refers to another workbook".to_owned());
        }
        if name.contains(':') {
            return Err("it refers to several sheets at once".to_owned());
        }
        self.world.by_name.get(&name.to_lowercase()).copied().ok_or_else(|| format!("there is no sheet '{name}'"))
    }

    /// A function, a sheet, a reference, a name or a table.
    fn word<'t>(&mut self, rest: &'t str) -> Result<&'t str, String> {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '\\' | '?')))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if after.starts_with('(') {
            let mut name = word.to_ascii_uppercase();
            for prefix in ["_XLFN.", "_XLWS.", "_XLUDF."] {
                name = name.strip_prefix(prefix).map_or(name.clone(), str::to_owned);
            }
            functions::may_run(&name)?;
            self.out.joins |= functions::joins(&name);
            self.out.text.push_str(&name);
            self.out.functions.push(name);
            return Ok(after);
        }
        if let Some(after) = after.strip_prefix('!') {
            let sheet = self.sheet(word)?;
            return self.reference(after, Some(sheet));
        }
        if after.starts_with('[') {
            return self.table(word, after);
        }
        if matches!(word.to_ascii_uppercase().as_str(), "TRUE" | "FALSE") {
            self.out.text.push_str(word);
            return Ok(after);
        }
        let range = after.starts_with(':');
        if corner(word).is_some_and(|c| range || matches!(c, Corner::Cell(..))) {
            return self.reference(rest, None);
        }
        self.name(word)?;
        Ok(after)
    }

    /// `B2`, `B2:C9`, `B:C` or `2:9`, on a sheet or the formula's own.
    fn reference<'t>(&mut self, rest: &'t str, sheet: Option<usize>) -> Result<&'t str, String> {
        let piece = |text: &'t str| {
            let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '$')).unwrap_or(text.len());
            text.split_at(end)
        };
        let (first, after) = piece(rest);
        let first = match corner(first) {
            Some(corner) => corner,
            None if rest.starts_with("#REF!") => return Err("it refers to deleted cells (#REF!)".to_owned()),
            None => return Err("a name of a sheet's own".to_owned()),
        };
        let second = after.strip_prefix(':').and_then(|t| {
            let (word, after) = piece(t);
            corner(word).map(|c| (c, after))
        });
        let (second, after) = match second {
            Some(found) => found,
            None if after.starts_with(':') => return Err("a range whose end is computed".to_owned()),
            None => (first, after),
        };
        if after.starts_with('#') || after.starts_with('(') || after.starts_with(':') {
            return Err("it refers to a spilled array".to_owned());
        }
        let at = sheet.unwrap_or(self.spot.sheet);
        let area = match (first, second) {
            (Corner::Cell(r1, c1), Corner::Cell(r2, c2)) => {
                Area { sheet: at, top: r1.min(r2), left: c1.min(c2), bottom: r1.max(r2), right: c1.max(c2) }
            }
            (Corner::Column(a), Corner::Column(b)) => {
                Area { sheet: at, top: 1, left: a.min(b), bottom: LAST_ROW, right: a.max(b) }
            }
            (Corner::Row(a), Corner::Row(b)) => {
                Area { sheet: at, top: a.min(b), left: 1, bottom: a.max(b), right: LAST_COLUMN }
            }
            _ => return Err("a range that is not understood".to_owned()),
        };
        self.push_area(area, sheet.is_some());
        Ok(after)
    }

    fn push_area(&mut self, mut area: Area, named: bool) {
        let used = self.world.used.get(area.sheet).copied().unwrap_or((1, 1));
        let columns = area.top == 1 && area.bottom == LAST_ROW;
        let rows = area.left == 1 && area.right == LAST_COLUMN;
        let given = area;
        if columns {
            area.bottom = used.0.max(1);
        }
        if rows {
            area.right = used.1.max(1);
        }
        let wide = area.cells() > MANY_CELLS && area.within(used) != area;
        if self.shorten {
            area = area.within(used);
        }
        let from = self.out.text.len();
        self.write_area(if self.shorten { area } else { given }, named);
        let whole = columns || rows;
        if whole || wide {
            self.far.push(Far { from, to: self.out.text.len(), whole, wide });
        }
        self.out.areas.push(area);
    }

    fn write_area(&mut self, area: Area, named: bool) {
        if named || area.sheet != self.spot.sheet {
            let name = self.world.sheets.get(area.sheet).copied().unwrap_or_default();
            self.out.text.push_str(&format!("'{}'!", name.replace('\'', "''")));
        }
        let (left, right) = (column_letters(area.left), column_letters(area.right));
        let (top, bottom) = (area.top, area.bottom);
        self.out.text.push_str(&if top == 1 && bottom == LAST_ROW {
            format!("{left}:{right}")
        } else if area.left == 1 && area.right == LAST_COLUMN {
            format!("{top}:{bottom}")
        } else if (top, area.left) == (bottom, area.right) {
            format!("{left}{top}")
        } else {
            format!("{left}{top}:{right}{bottom}")
        });
    }

    /// A defined name, as what it stands for.
    fn name(&mut self, word: &str) -> Result<(), String> {
        let lower = word.to_lowercase();
        let found = |scope: Option<usize>| self.world.names.get(&(scope, lower.clone()));
        if let Some(name) = found(Some(self.spot.sheet)).or_else(|| found(None)) {
            if self.level >= 4 {
                return Err(format!("the name {word} refers to itself"));
            }
            // A cell without dollars moves with the formula that uses it.
            let fixed = !name
                .formula
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '$'))
                .any(|w| parse_cell_reference(w).is_some() && !(w.starts_with('$') && w.matches('$').count() == 2));
            if !fixed {
                return Err(format!("the name {word} moves with its formula"));
            }
            if self.out.text.len() > 2 * MAX_BYTES {
                return Err("its names make it too long".to_owned());
            }
            self.level += 1;
            let (before, far) = (self.out.text.len(), self.far.len());
            self.formula(name.formula.trim_start_matches('='))?;
            self.level -= 1;
            let text = self.out.text.split_off(before);
            let single = !text.contains(['+', '-', '*', '/', '^', '&', ',', '<', '>', '=']) || text.starts_with('\'');
            if !single {
                // Behind the parenthesis that it gets.
                self.far[far..].iter_mut().for_each(|far| (far.from, far.to) = (far.from + 1, far.to + 1));
            }
            self.out.text.push_str(&if single { text } else { format!("({text})") });
            return Ok(());
        }
        if self.world.tables.contains_key(&lower) {
            return self.table(word, "[]").map(drop);
        }
        Err(format!("the name {word} is not defined"))
    }

    /// `Sales[Amount]`, `Sales[[#This Row],[Amount]]`, `Sales[#All]`.
    fn table<'t>(&mut self, name: &str, rest: &'t str) -> Result<&'t str, String> {
        let table = self.world.tables.get(&name.to_lowercase());
        let table = table.ok_or_else(|| format!("there is no table {name}"))?;
        let mut depth = 0usize;
        let mut end = 0;
        let mut escaped = false;
        for (at, c) in rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\'' => escaped = true,
                '[' => depth += 1,
                ']' => {
                    depth -= 1;
                    if depth == 0 {
                        end = at + 1;
                        break;
                    }
                }
                _ => {}
            }
        }
        if end == 0 {
            return Err("a table column is not closed".to_owned());
        }
        let area = structured(table, &rest[1..end - 1], self.spot)
            .ok_or_else(|| format!("{name}{} is not understood", &rest[..end]))?;
        self.push_area(area, true);
        Ok(&rest[end..])
    }
}

/// The cells of a structured reference's inside.
fn structured(table: &Table, inside: &str, spot: Spot) -> Option<Area> {
    let mut area = Area {
        top: table.area.top + table.header_rows,
        bottom: table.area.bottom.checked_sub(table.totals_rows)?,
        ..table.area
    };
    let mut columns: Vec<usize> = Vec::new();
    let (this_row, inside) = match inside.strip_prefix('@') {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let mut this_row = this_row;
    let parts: Vec<String> = if inside.contains('[') {
        let mut parts = Vec::new();
        let mut rest = inside;
        while let Some(start) = rest.find('[') {
            let end = rest[start..].find(']')? + start;
            parts.push(rest[start + 1..end].to_owned());
            rest = &rest[end + 1..];
        }
        parts
    } else if inside.trim().is_empty() {
        Vec::new()
    } else {
        vec![inside.to_owned()]
    };
    for part in parts {
        let part = part.trim();
        match part.to_ascii_lowercase().as_str() {
            "#all" => (area.top, area.bottom) = (table.area.top, table.area.bottom),
            "#data" => {}
            "#headers" if table.header_rows > 0 => (area.top, area.bottom) = (table.area.top, table.area.top),
            "#totals" if table.totals_rows > 0 => (area.top, area.bottom) = (table.area.bottom, table.area.bottom),
            "#this row" => this_row = true,
            _ => {
                let name = part.replace("'#", "#").replace("'@", "@").replace("''", "'");
                columns.push(table.columns.iter().position(|c| c.eq_ignore_ascii_case(&name))?);
            }
        }
    }
    if let (Some(first), Some(last)) = (columns.iter().min(), columns.iter().max()) {
        let column = |n: usize| area.left.checked_add(u32::try_from(n).ok()?).filter(|c| *c <= area.right);
        (area.left, area.right) = (column(*first)?, column(*last)?);
    }
    if this_row {
        if spot.sheet != table.sheet || !(area.top..=area.bottom).contains(&spot.row) {
            return None;
        }
        (area.top, area.bottom) = (spot.row, spot.row);
    }
    (area.top <= area.bottom).then_some(area)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Corner {
    Cell(u32, u32),
    Column(u32),
    Row(u32),
}

fn corner(word: &str) -> Option<Corner> {
    if let Some((row, column)) = parse_cell_reference(word) {
        return Some(Corner::Cell(row, column));
    }
    let bare = word.strip_prefix('$').unwrap_or(word);
    if let Ok(row) = bare.parse::<u32>() {
        return (1..=LAST_ROW).contains(&row).then_some(Corner::Row(row));
    }
    // Letters alone are a column only in a range; a name of three letters is told apart by its colon.
    parse_cell_reference(&format!("{bare}1"))
        .filter(|_| bare.chars().all(|c| c.is_ascii_alphabetic()))
        .map(|(_, c)| Corner::Column(c))
}

/// A name in single quotes, and what follows.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut at = 1;
    loop {
        let close = rest[at..].find('\'')? + at;
        if rest[close + 1..].starts_with('\'') {
            at = close + 2;
            continue;
        }
        return Some((rest[1..close].replace("''", "'"), &rest[close + 1..]));
    }
}
