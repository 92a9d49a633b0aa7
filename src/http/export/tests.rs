use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::columns::{Column, Type};
use super::*;
use crate::domain::ProjectId;
use crate::http::tests::{Bench, app, get, post, raw, send};
use crate::store::{Store, StoreOptions};

/// A project with one of each kind, over the API: two works compared and graded by judges without replies, a human's
/// decisions, and a battle from outside whose system has the name of a formula.
async fn project() -> (Bench, ProjectStore) {
    let bench = Bench::new().await;
    bench.start_working();
    let app = app!(bench);
    let made = async |path: &str, body: Value, status: u16| {
        let told = send(&app, post(path, &body)).await;
        assert_eq!(told.status, status, "{}", told.text);
        told.json()
    };
    let rubric = json!({"title": "r", "criteria": [{"id": "c1", "requirement": "It says, \"so\".", "points": 2}]});
    let rubric = made("/v1/rubrics", rubric, 201).await["id"].clone();
    made("/v1/tasks", json!({"task_id": "t", "prompt": "Write."}), 201).await;
    let mut works = Vec::new();
    for system in ["one", "two"] {
        let work = json!({"task_id": "t", "system": system, "text": "=1+1\nof two lines", "metadata": {"run": 7}});
        works.push(made("/v1/submissions", work, 201).await["id"].clone());
    }
    let wanted = json!({"submission_id": works[0], "rubric_id": rubric});
    let id = made("/v1/gradings?wait=30", wanted, 202).await["id"].as_str().unwrap().to_owned();
    let over = format!("/v1/gradings/{id}/overrides");
    made(&over, json!({"criterion_id": "c1", "value": "met", "reason": "-it does, as I see it"}), 201).await;
    made(&over, json!({"score": 0.5, "reason": "half"}), 201).await;
    let battle = "{\"model_a\": \"=cmd()\", \"model_b\": \"two\", \"winner\": \"tie\", \"judge\": \"ann\"}\n";
    let told = send(&app, raw("/v1/comparisons/import", "application/x-ndjson", battle)).await;
    assert_eq!(told.status, 201, "{}", told.text);
    let sides = json!({"task_id": "t", "a": works[0], "b": works[1]});
    let id = made("/v1/comparisons", sides, 202).await["id"].as_str().unwrap().to_owned();
    let done = send(&app, get(&format!("/v1/comparisons/{id}?wait=30"))).await.json();
    assert_eq!(done["status"], "failed", "{done}");
    let project = of(&bench, "default");
    (bench, project)
}

fn of(bench: &Bench, project: &str) -> ProjectStore {
    bench.services.store.project(&ProjectId::parse(project).unwrap())
}

async fn file(project: &ProjectStore, what: What, format: Format) -> Vec<u8> {
    let (sender, mut receiver) = mpsc::channel::<Result<Bytes, Problem>>(BEHIND);
    let written = async {
        let mut all = Vec::new();
        while let Some(piece) = receiver.recv().await {
            all.extend_from_slice(&piece.unwrap());
        }
        all
    };
    let (rows, bytes) = tokio::join!(write(project, what, format, sender), written);
    rows.unwrap();
    bytes
}

async fn lines(project: &ProjectStore, what: What) -> Vec<Value> {
    let text = String::from_utf8(file(project, what, Format::Jsonl).await).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Paths of a row that a table would have to have, objects opened as far as `columns` opens them.
fn paths(at: &str, value: &Value, columns: &[Column], found: &mut BTreeSet<String>) {
    let is_column = columns.iter().any(|column| column.path == at);
    match value {
        Value::Object(fields) if !is_column => {
            for (name, value) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
                paths(&path, value, columns, found);
            }
        }
        _ => drop(found.insert(at.to_owned())),
    }
}

#[actix_web::test]
async fn a_table_has_a_column_for_every_field_that_the_api_tells() {
    let (_bench, project) = project().await;
    for what in What::ALL {
        let rows = lines(&project, what).await;
        assert!(!rows.is_empty(), "{}", what.as_str());
        let columns = what.columns();
        for row in &rows {
            let mut found = BTreeSet::new();
            paths("", row, columns, &mut found);
            // A part that is null as a whole leaves its columns empty.
            let known = |path: &String| {
                columns.iter().any(|column| column.path == path || column.path.starts_with(&format!("{path}/")))
            };
            let lost: Vec<_> = found.iter().filter(|path| !known(path)).collect();
            assert!(lost.is_empty(), "{}: {lost:?}", what.as_str());
        }
    }
}

