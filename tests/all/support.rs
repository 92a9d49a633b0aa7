//! What the tests stand on: the program as a process ([`Service`], [`run`]), a client that shows what came back when
//! it is not what was meant, and judges that answer by script.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use empanel::judge::fake::{Call, FakeOpenAi};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything takes on a slow machine: reached only where something never happens.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The bytes of a file of the repository.
pub fn bytes_of(path: &str) -> Vec<u8> {
    let path = repository(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A folder of the test's own, with a configuration in it.
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// `judges_and_panels` is added to a configuration that keeps everything in the folder.
    pub fn new(judges_and_panels: &str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.configure("", judges_and_panels);
        home
    }

    /// Writes the configuration; `limits` are lines of `[limits]`.
    pub fn configure(&self, limits: &str, judges_and_panels: &str) {
        let data = self.path("data").display().to_string();
        // However slow the machine is, a page has its figures when it comes.
        let text = format!(
            "[server]\nbind = \"127.0.0.1:0\"\nworkers = 1\npage_patience_ms = 60000\n[store]\nurl = \"sled:{data}\"\n[files]\nurl = \"file:{data}/files\"\n\
             [limits]\n{limits}\n{judges_and_panels}"
        );
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn config(&self) -> PathBuf {
        self.path("configuration.toml")
    }
}

/// The program with an environment of its own: no setting, key or proxy of the machine reaches it.
pub fn program(home: &Home) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_empanel"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("NO_COLOR", "1").current_dir(home.folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command that ended said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    #[track_caller]
    pub fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The message of a mistake.
    #[track_caller]
    pub fn complains(self, words: &[&str]) -> Self {
        let this = self.exits_with(2);
        for word in words {
            assert!(this.stderr.contains(word), "{word:?} is not in: {}", this.stderr);
        }
        this
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

/// Runs a command to its end, off the runtime's threads: the fake judge needs them.
pub async fn run(home: &Home, arguments: &[&str]) -> Said {
    let mut command = program(home);
    command.args(arguments);
    tokio::task::spawn_blocking(move || {
        let output = command.output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    })
    .await
    .unwrap()
}

/// The service as a process. It is killed when dropped.
pub struct Service {
    child: Child,
    pub url: String,
}

impl Service {
    /// Starts it on the home's configuration and waits for the line that says where it listens.
    pub async fn start(home: &Home) -> Self {
        Self::start_with(home, &[]).await
    }

    pub async fn start_with(home: &Home, arguments: &[&str]) -> Self {
        Self::start_verb(home, "serve", arguments).await
    }

    /// Any verb that ends in serving.
    pub async fn start_verb(home: &Home, verb: &str, arguments: &[&str]) -> Self {
        let mut command = program(home);
        command.arg(verb).arg("--config").arg(home.config()).args(arguments);
        tokio::task::spawn_blocking(move || Self::spawn(command)).await.unwrap()
    }

    /// A command of one's own that ends in serving.
    pub async fn start_command(command: Command) -> Self {
        tokio::task::spawn_blocking(move || Self::spawn(command)).await.unwrap()
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let (lines, line) = mpsc::channel();
        std::thread::spawn(move || {
            // To its end, so that the program never writes into a pipe that nobody reads.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let address = std::iter::from_fn(|| line.recv_timeout(DEADLINE).ok())
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        match address {
            Some(url) => Self { child, url },
            None => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the service did not start:\n{}", log.join().unwrap_or_default());
            }
        }
    }

    pub fn client(&self) -> Client {
        Client { http: empanel::judge::client(false).unwrap(), url: self.url.clone(), key: None }
    }

    /// Ends it as a power cut would.
    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end.
    pub fn sigterm(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits until it has ended by itself; its exit code.
    pub async fn ended(mut self) -> i32 {
        let ended = wait_for("the service to end", async || self.child.try_wait().unwrap()).await;
        ended.code().unwrap_or(-1)
    }

    /// Waits until it takes no more requests.
    pub async fn is_stopping(&self) {
        let client = self.client();
        wait_for("the service to stop listening", async || {
            let answer = client.request("GET", "/readyz").timeout(DEADLINE).send().await;
            (!answer.is_ok_and(|answer| answer.status() == 200)).then_some(())
        })
        .await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub async fn wait_for<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A client of one service.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
}

/// A file on its way.
pub type File<'a> = (&'a str, &'a [u8]);

impl Client {
    /// The same with an API key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(path, "application/json", body.to_string(), None).await
    }

    /// A body of any type, with an `Idempotency-Key` if one is given.
    pub async fn send(&self, path: &str, media_type: &str, body: impl Into<Bytes>, key: Option<&str>) -> Answer {
        let mut request = self.request("POST", path).header("content-type", media_type).body(body.into());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Answer::of(request).await
    }

    /// A form: a part with JSON, and files.
    pub async fn upload(&self, path: &str, part: &str, content: &Value, files: &[File<'_>]) -> Answer {
        let (media_type, body) = form("a-line-between", part, &content.to_string(), files);
        self.send(path, &media_type, body, None).await
    }

    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{join}limit=1000{cursor}")).await.is(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Everything that is kept, as the lists tell it: equal before and after a request that left nothing.
    pub async fn everything(&self) -> Value {
        let mut all = json!({});
        for list in ["rubrics", "tasks", "submissions", "gradings", "comparisons", "reviews"] {
            all[list] = self.all(&format!("/v1/{list}")).await.into();
        }
        all
    }

    /// Posts a rubric; its id.
    pub async fn rubric(&self, rubric: &Value) -> String {
        let answer = self.post("/v1/rubrics", rubric).await.is(201);
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Posts a submission of text alone; its id.
    pub async fn text(&self, system: &str, text: &str) -> String {
        let answer = self.post("/v1/submissions", &json!({"system": system, "text": text})).await.is(201);
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Asks for a grading; its id.
    pub async fn grade(&self, submission: &str, rubric: &str) -> String {
        let asked = json!({"submission_id": submission, "rubric_id": rubric});
        let answer = self.post("/v1/gradings", &asked).await.is(202);
        answer["id"].as_str().unwrap().to_owned()
    }

    /// The grading or comparison once it is settled.
    pub async fn settled(&self, path: &str) -> Value {
        wait_for(&format!("{path} to be settled"), async || {
            let body = self.get(&format!("{path}?wait=30")).await.is(200);
            (!matches!(body["status"].as_str(), Some("queued" | "running"))).then_some(body)
        })
        .await
    }

    pub async fn votes(&self, grading: &str) -> Vec<Value> {
        self.all(&format!("/v1/gradings/{grading}/votes")).await
    }
}

/// A form as browsers and programs send it, with this boundary.
pub fn form(boundary: &str, part: &str, content: &str, files: &[File<'_>]) -> (String, Vec<u8>) {
    let mut body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"{part}\"\r\ncontent-type: application/json\r\n\r\n{content}\r\n"
    )
    .into_bytes();
    for (name, bytes) in files {
        let head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Bytes,
    what: String,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let request = request.timeout(DEADLINE * 2);
        let what = request
            .try_clone()
            .and_then(|r| r.build().ok())
            .map_or_else(String::new, |r| format!("{} {}", r.method(), r.url()));
        let response = request.send().await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap(), what }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {:?}", self.what, self.body))
    }

    /// A problem document with this status and code, whose detail says these words.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str, says: &[&str]) -> Value {
        let problem = self.is(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}: {problem}", self.what);
        assert_eq!(problem["code"], code, "{}: {problem}", self.what);
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("urn:empanel:problem:{code}"), "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        let whole = problem.to_string();
        for word in says {
            assert!(whole.contains(word), "{}: {word:?} is not in {problem}", self.what);
        }
        problem
    }

    /// A problem that names the field at this pointer.
    #[track_caller]
    pub fn is_bad_field(&self, pointer: &str, says: &[&str]) {
        let problem = self.is_problem(422, "invalid", says);
        let named =
            problem["errors"].as_array().is_some_and(|errors| errors.iter().any(|error| error["pointer"] == pointer));
        assert!(named, "{pointer} is not named by {problem}");
    }
}

/// An API key of a project.
pub async fn key(home: &Home, role: &str, project: &str, label: &str) -> String {
    let config = home.config().display().to_string();
    let said =
        run(home, &["keys", "create", "--role", role, "--project", project, "--label", label, "--config", &config])
            .await;
    said.exits_with(0).stdout.trim().to_owned()
}

/// A judge that asks the scripted server; its model is its name, so that the script knows who asks.
pub fn judge(name: &str, server: &FakeOpenAi, more: &str) -> String {
    format!(
        "[[judges]]\nname = \"{name}\"\nprovider = \"openai\"\nmodel = \"{name}\"\nbase_url = \"{}\"\n\
         price = {{ input = 1.0, cached_input = 0.5, output = 10.0 }}\n{more}\n",
        server.base_url()
    )
}

/// The panel that is meant where none is named.
pub fn panel(judges: &[&str], more: &str) -> String {
    let names: Vec<String> = judges.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[[panels]]\nname = \"default\"\njudges = [{}]\n{more}\n", names.join(", "))
}

/// Nothing goes to a human but what is asked for.
pub const NO_REVIEWS: &str =
    "review = { split = false, inconclusive = false, unverified_evidence = false, random_share = 0.0 }";

/// Who asks.
pub fn asker(call: &Call) -> String {
    call.json()["model"].as_str().unwrap_or_default().to_owned()
}

/// The requirement that is asked about; empty for a comparison.
pub fn requirement(call: &Call) -> String {
    let text = call.user_text();
    let Some((_, question)) = text.rsplit_once("# Criterion\n\n") else { return String::new() };
    question.split("\n\n# ").next().unwrap_or_default().trim().to_owned()
}

/// A rubric of so many yes/no criteria `c0`, `c1`, ... with the requirement `Statement <n>.`
pub fn statements(count: usize) -> Value {
    let criteria: Vec<Value> = (0..count)
        .map(|n| json!({"id": format!("c{n}"), "requirement": format!("Statement {n}."), "points": n % 3 + 1}))
        .collect();
    json!({"title": format!("{count} statements"), "criteria": criteria})
}

/// The number in `Statement <n>.`
pub fn number(call: &Call) -> usize {
    let text = requirement(call);
    text.trim_start_matches("Statement ").trim_end_matches('.').parse().unwrap_or_else(|e| panic!("{e}: {text:?}"))
}

/// The verdicts of a grading by criterion.
pub fn verdicts(grading: &Value) -> BTreeMap<String, String> {
    let criteria = grading["criteria"].as_array().unwrap();
    criteria.iter().map(|c| (c["id"].as_str().unwrap().to_owned(), c["verdict"].as_str().unwrap().to_owned())).collect()
}

/// What was answered, by criterion and judge; the cause where nothing was.
pub fn answers(votes: &[Value]) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for vote in votes {
        let key = (vote["criterion_id"].as_str().unwrap().to_owned(), vote["judge"].as_str().unwrap().to_owned());
        let answer = vote["answer"].as_str().or(vote["level"].as_str()).or(vote["cause"].as_str()).unwrap().to_owned();
        assert!(found.insert(key, answer).is_none(), "a second vote: {vote}");
    }
    found
}
