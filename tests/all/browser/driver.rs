//! One Chromium of a test's own: an empty profile, a driver on a port of its own, and both gone when the test ends,
//! however it ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Instant;

use base64::Engine;
use fantoccini::wd::WebDriverCompatibleCommand;
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::{DEADLINE, repository};

/// Browsers at once in this process; nextest, with a process for each test, has its own limit.
static ROOM: Semaphore = Semaphore::const_new(2);

const INSTALL: &str = "the tests of the pages need Chromium and its driver; install them \
     (Debian: apt-get install chromium chromium-driver), or leave these tests out with `./check quick`";

/// The first of these names that stands in a folder of `PATH`.
fn installed(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    found.into_iter().find(|file| file.is_file()).unwrap_or_else(|| panic!("{} is missing: {INSTALL}", names[0]))
}

/// The driver as a process, and with it the browser.
struct Driver {
    child: Child,
    url: String,
    profile: TempDir,
}

impl Driver {
    /// One that listens. It takes a port that is free for one family of addresses and then wants the same for the other;
    /// where many tests listen at once, that one may be somebody's.
    fn start() -> Self {
        let mut said = Vec::new();
        for _ in 0..10 {
            match Self::try_start() {
                Ok(driver) => return driver,
                Err(why) => said.push(why),
            }
        }
        panic!("chromedriver did not start: {said:?}");
    }

    fn try_start() -> Result<Self, String> {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(installed(&["chromedriver"]));
        command.arg("--port=0").env("HOME", profile.path()).env("TZ", "UTC").env("LANG", "en_US.UTF-8");
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        // A group of its own, so that nothing of it outlives the test.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let mut driver = Self { child, url: String::new(), profile };
        for line in lines.lines().map_while(Result::ok) {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                driver.url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
                return Ok(driver);
            }
            said.push_str(&line);
        }
        Err(said)
    }

    fn capabilities(&self, names: Option<&str>) -> serde_json::Map<String, Value> {
        let profile = format!("--user-data-dir={}", self.profile.path().join("profile").display());
        let mut arguments: Vec<&str> = vec![
            "--headless",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-sync",
            "--force-color-profile=srgb",
            "--force-prefers-reduced-motion",
            "--hide-scrollbars",
            "--lang=en-US",
            "--no-first-run",
            "--no-default-browser-check",
            "--window-size=1280,900",
            &profile,
        ];
        let names = names.map(|names| format!("--host-resolver-rules={names}"));
        arguments.extend(names.as_deref());
        // Chromium's sandbox does not work for root.
        if rustix::process::geteuid().is_root() {
            arguments.push("--no-sandbox");
        }
        let browser = installed(&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]);
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments, "binary": browser},
            "goog:loggingPrefs": {"browser": "ALL"},
            "unhandledPromptBehavior": "ignore",
            "timeouts": {"script": 60_000, "pageLoad": 60_000, "implicit": 0},
        });
        capabilities.as_object().unwrap().clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process, kill_process_group};
        if let Ok(id) = i32::try_from(self.child.id())
            && let Some(group) = Pid::from_raw(id)
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        // The browser may have made groups of its own; it is known by its profile, which nobody else has.
        let ours = self.profile.path().as_os_str().as_encoded_bytes().to_vec();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if words.windows(ours.len()).any(|part| part == ours)
                && let Some(id) = Pid::from_raw(id)
            {
                let _ = kill_process(id, Signal::KILL);
            }
        }
    }
}

/// Any command of the driver.
#[derive(Debug)]
struct Raw {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (self.method.clone(), self.body.as_ref().map(ToString::to_string))
    }
}

/// Runs before any script of a page: remembers what shifted, what the policy forbade and whether anything was
/// executed that a user wrote.
const WATCH: &str = r"
(() => {
  const seen = { shift: 0, shifts: [], violations: [], ran: [] };
  Object.defineProperty(window, '__seen', { value: seen });
  const ran = (what) => (text) => { seen.ran.push(`${what}(${String(text).slice(0, 200)})`); };
  for (const what of ['alert', 'confirm', 'prompt', 'print']) window[what] = ran(what);
  let flag;
  Object.defineProperty(window, '__xss', { get: () => flag, set: (value) => { flag = value; ran('__xss')(value); } });
  addEventListener('securitypolicyviolation', (e) => {
    seen.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample} ${e.sourceFile}:${e.lineNumber}`);
  });
  const name = (node) => node ? `${node.nodeName}#${node.id || ''}.${node.className || ''}` : 'gone';
  try {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.hadRecentInput) continue;
        seen.shift += entry.value;
        seen.shifts.push(`${entry.value.toFixed(4)}: ${entry.sources.map((s) => name(s.node)).join(', ')}`);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  } catch { /* A document without a window, as of an image. */ }
})();
";

/// What has the keyboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focus {
    /// As a screen reader says it: `link`, `button`, `radio`, `textbox`, `combobox` ...
    pub role: String,
    /// Its accessible name.
    pub name: String,
}

