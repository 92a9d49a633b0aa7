//! What renders templates: an environment that knows the few filters and tests below and nothing else, with bounded
//! steps, a bounded account of what filters make, and a writer that stops. With [`grammar`](super::grammar) a template of
//! anybody's takes no more memory than [`MAX_MADE`] and [`MAX_OUTPUT`] besides what it is given.

use std::io;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior};

/// A question takes some hundred steps; a scale of a thousand levels some thousand.
const FUEL: u64 = 100_000;
/// Bytes that all filters of one rendering may take in and make together.
pub(super) const MAX_MADE: usize = 16 << 20;
/// Bytes of one rendered template. No model takes so many.
pub(super) const MAX_OUTPUT: usize = 32 << 20;

pub(super) const FILTERS: &[&str] = &[
    "capitalize",
    "default",
    "first",
    "indent",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "tojson",
    "trim",
    "truncate",
    "upper",
];
pub(super) const TESTS: &[&str] = &["defined", "none"];

/// Strict: a name that is missing is an error, not a blank.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("capitalize", capitalize);
    environment.add_filter("default", or_else);
    environment.add_filter("first", first);
    environment.add_filter("indent", indent);
    environment.add_filter("join", join);
    environment.add_filter("last", last);
    environment.add_filter("length", length);
    environment.add_filter("lower", lower);
    environment.add_filter("replace", replace);
    environment.add_filter("tojson", tojson);
    environment.add_filter("trim", trim);
    environment.add_filter("truncate", truncate);
    environment.add_filter("upper", upper);
    environment.add_test("defined", defined);
    environment.add_test("none", none);
    environment
}

/// Renders a template that is in the environment.
///
/// # Errors
/// If it does not render, or its text is longer than [`MAX_OUTPUT`].
pub(super) fn render(environment: &Environment<'_>, name: &str, context: Value) -> Result<String, Error> {
    let mut text = Bounded(Vec::new());
    let rendered = environment.get_template(name)?.render_captured_to(context, &mut text).map(|_| ());
    rendered.map_err(|error| match error.kind() {
        ErrorKind::WriteFailure => {
            let what = format!("what it makes is longer than {} MiB", MAX_OUTPUT >> 20);
            Error::new(ErrorKind::InvalidOperation, what)
        }
        _ => error,
    })?;
    String::from_utf8(text.0).map_err(|_| Error::new(ErrorKind::InvalidOperation, "what it makes is no text"))
}

/// A text that does not grow beyond [`MAX_OUTPUT`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MAX_OUTPUT - self.0.len() {
            return Err(io::Error::other("the text is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that filters of this rendering took in and made.
struct Made(usize);

fn spend(state: &mut State<'_, '_>, bytes: usize) -> Result<(), Error> {
    let made = state.get_or_insert_extension(Made(0));
    made.0 = made.0.saturating_add(bytes);
    if made.0 > MAX_MADE {
        let what = format!("filters have more than {} MiB to do; use fewer, or on less text", MAX_MADE >> 20);
        return Err(Error::new(ErrorKind::InvalidOperation, what));
    }
    Ok(())
}

/// A filter's text: what it makes is of the text's length and `more` bytes, and is made when there is room for it.
fn made(
    state: &mut State<'_, '_>,
    value: &Value,
    more: usize,
    make: impl FnOnce(&str) -> String,
) -> Result<String, Error> {
    let text = written(value)?;
    // Letters in upper case take up to three times the bytes.
    spend(state, text.len().saturating_mul(4).saturating_add(more))?;
    Ok(make(&text))
}

/// Texts and numbers as they are; nothing that holds others.
fn written(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None if value.is_number() => Ok(value.to_string()),
        None => Err(unfit(value, "a text or a number")),
    }
}

fn unfit(value: &Value, wanted: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!("a filter takes {wanted}, not a value of the kind {}", value.kind()),
    )
}

type Text = Result<String, Error>;

fn capitalize(state: &mut State<'_, '_>, text: &Value) -> Text {
    made(state, text, 0, |text| {
        let mut chars = text.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    })
}

fn or_else(value: &Value, other: Value) -> Value {
    if value.is_undefined() || value.is_none() { other } else { value.clone() }
}

fn first(value: &Value) -> Value {
    value.try_iter().ok().and_then(|mut all| all.next()).unwrap_or_default()
}

fn last(value: &Value) -> Value {
    value.try_iter().ok().and_then(Iterator::last).unwrap_or_default()
}

