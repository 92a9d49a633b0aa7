//! A service with everything on it that a page can show: work of three systems, judged, compared and overruled;
//! questions for people in every state; drafts; what runs, what failed, what was kept. In plain words, or in the
//! words of somebody who wants a browser to execute them.

use std::collections::BTreeMap;
use std::io::Write;

use empanel::judge::fake::{Action, Call, FakeOpenAi};
use serde_json::{Value, json};

use crate::support::{Client, Home, Service, asker, bytes_of, key, requirement};

/// One a line.
const PAYLOADS: &str = include_str!("payloads.txt");

/// Leaves every place that text can stand in: an attribute with either quote, a title, a text area, a script, a comment.
const BREAKOUT: &str = "--></title></textarea></script>'\"><img src=x onerror=__xss=1>";

pub fn payloads() -> impl Iterator<Item = &'static str> {
    PAYLOADS.split('\n').filter(|line| !line.is_empty())
}

/// How users and judges write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    Plain,
    /// Everybody writes payloads wherever they may.
    Hostile,
}

impl Words {
    /// Text of any length: all payloads.
    pub fn text(self, plain: &str) -> String {
        match self {
            Self::Plain => plain.to_owned(),
            Self::Hostile => format!("{plain}\n{BREAKOUT}\n{PAYLOADS}"),
        }
    }

    /// A short text on one line; another payload for every `n`.
    pub fn line(self, n: usize, plain: &str) -> String {
        match self {
            Self::Plain => plain.to_owned(),
            Self::Hostile => format!("{plain} {BREAKOUT}{}", payloads().nth(n % payloads().count()).unwrap()),
        }
    }

    /// As much of it as a name may be.
    pub fn name(self, n: usize, plain: &str) -> String {
        let allowed = |c: &char| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        self.line(n, plain).chars().filter(allowed).take(200).collect::<String>().trim().to_owned()
    }

    /// As much of it as a file's name may be; the end says its kind.
    fn file(self, n: usize, stem: &str, end: &str) -> String {
        match self {
            Self::Plain => format!("{stem}.{end}"),
            Self::Hostile => {
                let name: String = self.name(n, stem).chars().filter(|c| !matches!(c, '/' | '\\')).take(180).collect();
                format!("{name}.{end}")
            }
        }
    }
}

/// Criteria on which `ben` differs from the two others: each is a question for people.
const SPLITS: [&str; 7] = ["open", "mine", "waits", "differ", "agreed", "settled", "spare"];
const LEVELS: [&str; 3] = ["excellent", "fair", "poor"];
const GRADED: &str = "The layout serves a ward nurse at two in the morning.";

/// A service with everything on it.
pub struct World {
    pub words: Words,
    pub service: Service,
    /// The keys of `lead` (admin), `rob`, `sue`, `ann` (reviewers).
    keys: BTreeMap<&'static str, String>,
    pub rubric: String,
    pub drafts: String,
    /// Of the first system, with files.
    pub submissions: Vec<String>,
    pub gradings: Vec<String>,
    /// One that is never finished, and one whose judge answers nothing.
    pub running: String,
    pub failed: String,
    pub judges: Vec<String>,
    pub kept: String,
    /// Questions by what has happened to them: those of the criteria above, `preference`, `preferred`,
    /// `preference-differs`, `search`, `searching`, `search-differs`.
    pub reviews: BTreeMap<&'static str, String>,
    pub files: usize,
    _home: Home,
    _server: FakeOpenAi,
}

fn script(words: Words, call: &Call) -> Action {
    let text = call.user_text();
    if asker(call) == "stuck" {
        return Action::Hang;
    }
    if asker(call) == "broken" {
        return Action::error(401, "invalid_api_key", &words.line(3, "The key is not known."));
    }
    if text.contains("Which criteria does work on this task have to be judged by?") {
        let one = |n: usize, requirement: &str, points: f64| {
            json!({"quotes": [{"file": words.line(n, "task"), "where": words.line(n + 1, "line 1"), "quote": words.line(n + 2, "care plan")}],
                "why": words.text("It is asked for."), "requirement": words.text(requirement), "points": points, "must_pass": n == 0})
        };
        let three = [
            one(0, "The plan names every allergy of the chart.", 5.0),
            one(1, "Goals can be measured.", 2.0),
            one(2, "A figure is made up.", -3.0),
        ];
        return Action::text(&json!({"criteria": three}).to_string());
    }
    let asked = requirement(call);
    if asked.is_empty() {
        // A comparison: the better system is the one with the lower mark; `ben` prefers the first place.
        let at = |n: usize| text.find(&format!("Mark of the work: {n}"));
        let mut found: Vec<(usize, usize)> = (0..3).filter_map(|n| at(n).map(|at| (at, n))).collect();
        found.sort_unstable();
        let first_is_better = found.first().map(|one| one.1) < found.last().map(|one| one.1);
        let answer = if asker(call) == "ben" || first_is_better { "A" } else { "B" };
        return reply(words, answer);
    }
    if asked.contains(GRADED) {
        return reply(words, &level(words, usize::from(asker(call) == "ben")));
    }
    let split = SPLITS.iter().any(|id| asked.contains(&format!("Statement {id}")));
    reply(words, if asker(call) == "ben" && split { "UNMET" } else { "MET" })
}

