//! Disks that are full, read-only or cannot sync, and databases that are: nobody hears of a success that was none, everybody
//! hears that it may pass, and when it has passed the same process goes on with everything that it had acknowledged.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use empanel::judge::fake::{Action, FakeOpenAi, Gate};
use empanel::store::postgres::server::Server;
use serde_json::json;

use crate::support::{
    Answer, Client, Home, NO_REVIEWS, Service, judge, panel, program, repository, statements, wait_for,
};

/// What the service said it has kept.
#[derive(Default)]
struct Kept {
    submissions: Vec<(String, String)>,
}

impl Kept {
    /// Posts a submission of its own; whether it was taken.
    async fn post(&mut self, client: &Client, file: bool) -> Answer {
        let text = format!("Report {}: {}", self.submissions.len(), "words ".repeat(500));
        let new = json!({"system": "system", "text": text});
        let answer = if file {
            // No two are alike: bytes that are there are not written again.
            let bytes = format!("{text}\n{}", "more\n".repeat(4_000 + self.submissions.len()));
            client.upload("/v1/submissions", "submission", &new, &[("report.txt", bytes.as_bytes())]).await
        } else {
            client.post("/v1/submissions", &new).await
        };
        if answer.status < 300 {
            let id = answer.is(201)["id"].as_str().unwrap().to_owned();
            self.submissions.push((id, text));
        }
        answer
    }

    async fn is_all_there(&self, client: &Client) {
        for (id, text) in &self.submissions {
            let found = client.get(&format!("/v1/submissions/{id}")).await.is(200);
            assert_eq!(found["text"].as_str(), Some(text.as_str()));
            for n in 0..found["files"].as_array().map_or(0, Vec::len) {
                let file = client.get(&format!("/v1/submissions/{id}/files/{n}")).await;
                assert_eq!(file.status, 200, "{}", file.text());
            }
        }
    }
}

/// A refusal that says: not kept, or not known; later.
fn is_later(answer: &Answer, codes: &[&str]) {
    let problem = answer.is(answer.status);
    assert!(matches!(answer.status, 503 | 507), "{problem}");
    assert!(codes.contains(&problem["code"].as_str().unwrap()), "{problem}");
    let after: u64 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("no Retry-After: {problem}"));
    assert!((1..=60).contains(&after));
    assert!(!problem.to_string().contains("/data"), "what is inside stays inside: {problem}");
}

async fn is_ready(client: &Client) -> bool {
    client.get("/readyz").await.status == 200
}

async fn is_ready_again(client: &Client) {
    wait_for("the service to be ready again", async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        is_ready(client).await.then_some(())
    })
    .await;
}

/// A disk that fails when it is told to.
struct Disk {
    control: PathBuf,
    library: PathBuf,
    below: PathBuf,
}

impl Disk {
    fn of(home: &Home) -> Self {
        let library = home.path("faulty_disk.so");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(repository("tests/all/faulty_disk.c")).arg("-ldl");
        let built = cc.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { control: home.path("fault"), library, below: home.path("data") }
    }

    async fn start(&self, home: &Home) -> Service {
        let mut command = program(home);
        command.arg("serve").arg("--config").arg(home.config());
        command.env("LD_PRELOAD", &self.library).env("FAULT_CONTROL", &self.control).env("FAULT_BELOW", &self.below);
        Service::start_command(command).await
    }

    fn fails(&self, how: &str) {
        // Whole at once: it is read at every call.
        let next = self.control.with_extension("next");
        std::fs::write(&next, how).unwrap();
        std::fs::rename(next, &self.control).unwrap();
    }

    fn is_well(&self) {
        std::fs::remove_file(&self.control).unwrap();
    }
}

