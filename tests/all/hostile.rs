//! Hostile files are refused, or read within limits and told about; none ends its reader, none takes more than it may,
//! and the service goes on. The files are in `tests/hostile`, a line for each; `cargo bench --bench hostile` reads those that take
//! seconds too, and tells of memory and time.

use std::path::Path;

use empanel::judge::fake::{Action, FakeOpenAi};
use serde_json::json;

use crate::hostile_files::watched::Watched;
use crate::hostile_files::{KINDS, archives, mails, office, pdfs, pictures, tables, texts};
use crate::support::{Home, NO_REVIEWS, Service, judge, panel, statements};

async fn all_come_to_what_they_must(cases: &[crate::hostile_files::Case]) {
    let watched = Watched::new(Path::new(env!("CARGO_BIN_EXE_empanel")));
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| !case.long) {
        let outcome = watched.read(case).await;
        wrong.extend(outcome.wrong(case).map(|why| format!("{}: {why}", case.name)));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_archives_come_to_what_they_must() {
    all_come_to_what_they_must(archives::CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_office_files_come_to_what_they_must() {
    all_come_to_what_they_must(office::CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_pdfs_come_to_what_they_must() {
    all_come_to_what_they_must(pdfs::CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_pictures_come_to_what_they_must() {
    all_come_to_what_they_must(pictures::CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_tables_come_to_what_they_must() {
    all_come_to_what_they_must(tables::CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_texts_come_to_what_they_must() {
    all_come_to_what_they_must(texts::CASES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_mails_come_to_what_they_must() {
    all_come_to_what_they_must(mails::CASES).await;
}

#[test]
fn every_hostile_file_has_a_name_of_its_own() {
    let mut names: Vec<&str> = KINDS.iter().flat_map(|(_, cases)| *cases).map(|case| case.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// A submission of nothing but such files is graded, its manifest accounts for each, and the next one is graded as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_grades_hostile_files_and_goes_on() {
    const SENT: [&str; 12] = [
        "overlapping.zip",
        "archive-in-archive.zip",
        "paths-that-climb.tar",
        "zeros.gz",
        "billion-laughs.docx",
        "macros.docm",
        "formula-that-is-itself.xlsx",
        "packed-twice.pdf",
        "script.pdf",
        "sixty-thousand-wide.png",
        "deep.html",
        "parts-in-parts.eml",
    ];
    let server = FakeOpenAi::start(|_| Action::answer("CANNOT_ASSESS")).await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, ""), panel(&["anna"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(1)).await;
    let cases = KINDS.iter().flat_map(|(_, cases)| *cases).filter(|case| SENT.contains(&case.name));
    let files: Vec<(&str, Vec<u8>)> = cases.map(|case| (case.name, (case.make)())).collect();
    assert_eq!(files.len(), SENT.len());
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let kept = client.upload("/v1/submissions", "submission", &json!({"system": "one"}), &files).await.is(201);
    let submission = kept["id"].as_str().unwrap();
    let grading = client.grade(submission, &rubric).await;
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    let manifest = client.get(&format!("/v1/submissions/{submission}/manifest")).await.is(200).to_string();
    for (name, words) in SENT.iter().zip([
        "overlap",
        "nested deeper",
        "archive_path",
        "as in a bomb",
        "",
        "macro",
        "",
        "as in a bomb",
        "macro",
        "pixels",
        "nested",
        "",
    ]) {
        assert!(manifest.contains(name) && manifest.contains(words), "{name}: {manifest}");
    }
    for stopped in ["took longer", "ends its reader", "needs more than"] {
        assert!(!manifest.contains(stopped), "{stopped}: {manifest}");
    }
    let files: [(&str, &[u8]); 1] = [("memo.txt", b"The totals tie.")];
    let another = client.upload("/v1/submissions", "submission", &json!({"system": "two"}), &files).await.is(201);
    let grading = client.grade(another["id"].as_str().unwrap(), &rubric).await;
    assert_eq!(client.settled(&format!("/v1/gradings/{grading}")).await["status"], "completed");
}