#[actix_web::test]
async fn what_is_exported_is_what_there_is() {
    let (bench, project) = project().await;
    let votes = lines(&project, What::Votes).await;
    // Two judges on one criterion and in two orders; none has an answer, and none is made up.
    assert_eq!(votes.len(), 2 + 4);
    assert!(votes.iter().all(|vote| vote["answer"].is_null() && vote["cause"] == "not_recorded"), "{votes:?}");
    assert!(votes.iter().all(|vote| vote.get("raw_reply").is_none()));
    let gradings = lines(&project, What::Gradings).await;
    assert_eq!(gradings[0]["criteria"][0]["source"], "override");
    assert_eq!(gradings[0]["score"]["value"], 0.5);
    let battles = lines(&project, What::Battles).await;
    assert_eq!(battles.len(), 1, "an inconclusive comparison is no battle: {battles:?}");
    assert_eq!((&battles[0]["winner"], &battles[0]["source"]), (&json!("tie"), &json!("imported")));
    assert_eq!(lines(&project, What::Overrides).await.len(), 2);
    assert_eq!(lines(&project, What::Submissions).await.len(), 2);
    let none = of(&bench, "nobody");
    for what in What::ALL {
        assert!(lines(&none, what).await.is_empty());
    }
}

#[actix_web::test]
async fn csv_is_read_back_as_it_was_and_runs_nothing() {
    let (bench, project) = project().await;
    for what in What::ALL {
        let bytes = file(&project, what, Format::Csv).await;
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(names, what.columns().iter().map(Column::name).collect::<Vec<_>>());
        let rows = lines(&project, what).await;
        let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(read.len(), rows.len());
        for (record, row) in read.iter().zip(&rows) {
            for (cell, column) in record.iter().zip(what.columns()) {
                let was = table::field(column, row);
                match (column.of, was) {
                    (_, None) => assert_eq!(cell, ""),
                    (Type::Text, Some(text)) => {
                        let text = text.as_str().unwrap();
                        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
                        assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text);
                    }
                    (_, Some(value)) => assert_eq!(serde_json::from_str::<Value>(cell).unwrap(), *value),
                }
            }
        }
    }
    let empty = file(&of(&bench, "nobody"), What::Battles, Format::Csv).await;
    assert!(String::from_utf8(empty).unwrap().starts_with("model_a,model_b,winner,task_id,judge,"));
}

#[actix_web::test]
async fn parquet_is_read_back_as_it_was() {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    let (bench, project) = project().await;
    for what in What::ALL {
        let reader = SerializedFileReader::new(Bytes::from(file(&project, what, Format::Parquet).await)).unwrap();
        let read: Vec<Value> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_json_value()).collect();
        let rows = lines(&project, what).await;
        assert_eq!(read.len(), rows.len());
        for (record, row) in read.iter().zip(&rows) {
            for column in what.columns() {
                let found = &record[column.name().as_str()];
                match (column.of, table::field(column, row)) {
                    (_, None) => assert!(found.is_null(), "{}: {found}", column.path),
                    (Type::Json, Some(value)) => {
                        assert_eq!(serde_json::from_str::<Value>(found.as_str().unwrap()).unwrap(), *value);
                    }
                    (Type::Number, Some(value)) => assert_eq!(found.as_f64(), value.as_f64()),
                    (_, Some(value)) => assert_eq!(found, value, "{}", column.path),
                }
            }
        }
    }
    let empty = file(&of(&bench, "nobody"), What::Votes, Format::Parquet).await;
    assert_eq!(SerializedFileReader::new(Bytes::from(empty)).unwrap().metadata().num_row_groups(), 0);
}

/// Rows are written as they come: what is held never exceeds a row group.
#[test]
fn a_table_of_many_rows_comes_in_groups() {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    let row = |n: usize| json!({"model_a": format!("a{n}"), "winner": "tie", "created_at": null});
    let mut writer = Writer::new(Format::Parquet, What::Battles.columns()).unwrap();
    let mut all = Vec::new();
    for page in 0..25 {
        let rows: Vec<Value> = (0..1_000).map(|n| row(page * 1_000 + n)).collect();
        all.extend(writer.rows(rows).unwrap());
    }
    let begun = all.len();
    all.extend(writer.end().unwrap());
    assert!(begun > 0 && begun < all.len());
    let reader = SerializedFileReader::new(Bytes::from(all)).unwrap();
    assert_eq!((reader.metadata().num_row_groups(), reader.metadata().file_metadata().num_rows()), (3, 25_000));
    let last = reader.get_row_iter(None).unwrap().last().unwrap().unwrap().to_json_value();
    assert_eq!(last["model_a"], "a24999");
}

#[actix_web::test]
async fn an_export_comes_as_a_file_with_its_type_and_name() {
    let (bench, _) = project().await;
    let app = app!(bench);
    let answer = send(&app, get("/v1/export?what=battles&format=csv")).await;
    let header = |name: &str| answer.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(header("content-disposition"), "attachment; filename=\"battles.csv\"");
    assert!(answer.text.contains("'=cmd(),two,tie,"), "{}", answer.text);
}

/// A store that fails on the way leaves a broken transfer, not a short file.
#[tokio::test]
async fn what_fails_on_the_way_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sled:{}", folder.path().display());
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let project = store.project(&ProjectId::parse("default").unwrap());
    store.close().await.unwrap();
    let (sender, mut receiver) = mpsc::channel(BEHIND);
    assert!(write(&project, What::Votes, Format::Csv, sender).await.is_err());
    let mut last = None;
    while let Some(piece) = receiver.recv().await {
        last = Some(piece);
    }
    assert!(last.unwrap().is_err());
}
