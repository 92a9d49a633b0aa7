//! Deliverables in an S3-compatible object store: two services over one database and one bucket, a bucket that is away, and
//! files that nothing names.

use std::time::Duration;

use empanel::judge::fake::{Action, FakeOpenAi};
use empanel::store::postgres::server::Server;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::s3_server::{ACCESS_KEY, BUCKET, S3Server, SECRET_KEY};
use crate::support::{Client, Home, NO_REVIEWS, Service, answers, judge, panel, run, statements, wait_for};

/// A home whose files are in the bucket.
fn in_bucket(objects: &S3Server, judges_and_panels: &str) -> Home {
    let home = Home::new(judges_and_panels);
    let (id, secret) = (home.write("id", ACCESS_KEY), home.write("secret", format!("{SECRET_KEY}\n")));
    let text = std::fs::read_to_string(home.config()).unwrap();
    let folder = format!("url = \"file:{}/files\"", home.path("data").display());
    assert!(text.contains(&folder), "{text}");
    let bucket = format!(
        "url = \"s3://{BUCKET}/empanel\"\nendpoint = \"{}\"\nregion = \"us-east-1\"\naccess_key_id_file = \"{}\"\n\
         secret_access_key_file = \"{}\"\npatience_s = 1\nread_timeout_s = 1",
        objects.endpoint(),
        id.display(),
        secret.display()
    );
    std::fs::write(home.config(), text.replace(&folder, &bucket)).unwrap();
    home
}

async fn submit(client: &Client, bytes: &[u8]) -> Value {
    let files = [("report.txt", bytes)];
    client.upload("/v1/submissions", "submission", &json!({"system": "s"}), &files).await.is(201)
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_takes_in_another_grades_and_shows() {
    let (database, objects) = (Server::shared().database(), S3Server::start().await);
    let judges = FakeOpenAi::start_with(|_| Action::answer("MET"), Duration::ZERO, 0).await;
    let home = in_bucket(&objects, &format!("{}{}", judge("anna", &judges, ""), panel(&["anna"], NO_REVIEWS)));
    let text = std::fs::read_to_string(home.config()).unwrap();
    let sled = format!("sled:{}", home.path("data").display());
    std::fs::write(home.config(), text.replace(&sled, &database.url())).unwrap();
    let (first, second) = (Service::start(&home).await, Service::start(&home).await);
    let (one, two) = (first.client(), second.client());
    let rubric = one.rubric(&statements(3)).await;
    let large = "A long report. ".repeat(800_000);
    for bytes in ["A report of some length.".as_bytes(), large.as_bytes()] {
        let submission = id(&submit(&one, bytes).await);
        let file = two.get(&format!("/v1/submissions/{submission}/files/0")).await;
        assert!(file.status == 200 && file.body == bytes, "{}", file.status);
    }
    let submission = id(&submit(&one, b"Another report.").await);
    drop(first);
    let grading = two.grade(&submission, &rubric).await;
    assert_eq!(two.settled(&format!("/v1/gradings/{grading}")).await["status"], "completed");
    let sha256 = hex::encode(Sha256::digest(b"Another report."));
    assert!(objects.object(&format!("empanel/{}/{}", &sha256[..2], &sha256[2..])).exists());
    assert!(!home.path("data").join("files").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_away_is_503_and_work_goes_on_when_it_is_back() {
    let mut objects = S3Server::start().await;
    let judges = FakeOpenAi::start_with(|_| Action::answer("MET"), Duration::ZERO, 0).await;
    let home = in_bucket(&objects, &format!("{}{}", judge("anna", &judges, ""), panel(&["anna"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    let rubric = client.rubric(&statements(3)).await;
    let submission = id(&submit(&client, b"A report of some length.").await);
    let file = format!("/v1/submissions/{submission}/files/0");
    let before = client.everything().await;

    objects.stop().await;
    client.get(&file).await.is_problem(503, "unavailable", &[]);
    let files = [("other.txt", &b"Another report."[..])];
    let refused = client.upload("/v1/submissions", "submission", &json!({"system": "s"}), &files).await;
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    let problem = refused.is_problem(503, "unavailable", &[]);
    assert!(!problem.to_string().contains(SECRET_KEY) && !problem.to_string().contains("127.0.0.1"), "{problem}");
    assert_eq!(client.everything().await, before, "nothing of what was refused is there");
    // It waits; a file that cannot be read now is no reason for a verdict.
    let grading = client.grade(&submission, &rubric).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let waits = client.get(&format!("/v1/gradings/{grading}")).await.is(200);
    assert!(matches!(waits["status"].as_str(), Some("queued" | "running")), "{waits}");
    assert_eq!(judges.count(), 0);

    objects.start_again().await;
    wait_for("the file", async || (client.get(&file).await.status == 200).then_some(())).await;
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(answers(&client.votes(&grading).await).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_no_record_names_are_removed_by_command_and_the_others_stay() {
    let objects = S3Server::start().await;
    let home = in_bucket(&objects, "");
    let service = Service::start(&home).await;
    let submission = id(&submit(&service.client(), b"A report.").await);
    service.sigterm();
    assert_eq!(service.ended().await, 0);
    let object = |bytes: &[u8]| {
        let sha256 = hex::encode(Sha256::digest(bytes));
        objects.object(&format!("empanel/{}/{}", &sha256[..2], &sha256[2..]))
    };
    // What an upload left that was broken off days ago, one of just now, and the one that is named.
    let (old, new, named) = (object(b"broken off"), object(b"just begun"), object(b"A report."));
    let two_days_ago = named.metadata().unwrap().modified().unwrap() - Duration::from_hours(48);
    for (path, bytes) in [(&old, &b"broken off"[..]), (&new, b"just begun")] {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    for path in [&old, &named] {
        std::fs::File::options().write(true).open(path).unwrap().set_modified(two_days_ago).unwrap();
    }
    let config = home.config().display().to_string();
    let said = run(&home, &["store", "gc", "--dry-run", "--config", &config]).await.exits_with(0);
    assert!(said.stdout.contains("1 files with 10 bytes would be removed"), "{}", said.stdout);
    assert!(old.exists());
    let said = run(&home, &["store", "gc", "--config", &config]).await.exits_with(0);
    assert!(said.stdout.contains("1 files with 10 bytes removed"), "{}", said.stdout);
    assert!(!old.exists() && new.exists() && named.exists());
    let service = Service::start(&home).await;
    let file = service.client().get(&format!("/v1/submissions/{submission}/files/0")).await;
    assert_eq!(file.body, "A report.");
    // The same again is kept anew, beside the sweep's reach.
    let again = id(&submit(&service.client(), b"broken off").await);
    let file = service.client().get(&format!("/v1/submissions/{again}/files/0")).await;
    assert_eq!(file.body, "broken off");
    assert!(!old.exists());
}

#[tokio::test]
async fn wrong_credentials_are_told_when_the_service_starts_without_saying_them() {
    let objects = S3Server::start().await;
    let home = in_bucket(&objects, "");
    home.write("secret", "hunter2");
    let config = home.config().display().to_string();
    let said = run(&home, &["serve", "--config", &config]).await;
    assert!(!said.stderr.contains("hunter2") && !said.stdout.contains("hunter2"));
    said.complains(&["SignatureDoesNotMatch", "credentials", "[files]"]);
}
