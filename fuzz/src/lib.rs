//! What the targets try, and what must hold of it.

use std::sync::Arc;

use empanel::document::{self, Input, Limits};
use empanel::domain::{Ask, ComparedBy, CriterionId, Extract, Level, SystemClock};
use empanel::judge::{self, Jitter, Judge, JudgeConfig, RawReply, Seams, Secret, SystemTimer};
use empanel::prompt::Templates;
use empanel::ranking::import::{self, Form};
use empanel::rubric::{self, Format};
use empanel::verdict;

/// Small, so that a run tries much and a limit is met often.
fn limits() -> Limits {
    Limits {
        max_text_chars: 100_000,
        max_cells: 20_000,
        max_segments: 20_000,
        max_glyphs: 200_000,
        ..Limits::default()
    }
}

/// libFuzzer's hook ends the run at every panic; a panic inside a parser that the reader catches is a reason, not a crash.
/// One that gets out ends the run all the same.
fn let_panics_be_caught() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            if info.location().is_some_and(|place| place.file().starts_with("src")) {
                eprintln!("{info}");
            }
        }));
    });
}

/// Bytes under a name: a reader gives an account of them, the same each time, within its limits.
pub fn read(name: &str, bytes: &[u8]) {
    let_panics_be_caught();
    let limits = limits();
    let input = Input { name, media_type: None, bytes };
    let files = document::read(&input, &limits);
    assert!(!files.is_empty(), "no account of the file");
    for file in &files {
        let characters: usize = file.segments.iter().map(|segment| segment.text.chars().count()).sum();
        // The words that name the cuts come on top.
        let most = usize::try_from(limits.max_text_chars).unwrap_or(usize::MAX) * 2;
        assert!(characters <= most, "{}: {characters} characters", file.name);
        let account = !file.is_readable()
            || !file.segments.is_empty()
            || !file.sheets.is_empty()
            || !file.images.is_empty()
            || !file.findings.is_empty()
            || file.media.is_some()
            || file.pages.is_some();
        assert!(account, "{}: neither content nor reason", file.name);
    }
    assert_eq!(document::read(&input, &limits), files, "the same bytes, another extract");
}

/// Bytes as a pdf whose first pages are drawn.
pub fn draw(bytes: &[u8]) {
    let_panics_be_caught();
    if let Ok(drawn) = document::render_pdf(bytes, 1..3, 200, &limits()) {
        assert!(drawn.pages.iter().all(|page| page.width.max(page.height) <= 200), "a page is too large");
    }
}

/// Bytes as a trace: JSON, or the text that it is.
pub fn read_steps(bytes: &[u8]) {
    let_panics_be_caught();
    let text = String::from_utf8_lossy(bytes);
    let trace = serde_json::from_str(&text).unwrap_or_else(|_| serde_json::Value::from(text.as_ref()));
    assert_eq!(document::read_steps(&trace), document::read_steps(&trace), "the same trace, another extract");
}

/// Bytes as a judge's reply to a question: an answer or a reason, and each quotation is found or not.
pub fn parse_reply(bytes: &[u8], ask: &Ask) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(said) = verdict::read_reply(&text, ask) {
        let shown = Arc::new(Extract { files: vec![document::read_message(&text)] });
        let quotes = said.quotes.len();
        assert_eq!(verdict::look_up(said.quotes, &[shown]).len(), quotes, "a quotation was lost");
    }
}

fn levels() -> Ask {
    let level = |name: &str| Level { name: name.to_owned(), points: 1.0, description: None };
    Ask::Levels { requirement: "The totals tie.".to_owned(), levels: ["none", "some", "all"].map(|n| level(n)).into() }
}

fn criterion() -> Ask {
    Ask::Criterion { requirement: "The totals tie.".to_owned() }
}

/// The questions that one reply answers, by name.
#[must_use]
pub fn ask(name: &str) -> Ask {
    match name {
        "levels" => levels(),
        "pair" => Ask::Pairwise { task: "Write the memo.".to_owned() },
        "by_criterion" => {
            let one = |id: &str, wanted| ComparedBy {
                id: CriterionId::parse(id).expect("an id"),
                requirement: "The totals tie.".to_owned(),
                wanted,
            };
            Ask::PairwiseBy { task: "Write the memo.".to_owned(), criteria: vec![one("c1", true), one("c2", false)] }
        }
        _ => criterion(),
    }
}