fn indent(state: &mut State<'_, '_>, text: &Value, width: usize) -> Text {
    // More than the page is wide says nothing.
    let width = width.min(80);
    let lines = text.as_str().map_or(0, |text| text.matches('\n').count());
    made(state, text, lines * width, |text| text.replace('\n', &format!("\n{}", " ".repeat(width))))
}

fn join(state: &mut State<'_, '_>, list: &Value, between: &str) -> Text {
    let mut joined = String::new();
    for (number, one) in list.try_iter()?.enumerate() {
        let piece = written(&one)?;
        spend(state, piece.len() + between.len())?;
        if number > 0 {
            joined.push_str(between);
        }
        joined.push_str(&piece);
    }
    Ok(joined)
}

fn length(value: &Value) -> Result<usize, Error> {
    value.len().ok_or_else(|| unfit(value, "a text or a list"))
}

fn lower(state: &mut State<'_, '_>, text: &Value) -> Text {
    made(state, text, 0, str::to_lowercase)
}

fn replace(state: &mut State<'_, '_>, text: &Value, from: &str, to: &str) -> Text {
    if from.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "`replace` needs a text to look for"));
    }
    let found = text.as_str().map_or(0, |text| text.matches(from).count());
    made(state, text, found.saturating_mul(to.len()), |text| text.replace(from, to))
}

fn tojson(state: &mut State<'_, '_>, text: &Value) -> Text {
    // A sign takes six at most: `\u0000`.
    let more = text.as_str().map_or(0, str::len).saturating_mul(6);
    made(state, text, more, |text| serde_json::Value::from(text).to_string())
}

fn trim(state: &mut State<'_, '_>, text: &Value) -> Text {
    made(state, text, 0, |text| text.trim().to_owned())
}

fn truncate(state: &mut State<'_, '_>, text: &Value, most: usize) -> Text {
    made(state, text, 0, |text| match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    })
}

fn upper(state: &mut State<'_, '_>, text: &Value) -> Text {
    made(state, text, 0, str::to_uppercase)
}

fn defined(value: &Value) -> bool {
    !value.is_undefined()
}

fn none(value: &Value) -> bool {
    value.is_none()
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn rendered(source: &'static str, context: Value) -> Result<String, Error> {
        let mut environment = environment();
        environment.add_template("t", source).unwrap();
        render(&environment, "t", context)
    }

    #[test]
    fn filters_do_what_their_names_say() {
        let context = context! { text => " A b\nc ", list => vec!["x", "y"], n => 3, nothing => Value::from(()) };
        for (source, shown) in [
            ("{{ text|trim|upper }}", "A B\nC"),
            ("{{ text|trim|lower|capitalize }}", "A b\nc"),
            ("{{ text|trim|indent(2) }}", "A b\n  c"),
            ("{{ list|join(', ') }} {{ list|first }} {{ list|last }} {{ list|length }}", "x, y x y 2"),
            ("{{ text|trim|replace('b', 'bb')|tojson }}", "\"A bb\\nc\""),
            ("{{ text|trim|truncate(1) }}{{ n|truncate(5) }}", "A…3"),
            ("{{ nothing|default('-') }}{{ n is defined }}{{ nothing is none }}", "-TrueTrue"),
            ("{{ missing|default('-') }}", "-"),
        ] {
            assert_eq!(rendered(source, context.clone()).unwrap(), shown, "{source}");
        }
        assert!(rendered("{{ list|upper }}", context).unwrap_err().to_string().contains("(in t:1)"));
    }

    #[test]
    fn what_filters_make_and_what_is_written_ends_at_a_limit_with_its_line() {
        let context = context! { text => "a\n".repeat(500_000), list => (0..40).collect::<Vec<_>>() };
        let replaced = "\n{{ text|replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }}";
        let error = rendered(replaced, context.clone()).unwrap_err().to_string();
        assert!(error.contains("16 MiB") && error.contains("(in t:2)"), "{error}");
        let many = "{% for one in list %}{{ text|indent(80) }}{% endfor %}";
        assert!(rendered(many, context.clone()).unwrap_err().to_string().contains("16 MiB"));
        let long = "{% for one in list %}{{ text }}{% endfor %}";
        assert!(rendered(long, context.clone()).unwrap_err().to_string().contains("longer than 32 MiB"));
        assert_eq!(rendered("{{ text }}", context).unwrap().len(), 1_000_000);
    }
}