/// The name of a level.
fn level(words: Words, n: usize) -> String {
    words.name(90 + n, LEVELS[n])
}

fn reply(words: Words, answer: &str) -> Action {
    let evidence = json!([
        {"file": words.line(5, "notes.txt"), "where": words.line(6, "line 2"), "quote": "fluid restriction of 1,500 mL"},
        {"file": words.line(7, "care_plan.docx"), "where": words.line(8, "page 2"), "quote": words.text("words that nobody wrote")}]);
    let reason = words.text("The plan carries the ordered restriction and says how it is measured.");
    Action::text(&json!({"evidence": evidence, "reason": reason, "answer": answer}).to_string())
}

fn rubric(words: Words) -> Value {
    let mut criteria: Vec<Value> = SPLITS
        .iter()
        .enumerate()
        .map(|(n, id)| {
            json!({"id": words.name(n, id), "requirement": format!("Statement {id}. {}", words.line(n, "It holds for the whole plan, with each of its goals.")),
                "points": n + 1, "tags": [words.name(n + 10, "accuracy")]})
        })
        .collect();
    let level = |n: usize| json!({"name": level(words, n), "points": 4 - 2 * n, "description": words.text("As a colleague would say.")});
    criteria.push(json!({"id": words.name(20, "layout"), "requirement": words.line(21, GRADED), "points": 4,
        "levels": [level(0), level(1), level(2)], "tags": [words.name(22, "professional judgement")]}));
    criteria.push(json!({"id": words.name(23, "length"), "requirement": words.line(24, "The plan has at least ten words."), "points": 1,
        "check": {"word_count": {"min": 10}}}));
    criteria.push(
        json!({"id": words.name(25, "made-up"), "requirement": words.line(26, "A dose is made up."), "points": -2,
        "tags": ["fabrication"]}),
    );
    criteria.push(json!({"id": words.name(27, "gate"), "requirement": words.text("The plan is about the right patient."), "points": 3,
        "gate": "must_pass"}));
    if words == Words::Hostile {
        criteria.extend(payloads().enumerate().map(|(n, payload)| {
            let id = format!("p{n} {}", words.name(n, ""));
            json!({"id": id.chars().take(150).collect::<String>(), "requirement": format!("Payload {n}. {payload}"), "points": 1,
                "check": {"contains": {"text": payload}}})
        }));
    }
    json!({"title": words.line(30, "Nursing care plan, acute heart failure"), "criteria": criteria})
}