async fn a_disk_that_fails_and_is_mended(how: &str, codes: &[&str]) {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = FakeOpenAi::start(move |_| Action::Held(held.clone(), Box::new(Action::answer("MET")))).await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, ""), panel(&["anna"], NO_REVIEWS)));
    let disk = Disk::of(&home);
    let service = disk.start(&home).await;
    let client = service.client();
    let mut kept = Kept::default();
    for n in 0..6 {
        kept.post(&client, n % 2 == 0).await.is(201);
    }
    let rubric = client.rubric(&statements(5)).await;
    let grading = client.grade(&kept.submissions[1].0, &rubric).await;
    wait_for("calls in flight", async || (server.count() == 5).then_some(())).await;
    assert!(is_ready(&client).await);

    disk.fails(how);
    for n in 0..6 {
        is_later(&kept.post(&client, n % 2 == 0).await, codes);
    }
    // Replies that come home now cannot be kept.
    gate.open();
    is_later(&client.get("/readyz").await, codes);
    tokio::time::sleep(Duration::from_millis(700)).await;
    is_later(&client.get("/readyz").await, codes);
    is_later(&kept.post(&client, false).await, codes);
    assert_eq!(client.get("/healthz").await.status, 200);

    disk.is_well();
    is_ready_again(&client).await;
    kept.is_all_there(&client).await;
    for n in 0..4 {
        kept.post(&client, n % 2 == 0).await.is(201);
    }
    // What it was doing goes on by itself.
    let done = client.settled(&format!("/v1/gradings/{grading}")).await;
    assert_eq!(done["status"], "completed", "{done}");
    let errors = client.get("/metrics").await;
    assert!(errors.text().contains("empanel_store_errors_total{backend=\"sled\",operation=\"commit\""));

    // And the disk holds what was said.
    service.kill9();
    let service = Service::start(&home).await;
    kept.is_all_there(&service.client()).await;
    assert_eq!(service.client().get(&format!("/v1/gradings/{grading}")).await.is(200)["score"], done["score"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_the_service_goes_on_when_there_is_room() {
    a_disk_that_fails_and_is_mended("write 28", &["insufficient_storage"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_became_read_only_is_told_and_the_service_goes_on_when_it_is_not() {
    a_disk_that_fails_and_is_mended("write 30", &["unavailable"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_sync_is_told_and_the_service_goes_on_when_it_can() {
    a_disk_that_fails_and_is_mended("sync 5", &["unavailable"]).await;
}

/// A small disk of its own at a folder, where this machine and user allow one.
struct Small(PathBuf);

impl Small {
    fn at(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let options = format!("size={size},mode=0777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            other => {
                eprintln!("skipped: no disk of a test's own can be mounted here: {other:?}");
                None
            }
        }
    }

    /// Takes all the room that is left; how to give it back.
    fn fill(&self) -> PathBuf {
        use std::io::Write;
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let piece = vec![1u8; 4_096];
        while file.write_all(&piece).is_ok() {}
        path
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_really_full_takes_nothing_back_of_what_was_acknowledged() {
    let home = Home::new("");
    let Some(disk) = Small::at(&home.path("data"), "24m") else { return };
    let service = Service::start(&home).await;
    let client = service.client();
    let mut kept = Kept::default();
    for n in 0..10 {
        kept.post(&client, n % 2 == 0).await.is(201);
    }
    for _ in 0..3 {
        let filler = disk.fill();
        // What is in the segments that sled has already may still be taken; then it ends.
        wait_for("the disk to be full", async || {
            let answer = kept.post(&client, kept.submissions.len().is_multiple_of(2)).await;
            (answer.status >= 300).then(|| is_later(&answer, &["insufficient_storage"]))
        })
        .await;
        std::fs::remove_file(filler).unwrap();
        is_ready_again(&client).await;
        kept.is_all_there(&client).await;
        kept.post(&client, true).await.is(201);
    }
    service.kill9();
    let service = Service::start(&home).await;
    kept.is_all_there(&service.client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_on_a_disk_that_is_really_read_only_are_refused_until_it_is_not() {
    let home = Home::new("");
    let Some(disk) = Small::at(&home.path("data/files"), "24m") else { return };
    let service = Service::start(&home).await;
    let client = service.client();
    let mut kept = Kept::default();
    kept.post(&client, true).await.is(201);
    disk.remount("ro");
    is_later(&kept.post(&client, true).await, &["unavailable"]);
    is_later(&client.get("/readyz").await, &["unavailable"]);
    kept.is_all_there(&client).await;
    kept.post(&client, false).await.is(201);
    disk.remount("rw");
    is_ready_again(&client).await;
    kept.post(&client, true).await.is(201);
    kept.is_all_there(&client).await;
}

/// A home whose records are in the database, with little patience.
fn home_on(url: &str) -> Home {
    let home = Home::new("");
    let sled = format!("url = \"sled:{}\"", home.path("data").display());
    let text = std::fs::read_to_string(home.config()).unwrap();
    assert!(text.contains(&sled), "{text}");
    let postgres = format!("url = \"{url}\"\npatience_s = 1\nconnect_timeout_s = 1");
    std::fs::write(home.config(), text.replace(&sled, &postgres)).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_read_only_full_or_gone_is_told_and_used_again_when_it_is_not() {
    let server = Server::own();
    let database = server.database();
    let url = database.url();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let space = Small::at(&server.folder().join("space"), "48m");
    if space.is_some() {
        let folder = server.folder().join("space/here");
        std::fs::create_dir_all(&folder).unwrap();
        let owner = std::fs::metadata(server.folder()).unwrap();
        use std::os::unix::fs::MetadataExt;
        std::os::unix::fs::chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
        server.psql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", folder.display())).unwrap();
        server.psql("postgres", &format!("ALTER DATABASE {name} SET TABLESPACE small")).unwrap();
    }
    let home = home_on(&url);
    let service = Service::start(&home).await;
    let client = service.client();
    let mut kept = Kept::default();
    kept.post(&client, true).await.is(201);
    assert!(is_ready(&client).await);

    // As after a failover, where the connections are to what is the standby now.
    let settings = |value: &str| {
        server.psql("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).unwrap();
        server.psql("postgres", "SELECT pg_reload_conf()").unwrap();
    };
    settings("on");
    wait_for("the database to refuse writes", async || {
        let answer = kept.post(&client, false).await;
        (answer.status >= 300).then(|| is_later(&answer, &["unavailable"]))
    })
    .await;
    is_later(&client.get("/readyz").await, &["unavailable"]);
    kept.is_all_there(&client).await;
    settings("off");
    is_ready_again(&client).await;
    kept.post(&client, false).await.is(201);

    // Everybody is thrown out, once.
    server
        .psql("postgres", &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
        .unwrap();
    kept.post(&client, false).await.is(201);

    server.crash();
    is_later(&kept.post(&client, false).await, &["unavailable"]);
    is_later(&client.get("/readyz").await, &["unavailable"]);
    server.restart();
    is_ready_again(&client).await;
    kept.post(&client, false).await.is(201);

    if let Some(space) = &space {
        let filler = space.fill();
        wait_for("the database to be full", async || {
            let answer = kept.post(&client, false).await;
            (answer.status >= 300).then(|| is_later(&answer, &["insufficient_storage"]))
        })
        .await;
        std::fs::remove_file(filler).unwrap();
        is_ready_again(&client).await;
        kept.post(&client, false).await.is(201);
    }
    kept.is_all_there(&client).await;
    service.kill9();
    let service = Service::start(&home).await;
    kept.is_all_there(&service.client()).await;
    drop(database);
    server.crash();
}
