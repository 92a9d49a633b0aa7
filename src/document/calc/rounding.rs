//! TEXT rounds halves up in Excel, and the engine to even digits: a number is rounded for it beforehand.

/// The formula with the first argument of every `TEXT(x,"0.00")` written as `ROUND(x,2)`.
///
/// # Errors
/// If a format is computed or scales its number, so that its digits are not known.
pub(super) fn rounded(formula: &str) -> Result<String, String> {
    let mut out = String::with_capacity(formula.len() + 16);
    let mut rest = formula;
    while let Some(at) = find_call(rest) {
        let inside = &rest[at + 5..];
        let (first, second, end) = arguments(inside).ok_or("TEXT without its two arguments")?;
        let code = second.trim().strip_prefix('"').and_then(|c| c.strip_suffix('"'));
        let code = code.ok_or("TEXT with a computed format")?.replace("\"\"", "\"");
        out.push_str(&rest[..at + 5]);
        let first = rounded(first)?;
        match decimals(&code)? {
            Some(digits) => out.push_str(&format!("ROUND({first},{digits})")),
            None => out.push_str(&first),
        }
        out.push(',');
        out.push_str(second);
        rest = &inside[end..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Where `TEXT(` begins, outside texts and quoted names.
fn find_call(formula: &str) -> Option<usize> {
    let mut quote: Option<char> = None;
    let mut before = ' ';
    for (at, c) in formula.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if formula[at..].starts_with("TEXT(") && !before.is_alphanumeric() && before != '.' => {
                return Some(at);
            }
            None => {}
        }
        before = c;
    }
    None
}

/// The two arguments, and where the closing parenthesis stands.
fn arguments(inside: &str) -> Option<(&str, &str, usize)> {
    let (mut depth, mut quote, mut comma) = (0usize, None, None);
    for (at, c) in inside.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' => quote = Some(c),
                '(' | '{' => depth += 1,
                ')' if depth == 0 => {
                    let comma: usize = comma?;
                    return Some((&inside[..comma], &inside[comma + 1..at], at));
                }
                ')' | '}' => depth = depth.checked_sub(1)?,
                ',' if depth == 0 && comma.is_some() => return None,
                ',' if depth == 0 => comma = Some(at),
                _ => {}
            },
        }
    }
    None
}

/// Digits after the point of a code for numbers; `None` for dates, texts and `General`.
fn decimals(code: &str) -> Result<Option<u32>, String> {
    let format = crate::document::numfmt::Format::of_code(code);
    let plain = matches!(code.trim().to_ascii_lowercase().as_str(), "general" | "@");
    if plain || format.meaning != crate::document::numfmt::Meaning::Number {
        return Ok(None);
    }
    let mut bare = String::new();
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => while chars.next().is_some_and(|c| c != '"') {},
            '\\' | '_' | '*' => {
                chars.next();
            }
            '[' => while chars.next().is_some_and(|c| c != ']') {},
            c => bare.push(c),
        }
    }
    let sections: Vec<u32> = bare
        .split(';')
        .filter(|s| s.contains(['0', '#', '?']))
        .map(|s| {
            let after = s.split_once('.').map_or("", |(_, after)| after);
            let digits = after.chars().filter(|c| matches!(c, '0' | '#' | '?')).count();
            u32::try_from(digits).unwrap_or(0) + if s.contains('%') { 2 } else { 0 }
        })
        .collect();
    let whole = |s: &str| s.split('.').next().unwrap_or(s).trim_end_matches([')', ' ', '%']).ends_with(',');
    if bare.contains(['E', 'e', '/']) || bare.split(';').any(|s| whole(s) || s.trim_end().ends_with(',')) {
        return Err("TEXT with a scaled format".to_owned());
    }
    match sections.first() {
        Some(digits) if sections.iter().all(|d| d == digits) => Ok(Some((*digits).min(15))),
        None => Ok(None),
        Some(_) => Err("TEXT with formats of different length".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_before_they_become_texts() {
        for (formula, expected) in [
            ("TEXT(A1,\"$#,##0\")", "TEXT(ROUND(A1,0),\"$#,##0\")"),
            ("1&TEXT(SUM(A1,2),\"0.0%\")&\"TEXT(\"", "1&TEXT(ROUND(SUM(A1,2),3),\"0.0%\")&\"TEXT(\""),
            ("TEXT(A1,\"yyyy-mm\")", "TEXT(A1,\"yyyy-mm\")"),
            ("TEXT(VALUE(TEXT(B1,\"0\")),\"0.00\")", "TEXT(ROUND(VALUE(TEXT(ROUND(B1,0),\"0\")),2),\"0.00\")"),
        ] {
            assert_eq!(rounded(formula).as_deref(), Ok(expected));
        }
        assert!(rounded("TEXT(A1,B1)").is_err() && rounded("TEXT(A1,\"0,\")").is_err() && rounded("TEXT(").is_err());
    }
}