/// Bytes as a reply to several questions: as many answers or reasons as questions.
pub fn parse_replies(bytes: &[u8]) {
    let asks = [criterion(), levels(), criterion()];
    if let Ok(said) = verdict::read_replies(&String::from_utf8_lossy(bytes), &asks) {
        assert_eq!(said.len(), asks.len(), "an answer was lost");
    }
}

/// Bytes as criteria that a model proposes: no more than were asked for.
pub fn parse_proposals(bytes: &[u8]) {
    if let Ok(criteria) = verdict::read_proposals(&String::from_utf8_lossy(bytes), 20) {
        assert!(criteria.len() <= 20, "{} proposals", criteria.len());
    }
}

/// Bytes as what a provider sends back: a text, or a cause. The first byte says with which status.
pub fn read_wire(provider: &str, bytes: &[u8]) {
    thread_local! {
        static JUDGE: std::cell::RefCell<Option<Judge>> = const { std::cell::RefCell::new(None) };
    }
    let [status, body @ ..] = bytes else { return };
    let status = [200, 400, 401, 403, 404, 408, 413, 422, 429, 500, 503, 529][usize::from(*status) % 12];
    let raw = RawReply {
        status,
        body: String::from_utf8_lossy(body).into_owned(),
        latency_ms: 1,
        retry_after: None,
        used_up_for: None,
    };
    JUDGE.with_borrow_mut(|judge| {
        let judge = judge.get_or_insert_with(|| make_judge(provider));
        let read = judge.provider().read(&raw);
        assert_eq!(judge.provider().read(&raw), read, "the same reply, another reading");
        if let Ok(reply) = read {
            assert!((200..300).contains(&status) && !reply.text.trim().is_empty(), "an answer out of nothing");
        }
    });
}

fn make_judge(provider: &str) -> Judge {
    let spec = serde_json::json!({
        "name": "one", "provider": provider, "model": "m", "settings": {"base_url": "http://127.0.0.1:9/v1"},
        "vision": false, "max_input_chars": 1_000, "price": null,
    });
    let spec = serde_json::from_value(spec).expect("a judge's description");
    let seams = Seams {
        clock: Arc::new(SystemClock),
        timer: Arc::new(SystemTimer::default()),
        jitter: Arc::new(Jitter::seeded([0; 32])),
        http: judge::client(false).expect("a client"),
    };
    let config = JudgeConfig { api_key: Some(Secret::from("key".to_owned())), ..JudgeConfig::new(spec) };
    Judge::new(config, &seams).expect("a judge")
}

/// Bytes as a rubric in a format: a rubric, which is valid, linted and compared with itself, or problems with words.
pub fn import(format: &str, bytes: &[u8]) {
    let format = *Format::ALL.iter().find(|known| known.as_str() == format).expect("a format");
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match rubric::import(text, format) {
        Ok(read) => {
            let _ = rubric::lint(&read);
            assert_eq!(rubric::import(text, format), Ok(read), "the same text, another rubric");
        }
        Err(error) => assert!(!error.problems.is_empty() && !error.to_string().is_empty(), "a refusal without words"),
    }
    if let Err(error) = rubric::import_all(text, format) {
        assert!(!error.problems.is_empty(), "a refusal without words");
    }
}

/// Bytes as battles that were fought elsewhere.
pub fn read_battles(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for form in [Form::Jsonl, Form::Csv] {
        if let Ok(battles) = import::read(text, form, 1_000) {
            assert!(battles.len() <= 1_000, "{} battles", battles.len());
        }
    }
}

/// Bytes as a template that somebody brings: refused, or rendered within limits.
pub fn use_template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // So that it is not refused for what it leaves out.
    let whole = format!("{{{{ requirement }}}} MET UNMET CANNOT_ASSESS \"answer\"{text}");
    let own = std::collections::BTreeMap::from([("criterion".to_owned(), whole)]);
    if let Err(error) = Templates::with(&own) {
        assert!(error.to_string().contains("criterion"), "{error}");
    }
}