/// A browser on one service.
pub struct Browser {
    client: fantoccini::Client,
    base: String,
    test: String,
    complaints: std::sync::Mutex<Vec<String>>,
    _driver: Driver,
    _room: SemaphorePermit<'static>,
}

impl Browser {
    /// Starts one. `test` names the folder of its screenshots, `target/browser/<test>/`.
    pub async fn open(base: &str, test: &str) -> Self {
        Self::open_with(base, None, test).await
    }

    /// The same, with the service under a name of its own on the usual port, as behind a proxy.
    pub async fn open_under(name: &str, base: &str, test: &str) -> Self {
        let address = base.trim_start_matches("http://").trim_end_matches('/');
        let host = name.trim_start_matches("http://");
        Self::open_with(name, Some(&format!("MAP {host}:80 {address}")), test).await
    }

    async fn open_with(base: &str, names: Option<&str>, test: &str) -> Self {
        let room = ROOM.acquire().await.unwrap();
        let _ = std::fs::remove_dir_all(screenshots().join(test));
        let driver = tokio::task::spawn_blocking(Driver::start).await.unwrap();
        let mut connector = HttpConnector::new();
        connector.enforce_http(true);
        let mut builder = fantoccini::ClientBuilder::new(connector);
        builder.capabilities(driver.capabilities(names));
        let client = builder.connect(&driver.url).await.unwrap_or_else(|e| panic!("{e}; {INSTALL}"));
        let browser = Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            test: test.to_owned(),
            complaints: std::sync::Mutex::default(),
            _driver: driver,
            _room: room,
        };
        browser.cdp("Page.addScriptToEvaluateOnNewDocument", json!({"source": WATCH})).await;
        browser.size(1280, 900).await;
        browser
    }

    async fn command(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = path.to_owned();
        let what = format!("{method} {path}");
        self.client.issue_cmd(Raw { method, path, body }).await.unwrap_or_else(|e| panic!("{what}: {e}"))
    }

    /// A command of the browser's own protocol.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.command(Method::POST, "goog/cdp/execute", Some(body)).await
    }

    /// Goes to a path of the service and waits until it is loaded.
    pub async fn go(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.client.goto(&url).await.unwrap_or_else(|e| panic!("{url}: {e}"));
    }

    /// Path and query of where it is; the whole address where that is not the service.
    pub async fn at(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.base).map_or_else(|| url.to_string(), str::to_owned)
    }

    /// The value of a script; it ends with `return`.
    pub async fn script(&self, script: &str) -> Value {
        self.script_with(script, vec![]).await
    }

    /// With `arguments[0]` and so on.
    pub async fn script_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|e| panic!("{e}: {script}"))
    }

    /// The value of a script that calls its last argument when it is done.
    pub async fn script_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute_async(script, arguments).await.unwrap_or_else(|e| panic!("{e}"))
    }

    /// Asks until the expression is true in a page that is loaded.
    pub async fn wait(&self, what: &str, expression: &str) {
        let deadline = Instant::now() + DEADLINE / 3;
        let script = format!("return document.readyState === 'complete' && Boolean({expression});");
        loop {
            // While a page goes and the next comes, there may be nothing to ask.
            if self.client.execute(&script, vec![]).await.is_ok_and(|value| value == true) {
                return;
            }
            if Instant::now() > deadline {
                self.screenshot("waited-in-vain").await;
                panic!("waited in vain for {what} on {}: {}", self.at().await, self.text("body").await);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Waits until the page is at an address that starts like this, and is loaded.
    pub async fn wait_at(&self, path: &str) {
        let expression = format!("(location.pathname + location.search + location.hash).startsWith({})", json!(path));
        self.wait(path, &expression).await;
    }

    /// What a person reads of the first element of a selector; empty where there is none.
    pub async fn text(&self, selector: &str) -> String {
        let found = "return document.querySelector(arguments[0])?.innerText ?? '';";
        self.script_with(found, vec![json!(selector)]).await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses keys, one combination after the other: `Tab`, `Shift+Tab`, `Enter`, `Ctrl+Enter`, `j`.
    pub async fn press(&self, keys: &str) {
        let mut actions = Vec::new();
        for combination in keys.split(' ').filter(|part| !part.is_empty()) {
            let keys: Vec<String> =
                if combination == "+" { vec!["+".to_owned()] } else { combination.split('+').map(key).collect() };
            let turn = |kind: &str, value: &String| json!({"type": kind, "value": value});
            actions.extend(keys.iter().map(|key| turn("keyDown", key)));
            actions.extend(keys.iter().rev().map(|key| turn("keyUp", key)));
        }
        self.act(actions).await;
    }

    /// Types text into what has the keyboard.
    pub async fn write(&self, text: &str) {
        let keys = text.chars().map(|key| key.to_string());
        let both = |key: String| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})];
        self.act(keys.flat_map(both).collect()).await;
    }

    async fn act(&self, actions: Vec<Value>) {
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.command(Method::POST, "actions", Some(body)).await;
    }

    /// What has the keyboard, as a screen reader says it.
    pub async fn focus(&self) -> Focus {
        let element = self.command(Method::GET, "element/active", None).await;
        let id = element.as_object().and_then(|one| one.values().next()).and_then(Value::as_str).unwrap_or_default();
        let ask = async |what: &str| {
            let said = self.command(Method::GET, &format!("element/{id}/{what}"), None).await;
            said.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        Focus { role: ask("computedrole").await, name: ask("computedlabel").await }
    }

    /// Goes on by Tab until something of this role whose name contains this has the keyboard.
    pub async fn tab_to(&self, role: &str, name: &str) {
        let mut passed: Vec<String> = Vec::new();
        for _ in 0..250 {
            self.press("Tab").await;
            let focus = self.focus().await;
            if focus.role == role && focus.name.contains(name) {
                let seen = "const r = document.activeElement.getBoundingClientRect();
                    return r.bottom > 0 && r.top < innerHeight && r.width > 0;";
                assert_eq!(self.script(seen).await, true, "{focus:?} has the keyboard where nobody sees it");
                return;
            }
            passed.push(format!("{} {:?}", focus.role, focus.name));
        }
        self.screenshot("not-reached").await;
        panic!("no {role} {name:?} is reached by Tab on {}; passed: {}", self.at().await, passed.join(", "));
    }

    /// Chooses one of the radio buttons of which one has the keyboard, by its name.
    pub async fn choose(&self, name: &str) {
        self.press("Space").await;
        for _ in 0..12 {
            if self.focus().await.name.starts_with(name) {
                assert_eq!(self.script("return document.activeElement.checked;").await, true);
                return;
            }
            self.press("Down").await;
        }
        panic!("there is nothing to choose named {name:?} on {}: {:?}", self.at().await, self.focus().await);
    }

    /// Keeps what is to be seen, from the top to the end of the page, in `target/browser/<test>/<name>.png`.
    pub async fn screenshot(&self, name: &str) {
        let metrics = self.cdp("Page.getLayoutMetrics", json!({})).await;
        let size = &metrics["cssContentSize"];
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "scale": 1,
            "height": size["height"].as_f64().unwrap_or(900.0).min(6_000.0)});
        let taken = self
            .cdp("Page.captureScreenshot", json!({"captureBeyondViewport": true, "format": "png", "clip": clip}))
            .await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = screenshots().join(&self.test);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    pub async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value},
            {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// The size of the window's inside; a narrow one is a telephone.
    pub async fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Logs in with a key, as a person does.
    pub async fn log_in(&self, key: &str) {
        self.go("/login").await;
        self.tab_to("textbox", "API key").await;
        self.write(key).await;
        self.press("Enter").await;
        self.wait("the first page after the login", "location.pathname === '/'").await;
    }

    /// What the page and the console have complained of since the last time.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.command(Method::POST, "se/log", Some(json!({"type": "browser"}))).await;
        let mut all: Vec<String> = log
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["level"] == "SEVERE" || entry["source"] == "security")
            .map(|entry| format!("console: {}", entry["message"].as_str().unwrap_or_default()))
            .collect();
        let seen = self.script("const s = window.__seen; return s ? [...s.violations, ...s.ran] : [];").await;
        all.extend(seen.as_array().into_iter().flatten().map(|one| format!("page: {one}")));
        all
    }

    /// What the console says until here belongs to the page where it is now.
    pub async fn note(&self) {
        let at = self.at().await;
        let found = self.complaints().await.into_iter().map(|one| format!("{at}: {one}"));
        self.complaints.lock().unwrap().extend(found);
    }

    /// Says that complaints which contain this are meant: a test that provokes an answer of 4xx.
    pub async fn forgive(&self, words: &str) {
        self.note().await;
        self.complaints.lock().unwrap().retain(|one| !one.contains(words));
    }

    /// The end of every test: the browser is closed and has had nothing to complain of.
    pub async fn done(self) {
        self.note().await;
        let complaints = std::mem::take(&mut *self.complaints.lock().unwrap());
        assert!(complaints.is_empty(), "the browser complained:\n{}", complaints.join("\n"));
        let _ = self.client.clone().close().await;
    }
}

/// The name of a key as WebDriver knows it.
fn key(name: &str) -> String {
    let code = match name {
        "Backspace" => '\u{e003}',
        "Tab" => '\u{e004}',
        "Enter" => '\u{e007}',
        "Shift" => '\u{e008}',
        "Ctrl" => '\u{e009}',
        "Alt" => '\u{e00a}',
        "Escape" => '\u{e00c}',
        "Space" => ' ',
        "End" => '\u{e010}',
        "Home" => '\u{e011}',
        "Left" => '\u{e012}',
        "Up" => '\u{e013}',
        "Right" => '\u{e014}',
        "Down" => '\u{e015}',
        _ => return name.to_owned(),
    };
    code.to_string()
}

/// Where the pictures go; no part of the repository.
fn screenshots() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository("target"), PathBuf::from);
    let target = if target.is_absolute() { target } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(target) };
    target.join("browser")
}
