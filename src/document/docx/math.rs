//! Equations (Office Math, ECMA-376 part 1, 22.1) as one line in the manner of UnicodeMath (Unicode Technical
//! Note 28): `(a+b)/2`, `x^2`, `∑_(i=1)^n`, `√(x)`.

use crate::document::xml::Element;

/// The equation as text; a paragraph of several gives a line each.
pub(in crate::document) fn linear(element: &Element<'_>) -> String {
    match element.name() {
        "oMathPara" => element.children_named("oMath").map(inner).collect::<Vec<_>>().join("\n"),
        "r" => element.children_named("t").map(Element::text).collect(),
        "t" => element.text(),
        "f" => {
            let kind = element.child("fPr").and_then(|p| p.val("type"));
            let sign = if kind.as_deref() == Some("noBar") { '¦' } else { '/' };
            format!("{}{sign}{}", grouped(&part(element, "num")), grouped(&part(element, "den")))
        }
        "sSup" => format!("{}^{}", grouped(&part(element, "e")), grouped(&part(element, "sup"))),
        "sSub" => format!("{}_{}", grouped(&part(element, "e")), grouped(&part(element, "sub"))),
        "sSubSup" => {
            let (sub, sup) = (part(element, "sub"), part(element, "sup"));
            format!("{}_{}^{}", grouped(&part(element, "e")), grouped(&sub), grouped(&sup))
        }
        "sPre" => {
            let (sub, sup) = (part(element, "sub"), part(element, "sup"));
            format!("(_{}^{}){}", grouped(&sub), grouped(&sup), part(element, "e"))
        }
        "rad" => format!("{}√({})", part(element, "deg"), part(element, "e")),
        "nary" => {
            let sign = property(element, "naryPr", "chr").unwrap_or_else(|| "∫".to_owned());
            let bound = |mark: char, text: String| match text.is_empty() {
                true => String::new(),
                false => format!("{mark}{}", grouped(&text)),
            };
            let (sub, sup) = (bound('_', part(element, "sub")), bound('^', part(element, "sup")));
            format!("{sign}{sub}{sup} {}", part(element, "e"))
        }
        "d" => {
            let sign = |name: &str, usual: &str| property(element, "dPr", name).unwrap_or_else(|| usual.to_owned());
            let inside: Vec<String> = element.children_named("e").map(inner).collect();
            format!("{}{}{}", sign("begChr", "("), inside.join(&sign("sepChr", "|")), sign("endChr", ")"))
        }
        "func" => format!("{} {}", part(element, "fName"), grouped(&part(element, "e"))),
        "limLow" => format!("{}_{}", part(element, "e"), grouped(&part(element, "lim"))),
        "limUpp" => format!("{}^{}", part(element, "e"), grouped(&part(element, "lim"))),
        "m" => {
            let rows = element.children_named("mr");
            let rows: Vec<String> =
                rows.map(|row| row.children_named("e").map(inner).collect::<Vec<_>>().join(", ")).collect();
            format!("[{}]", rows.join("; "))
        }
        "eqArr" => element.children_named("e").map(inner).collect::<Vec<_>>().join("\n"),
        "acc" => {
            format!("{}{}", part(element, "e"), property(element, "accPr", "chr").unwrap_or_else(|| "\u{302}".into()))
        }
        "bar" => format!("{}\u{305}", grouped(&part(element, "e"))),
        name if name.ends_with("Pr") => String::new(),
        _ => inner(element),
    }
}

fn inner(element: &Element<'_>) -> String {
    element.elements().map(linear).collect()
}

fn part(element: &Element<'_>, name: &str) -> String {
    element.child(name).map(inner).unwrap_or_default()
}

fn property(element: &Element<'_>, holder: &str, name: &str) -> Option<String> {
    element.child(holder)?.val(name).map(|v| v.into_owned())
}

/// In brackets, unless it is one sign, number or word.
fn grouped(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() == 1 || text.chars().all(|c| c.is_alphanumeric() || c == '.') {
        return text.to_owned();
    }
    format!("({text})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::xml;

    #[test]
    fn equations_keep_their_structure_in_one_line() {
        let r = |text: &str| format!("<m:r><m:t>{text}</m:t></m:r>");
        let text = format!(
            "<m:oMath>{}<m:f><m:num>{}</m:num><m:den>{}</m:den></m:f>{}<m:nary><m:naryPr><m:chr m:val=\"∑\"/></m:naryPr>
            <m:sub>{}</m:sub><m:sup>{}</m:sup><m:e><m:sSup><m:e>{}</m:e><m:sup>{}</m:sup></m:sSup></m:e></m:nary>
            <m:rad><m:deg/><m:e>{}</m:e></m:rad><m:d><m:e>{}</m:e></m:d></m:oMath>",
            r("y="),
            r("a+b"),
            r("2"),
            r("+"),
            r("i=1"),
            r("n"),
            r("x"),
            r("2"),
            r("z"),
            r("q")
        );
        assert_eq!(linear(&xml::parse(&text, 64).root), "y=(a+b)/2+∑_(i=1)^n x^2√(z)(q)");
    }
}