fn package(parts: &[(&str, String)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn escaped(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An Office document whose paragraphs are the lines of a text.
fn docx(text: &str) -> Vec<u8> {
    let paragraph = |line: &str| format!("<w:p><w:r><w:t xml:space=\"preserve\">{}</w:t></w:r></w:p>", escaped(line));
    let body: String = text.lines().map(paragraph).collect();
    package(&[
        ("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>".to_owned()),
        ("_rels/.rels", "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"word/document.xml\"/></Relationships>".to_owned()),
        ("word/document.xml", format!("<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>")),
    ])
}

/// A workbook: one sheet, one row for each line.
fn xlsx(sheet: &str, text: &str) -> Vec<u8> {
    let row = |(n, line): (usize, &str)| {
        format!("<row r=\"{0}\"><c r=\"A{0}\" t=\"inlineStr\"><is><t>{1}</t></is></c></row>", n + 1, escaped(line))
    };
    let rows: String = text.lines().enumerate().map(row).collect();
    let sheet: String = sheet.chars().filter(|c| !"[]:*?/\\".contains(*c)).take(31).collect();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    package(&[
        ("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/><Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/></Types>".to_owned()),
        ("_rels/.rels", format!("<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>")),
        ("xl/workbook.xml", format!("<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets><sheet name=\"{}\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>", escaped(&sheet))),
        ("xl/_rels/workbook.xml.rels", format!("<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>")),
        ("xl/worksheets/sheet1.xml", format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>")),
    ])
}

/// What the first system hands in.
fn deliverables(words: Words) -> Vec<(String, Vec<u8>)> {
    let plan =
        "Care plan\nA fluid restriction of 1,500 mL a day is kept and charted every shift.\nThe dry weight is 76.0 kg.";
    let text = words.text(plan);
    let page = match words {
        Words::Plain => {
            "<!doctype html><title>Plan</title><h1>Care plan</h1><p>A fluid restriction of 1,500 mL.</p>".to_owned()
        }
        Words::Hostile => {
            format!("<!doctype html><title>x</title><script>window.__xss=1</script><body onload=__xss=1>{text}")
        }
    };
    let picture = match words {
        Words::Plain => {
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"40\"><circle cx=\"20\" cy=\"20\" r=\"15\"/></svg>"
        }
        Words::Hostile => {
            "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"window.__xss=1\"><script>window.__xss=1;alert(1)</script><foreignObject><iframe xmlns=\"http://www.w3.org/1999/xhtml\" srcdoc=\"&lt;script>parent.__xss=1&lt;/script>\"/></foreignObject><text>A fluid restriction of 1,500 mL</text></svg>"
        }
    };
    let cells: String = text.lines().map(|line| format!("1,\"{}\"\n", line.replace('"', "\"\""))).collect();
    let of = |n: usize, stem: &str, end: &str| words.file(n, stem, end);
    let mut files = vec![
        (of(0, "notes", "txt"), text.clone().into_bytes()),
        (of(1, "care_plan", "docx"), docx(&text)),
        (of(2, "fluid_chart", "xlsx"), xlsx(&words.line(4, "Fluids"), &text)),
        (of(3, "weights", "csv"), cells.into_bytes()),
        (of(4, "handover", "html"), page.into_bytes()),
        (of(5, "figure", "svg"), picture.as_bytes().to_vec()),
        (of(6, "readme", "md"), format!("# Plan\n\n{text}").into_bytes()),
    ];
    let folder = "fixtures/tasks/care-plan";
    files.push((of(7, "chart", "pdf"), bytes_of(&format!("{folder}/references/patient_chart.pdf"))));
    files.push((
        of(8, "sheet_broken", "xlsx"),
        bytes_of(&format!("{folder}/submissions/atlas-small/handover_sheet.xlsx")),
    ));
    files
}

/// Its way into a form's head.
fn quoted(name: &str) -> String {
    name.replace('"', "\\\"")
}

fn configuration(words: Words, server: &FakeOpenAi) -> String {
    // A JSON text is a text of TOML too.
    let name = |model: &str| json!(if model == "cleo" { words.name(31, model) } else { model.to_owned() }).to_string();
    let judges: String = ["anna", "ben", "cleo", "stuck", "broken"]
        .iter()
        .map(|model| {
            format!(
                "[[judges]]\nname = {}\nprovider = \"openai\"\nmodel = \"{model}\"\nbase_url = \"{}\"\nprice = {{ input = 1.0, cached_input = 0.5, output = 10.0 }}\n",
                name(model), server.base_url()
            )
        })
        .collect();
    let review = "review = { reviewers = 2, split = true, inconclusive = false, unverified_evidence = false, hidden_evidence = false, random_share = 0.0, discovery_share = 1.0 }";
    let of = |panel: &str, judge: &str| format!("[[panels]]\nname = \"{panel}\"\njudges = [{judge}]\n");
    format!(
        "{judges}[[panels]]\nname = \"default\"\njudges = [\"anna\", \"ben\", {}]\n{review}\n{}{}[webhooks]\nallow_private = true\nallow_http = true\n",
        name("cleo"),
        of("stuck", "\"stuck\""),
        of("broken", "\"broken\""),
    )
}

/// A question's answer through the API.
async fn answer(who: &Client, review: &str, mut body: Value) {
    let claimed = who.post(&format!("/v1/reviews/{review}/claim"), &json!({})).await.is(200);
    body["lease_token"] = claimed["lease_token"].clone();
    if body["value"] == "better" {
        let good = claimed["sides"][0]["text"].as_str().is_some_and(|text| text.contains("Mark of the work: 0"));
        body["value"] = json!(if good { "first" } else { "second" });
    }
    if body["value"] == "worse" {
        let good = claimed["sides"][0]["text"].as_str().is_some_and(|text| text.contains("Mark of the work: 0"));
        body["value"] = json!(if good { "second" } else { "first" });
    }
    who.post(&format!("/v1/reviews/{review}/submit"), &body).await.is(200);
}

impl World {
    /// The password of a person's door.
    pub fn key(&self, who: &str) -> &str {
        &self.keys[who]
    }

    pub fn client(&self, who: &str) -> Client {
        self.service.client().with_key(self.key(who))
    }

    #[allow(clippy::too_many_lines, reason = "it is one story")]
    pub async fn new(words: Words) -> Self {
        let server = FakeOpenAi::start(move |call| script(words, call)).await;
        let home = Home::new(&configuration(words, &server));
        let mut keys = BTreeMap::new();
        for (n, (who, role)) in
            [("lead", "admin"), ("rob", "reviewer"), ("sue", "reviewer"), ("ann", "reviewer")].into_iter().enumerate()
        {
            keys.insert(who, key(&home, role, "p", &words.name(40 + n, who)).await);
        }
        let service = Service::start(&home).await;
        let client = |who: &str| service.client().with_key(&keys[who]);
        let (lead, rob, sue, ann) = (client("lead"), client("rob"), client("sue"), client("ann"));
        let id = |body: &Value| body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();

        let rubric = lead.rubric(&rubric(words)).await;
        let task = words.name(50, "care-plan");
        let asked = json!({"task_id": task, "prompt": words.text("Write the nursing care plan for the patient of the chart."),
            "sector": words.line(51, "Health care"), "occupation": words.line(52, "Registered Nurses"), "rubric_id": rubric});
        let reference = words.file(53, "protocol", "txt");
        lead.upload("/v1/tasks", "task", &asked, &[(&quoted(&reference), words.text("Protocol HF-07").as_bytes())])
            .await
            .is(201);

        let files = deliverables(words);
        let mut submissions = Vec::new();
        for (n, system) in ["human", "atlas-2 (high effort)", "briar"].into_iter().enumerate() {
            let system = if n == 0 { system.to_owned() } else { words.name(60 + n, system) };
            let text = words
                .text(&format!("Mark of the work: {n}. Here is the plan with a fluid restriction of 1,500 mL a day."));
            let content = json!({"task_id": task, "system": system, "text": text, "cost_usd": 1.5 * (n as f64), "tokens": 1_200 + n,
                "duration_s": 60.0, "metadata": {"note": words.text("none")}});
            let named: Vec<(String, &[u8])> =
                files.iter().map(|(name, bytes)| (quoted(name), bytes.as_slice())).collect();
            let all: Vec<(&str, &[u8])> = named.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
            // The first system hands in everything, the others a text beside their message.
            let some = if n == 1 { &all[..] } else { &all[..1] };
            submissions.push(id(&lead.upload("/v1/submissions", "submission", &content, some).await.is(201)));
        }
        let grade = async |submission: &str, panel: &str| {
            let body = json!({"submission_id": submission, "rubric_id": rubric, "panel": panel});
            id(&lead.post("/v1/gradings", &body).await.is(202))
        };
        // What has files comes first.
        submissions.swap(0, 1);
        let mut gradings = Vec::new();
        for submission in &submissions {
            gradings.push(grade(submission, "default").await);
        }
        let failed = grade(&submissions[1], "broken").await;
        for grading in gradings.iter().chain([&failed]) {
            lead.settled(&format!("/v1/gradings/{grading}")).await;
        }

        let mut comparisons = Vec::new();
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let body = json!({"task_id": task, "a": submissions[a], "b": submissions[b]});
            comparisons.push(id(&lead.post("/v1/comparisons", &body).await.is(202)));
        }
        for comparison in &comparisons {
            lead.settled(&format!("/v1/comparisons/{comparison}")).await;
        }
        let imported = [("x1", "model_a"), ("x2", "model_b"), ("x3", "tie"), ("x4", "both_bad")].map(|(task, winner)| {
            json!({"model_a": "human", "model_b": words.name(70, "third"), "winner": winner, "task_id": words.name(71, task), "judge": words.name(72, "expert")})
                .to_string()
        });
        lead.send("/v1/comparisons/import", "application/jsonl", imported.join("\n"), None).await.is(201);

        let reviews = questions(words, [&lead, &rob, &sue, &ann], &gradings, &submissions).await;

        let decision = json!({"criterion_id": words.name(27, "gate"), "value": "unmet", "reason": words.text("It is another patient.")});
        lead.post(&format!("/v1/gradings/{}/overrides", gradings[1]), &decision).await.is(201);
        let draft = lead.post("/v1/rubrics/draft", &json!({"task_id": task, "criteria": 8})).await.is(202);
        let draft = lead.settled(&format!("/v1/rubrics/drafts/{}", id(&draft))).await;
        let drafts = draft["rubric"]["id"].as_str().unwrap_or_else(|| panic!("{draft}")).to_owned();
        let label = words.name(80, "before the new prompt");
        let kept = id(&lead.post("/v1/leaderboard/snapshots", &json!({"label": label})).await.is(201));
        for (n, payload) in payloads().enumerate().filter(|_| words == Words::Hostile) {
            // What is no address is refused; what is one is kept.
            let url = if n % 2 == 0 { payload.to_owned() } else { format!("http://127.0.0.1:9/?{payload}") };
            let hook = json!({"url": url, "events": ["comparison.completed"], "description": words.name(n, "hook")});
            let status = lead.post("/v1/webhooks", &hook).await.status;
            assert!(matches!(status, 201 | 409 | 422), "{status} of {url}");
        }
        let running = grade(&submissions[2], "stuck").await;

        let judges = vec!["anna".to_owned(), words.name(31, "cleo"), "broken".to_owned()];
        let files = files.len();
        Self {
            words,
            service,
            keys,
            rubric,
            drafts,
            submissions,
            gradings,
            running,
            failed,
            judges,
            kept,
            reviews,
            files,
            _home: home,
            _server: server,
        }
    }
}

/// Questions of every kind in every state.
async fn questions(
    words: Words,
    [lead, rob, sue, ann]: [&Client; 4],
    gradings: &[String],
    submissions: &[String],
) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    let id = |body: &Value| body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
    let all = lead.all("/v1/reviews").await;
    let of = |grading: &str| -> Vec<&Value> { all.iter().filter(|one| one["grading_id"] == grading).collect() };
    for (n, split) in SPLITS.iter().enumerate() {
        let name = words.name(n, split);
        let review = of(&gradings[0]).into_iter().find(|one| one["criterion_id"] == name.as_str());
        found.insert(*split, id(review.unwrap_or_else(|| panic!("no question about {name}: {all:?}"))));
    }
    let because = |what: &str| words.text(what);
    let says = |value: &str| json!({"value": value, "reason": because("Page 2 says so.")});
    rob.post(&format!("/v1/reviews/{}/claim", found["mine"]), &json!({})).await.is(200);
    answer(rob, &found["waits"], says("met")).await;
    for split in ["differ", "settled"] {
        answer(rob, &found[split], says("met")).await;
        answer(sue, &found[split], says("unmet")).await;
    }
    for who in [rob, sue] {
        answer(who, &found["agreed"], says("met")).await;
    }
    ann.post(&format!("/v1/reviews/{}/resolve", found["settled"]), &says("unmet")).await.is(200);

    let preference = json!({"kind": "preference", "a": submissions[0], "b": submissions[2], "reviewers": 2});
    found.insert("preference", id(&lead.post("/v1/reviews", &preference).await.is(201)));
    let preference = json!({"kind": "preference", "a": submissions[0], "b": submissions[1], "reviewers": 2});
    found.insert("preferred", id(&lead.post("/v1/reviews", &preference).await.is(201)));
    let preference = json!({"kind": "preference", "a": submissions[1], "b": submissions[2], "reviewers": 2});
    found.insert("preference-differs", id(&lead.post("/v1/reviews", &preference).await.is(201)));
    for who in [rob, sue] {
        answer(who, &found["preferred"], says("better")).await;
    }
    answer(rob, &found["preference-differs"], says("better")).await;
    answer(sue, &found["preference-differs"], says("worse")).await;

    for (grading, name) in gradings.iter().zip(["search-differs", "searching", "search"]) {
        let review = of(grading).into_iter().find(|one| one["kind"] == "discovery");
        found.insert(name, id(review.unwrap_or_else(|| panic!("no search: {all:?}"))));
    }
    let error = |n: usize, what: &str| json!({"what": words.line(n, what), "severity": "bad", "place": words.line(n + 1, "line 1")});
    let first =
        json!({"errors": [error(1, "No source."), error(2, "The year is wrong.")], "reason": because("Twice.")});
    answer(rob, &found["search-differs"], first).await;
    answer(sue, &found["search-differs"], json!({"errors": [error(3, "No unit.")]})).await;
    rob.post(&format!("/v1/reviews/{}/claim", found["searching"]), &json!({})).await.is(200);
    found
}
