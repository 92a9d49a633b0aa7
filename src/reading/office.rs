//! LibreOffice, where it is on the machine: an Office file becomes a pdf, so that its pages can be drawn. The service
//! runs without it; Office files are then shown as text only.
//!
//! The file is a stranger's, and LibreOffice is a large program. Every conversion is a process of its own with a fresh
//! folder for home, profile and temporary files, and:
//! - an environment of its own: nothing of the service's (no keys) is in it;
//! - a limit of time, after which the process and everything it started is killed;
//! - limits (`ulimit`, per process) on memory, processor time and the size of any file it writes; a limit on the pdf;
//! - macros off, links and references to anything outside the file not followed, Java off;
//! - where `unshare` is permitted (Linux; as root, or with user namespaces): no network, and no process that it
//!   started outlives it. Elsewhere (many containers, macOS) these two are *not* enforced: a process that leaves its
//!   group could outlive the limit of time, and only LibreOffice's own settings keep it off the network.
//!
//! Not enforced anywhere: it may read what the service's user may read. Run the service as a user of its own.
//! Spreadsheets are drawn one page a sheet (from LibreOffice 7.4), presentations with their hidden slides, so that
//! numbers of pages are numbers of slides.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, Semaphore};

/// Which LibreOffice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OfficeProgram {
    /// The one that is found on the machine, if any.
    #[default]
    Auto,
    /// None, even if there is one.
    Off,
    /// This `soffice`.
    At(PathBuf),
}

#[derive(Debug, Clone)]
pub struct OfficeLimits {
    /// Of one conversion.
    pub time: Duration,
    /// Address space of each of its processes, in bytes.
    pub memory: u64,
    /// Bytes of the pdf, and of any file on the way to it.
    pub output: u64,
    /// Conversions at the same time.
    pub at_once: usize,
}

impl Default for OfficeLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), memory: 3 << 30, output: 200 << 20, at_once: 2 }
    }
}

/// What LibreOffice opens a file as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfficeKind {
    Text(&'static str),
    Sheets(&'static str),
    Slides(&'static str),
}

impl OfficeKind {
    /// The kind of a file, by the media type that its reader found; `None` if it has no pages that LibreOffice draws.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        let office = media_type.strip_prefix("application/vnd.openxmlformats-officedocument.");
        let open = media_type.strip_prefix("application/vnd.oasis.opendocument.");
        Some(match (media_type, office, open) {
            (_, Some("wordprocessingml.document"), _) => Self::Text("docx"),
            (_, Some("spreadsheetml.sheet"), _) => Self::Sheets("xlsx"),
            (_, Some("presentationml.presentation"), _) => Self::Slides("pptx"),
            (_, _, Some("text")) => Self::Text("odt"),
            (_, _, Some("spreadsheet")) => Self::Sheets("ods"),
            (_, _, Some("presentation")) => Self::Slides("odp"),
            ("application/msword", ..) => Self::Text("doc"),
            ("application/rtf" | "text/rtf", ..) => Self::Text("rtf"),
            ("application/vnd.ms-excel", ..) => Self::Sheets("xls"),
            ("application/vnd.ms-excel.sheet.macroenabled.12", ..) => Self::Sheets("xlsm"),
            ("application/vnd.ms-powerpoint", ..) => Self::Slides("ppt"),
            _ => return None,
        })
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Text(extension) | Self::Sheets(extension) | Self::Slides(extension) => extension,
        }
    }

    fn filter(self) -> &'static str {
        match self {
            Self::Text(_) => "pdf:writer_pdf_Export",
            Self::Sheets(_) => r#"pdf:calc_pdf_Export:{"SinglePageSheets":{"type":"boolean","value":"true"}}"#,
            Self::Slides(_) => r#"pdf:impress_pdf_Export:{"ExportHiddenSlides":{"type":"boolean","value":"true"}}"#,
        }
    }
}

/// Office files to pdf.
#[derive(Debug)]
pub struct Office {
    program: OfficeProgram,
    limits: OfficeLimits,
    found: OnceCell<Result<Found, String>>,
    slots: Semaphore,
}

/// A LibreOffice that answered.
#[derive(Debug, Clone)]
struct Found {
    program: PathBuf,
    /// `libreoffice/7.4.7.2`.
    version: String,
    /// Stands in front of every command: `unshare ...`, or nothing.
    fence: Vec<&'static str>,
}

/// A pdf and what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    pub pdf: Vec<u8>,
    /// `libreoffice/7.4.7.2`.
    pub by: String,
}

/// Why there is no pdf, and whether trying again may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPdf {
    pub reason: String,
    /// It is not the file's fault: LibreOffice is not there.
    pub absent: bool,
}

impl Office {
    #[must_use]
    pub fn new(program: OfficeProgram, limits: OfficeLimits) -> Self {
        let slots = Semaphore::new(limits.at_once.max(1));
        Self { program, limits, found: OnceCell::new(), slots }
    }

    /// # Errors
    /// Why there is no pdf, in words.
    pub async fn to_pdf(&self, bytes: &[u8], kind: OfficeKind) -> Result<Converted, NoPdf> {
        let found = self.found().await.map_err(|reason| NoPdf { reason, absent: true })?;
        let failed = |reason: String| NoPdf { reason, absent: false };
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(failed("the service is stopping".to_owned()));
        };
        let name = format!("file.{}", kind.extension());
        let folder = folder(Some((name.clone(), bytes.to_vec()))).await.map_err(failed)?;
        let at = folder.path();
        let home = at.join("home");
        let arguments: Vec<OsString> = vec![
            format!("-env:UserInstallation={}", file_url(&home.join("profile"))).into(),
            "--headless".into(),
            "--norestore".into(),
            "--nologo".into(),
            "--nodefault".into(),
            "--nolockcheck".into(),
            "--convert-to".into(),
            kind.filter().into(),
            "--outdir".into(),
            at.join("out").into(),
            at.join(&name).into(),
        ];
        let ended = self.run(found, at, &arguments).await.map_err(failed)?;
        let most = self.limits.output;
        let collected = tokio::task::spawn_blocking(move || collect(&folder, ended, most)).await;
        let pdf = collected.map_err(|e| failed(format!("its pdf could not be fetched: {e}")))?.map_err(failed)?;
        Ok(Converted { pdf, by: found.version.clone() })
    }

    /// The version that answered, `libreoffice/7.4.7.2`.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn version(&self) -> Result<String, String> {
        self.found().await.map(|found| found.version.clone())
    }

    async fn found(&self) -> Result<&Found, String> {
        self.found.get_or_init(|| self.look()).await.as_ref().map_err(Clone::clone)
    }

    async fn look(&self) -> Result<Found, String> {
        const SO: &str = "Office files are shown as text only";
        let program = match &self.program {
            OfficeProgram::Off => {
                return Err(format!("LibreOffice is off in the configuration ([reading] libreoffice); {SO}"));
            }
            OfficeProgram::At(path) if path.is_file() => path.clone(),
            OfficeProgram::At(path) => {
                return Err(format!("there is no LibreOffice at {} ([reading] libreoffice); {SO}", path.display()));
            }
            OfficeProgram::Auto => search().ok_or_else(|| format!("LibreOffice is not on this machine; {SO}"))?,
        };
        let mut found = Found { program, version: String::new(), fence: fence().await };
        let answer = async {
            let folder = folder(None).await?;
            let profile = format!("-env:UserInstallation={}", file_url(&folder.path().join("home/profile")));
            self.run(&found, folder.path(), &[profile.into(), "--headless".into(), "--version".into()]).await?;
            std::fs::read_to_string(folder.path().join("stdout")).map_err(|e| format!("it said nothing: {e}"))
        };
        let said = answer.await.map_err(|why| format!("LibreOffice does not run: {why}; {SO}"))?;
        let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let version: String = version.unwrap_or("unknown").chars().take(20).collect();
        found.version = format!("libreoffice/{version}");
        if found.fence.is_empty() {
            tracing::warn!("LibreOffice runs without a network namespace: `unshare` is not permitted here");
        }
        tracing::info!(program = %found.program.display(), version = found.version, "LibreOffice draws Office files");
        Ok(found)
    }

    /// Runs it to its end or to the limit of time; leaves nothing running.
    async fn run(&self, found: &Found, folder: &Path, arguments: &[OsString]) -> Result<ExitStatus, String> {
        let limits = &self.limits;
        // A limit that a shell does not know is passed over; what is enforced stands above. The shell stays, because
        // the first process of a namespace is deaf to the signals by which the others end.
        let script = r#"ulimit -c 0 2>/dev/null; ulimit -v "$1" 2>/dev/null; ulimit -t "$2" 2>/dev/null
ulimit -f "$3" 2>/dev/null; shift 3; "$@"; exit $?"#;
        let mut line: Vec<OsString> = found.fence.iter().map(OsString::from).collect();
        line.extend(["/bin/sh", "-c", script, "sh"].map(OsString::from));
        line.push((limits.memory / 1024).to_string().into());
        // Processor time is a second net below the limit of time; it counts all threads.
        line.push((4 * limits.time.as_secs().max(1)).to_string().into());
        line.push((limits.output / 512).to_string().into());
        line.push(found.program.clone().into());
        line.extend(arguments.iter().cloned());
        let (program, rest) = line.split_first().ok_or("there is no command")?;
        let output = |name: &str| {
            std::fs::File::create(folder.join(name)).map_err(|e| format!("its folder cannot be written: {e}"))
        };
        let home = folder.join("home");
        let mut command = Command::new(program);
        command
            .args(rest)
            .current_dir(folder)
            .env_clear()
            .env("HOME", &home)
            .env("TMPDIR", folder.join("tmp"))
            .env("XDG_RUNTIME_DIR", folder.join("tmp"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("SAL_USE_VCLPLUGIN", "svp")
            .stdin(Stdio::null())
            .stdout(output("stdout")?)
            .stderr(output("stderr")?)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().map_err(|e| format!("{} cannot be started: {e}", program.display()))?;
        let mut group = Group::of(child);
        match tokio::time::timeout(limits.time, group.child.wait()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(e)) => Err(format!("LibreOffice cannot be waited for: {e}")),
            Err(_) => {
                group.kill();
                let _ = group.child.wait().await;
                Err(format!("LibreOffice was not done with it after {} s and was stopped", limits.time.as_secs_f64()))
            }
        }
    }
}

/// A process with everything it started, none of which outlives this value.
struct Group {
    child: Child,
    id: Option<rustix::process::Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        Self { child, id }
    }

    fn kill(&self) {
        if let Some(id) = self.id {
            // Nobody being left is what is wanted.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The strictest `unshare` that is permitted here.
async fn fence() -> Vec<&'static str> {
    const ALL: &[&str] = &["--net", "--pid", "--fork", "--kill-child", "--"];
    for ways in [&[][..], &["--map-current-user"], &["--map-root-user"]] {
        let fence = [&["unshare"], ways, ALL].concat();
        let (program, rest) = (fence[0], &fence[1..]);
        let mut command = Command::new(program);
        command.args(rest).arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.kill_on_drop(true).status().await.is_ok_and(|status| status.success()) {
            return fence;
        }
    }
    Vec::new()
}

/// Where LibreOffice usually is.
fn search() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::split_paths(&path).flat_map(|folder| [folder.join("soffice"), folder.join("libreoffice")]);
    let usual = [
        "/usr/lib/libreoffice/program/soffice",
        "/usr/lib64/libreoffice/program/soffice",
        "/opt/libreoffice/program/soffice",
        "/Applications/LibreOffice.app/Contents/MacOS/soffice",
    ];
    named.chain(usual.map(PathBuf::from)).find(|program| program.is_file())
}

/// A fresh folder with the profile, and the file in it.
async fn folder(file: Option<(String, Vec<u8>)>) -> Result<tempfile::TempDir, String> {
    let make = move || -> std::io::Result<tempfile::TempDir> {
        let folder = tempfile::Builder::new().prefix("empanel-office-").tempdir()?;
        let user = folder.path().join("home/profile/user");
        std::fs::create_dir_all(&user)?;
        std::fs::create_dir(folder.path().join("tmp"))?;
        std::fs::create_dir(folder.path().join("out"))?;
        std::fs::write(user.join("registrymodifications.xcu"), profile())?;
        if let Some((name, bytes)) = file {
            std::fs::write(folder.path().join(name), bytes)?;
        }
        Ok(folder)
    };
    let made = tokio::task::spawn_blocking(make).await.map_err(|e| format!("no folder for LibreOffice: {e}"))?;
    made.map_err(|e| format!("no folder for LibreOffice: {e}"))
}

/// Settings of LibreOffice, in its own words. Source: its `registry/main.xcd`.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Common/Security/Scripting", "DisableActiveContent", "true"),
    ("Common/Security/Scripting", "DisableOLEAutomation", "true"),
    ("Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Common/Misc", "FirstRun", "false"),
    ("Java/VirtualMachine", "Enable", "false"),
    // Never. The two number it differently.
    ("Calc/Content/Update", "Link", "1"),
    ("Writer/Content/Update", "Link", "0"),
];

fn profile() -> String {
    let mut out = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
"#,
    );
    for (path, name, value) in SETTINGS {
        out.push_str(&format!(
            "<item oor:path=\"/org.openoffice.Office.{path}\"><prop oor:name=\"{name}\" oor:op=\"fuse\"><value>{value}</value></prop></item>\n"
        ));
    }
    out.push_str("</oor:items>\n");
    out
}

fn file_url(path: &Path) -> String {
    let mut out = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => out.push(char::from(*byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The pdf, or why there is none. LibreOffice may end well without one.
fn collect(folder: &tempfile::TempDir, ended: ExitStatus, most: u64) -> Result<Vec<u8>, String> {
    let said = || {
        let said = std::fs::read(folder.path().join("stderr")).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[..said.len().min(4_096)]).into_owned();
        let line = said.lines().map(str::trim).find(|line| !line.is_empty() && !line.contains("javaldx"));
        line.map_or_else(String::new, |line| format!(": {}", line.chars().take(200).collect::<String>()))
    };
    let path = folder.path().join("out/file.pdf");
    let pdf = std::fs::symlink_metadata(&path).ok().filter(std::fs::Metadata::is_file);
    if !ended.success() {
        return Err(format!("LibreOffice failed on it ({ended}){}", said()));
    }
    let Some(pdf) = pdf.filter(|pdf| pdf.len() > 0) else {
        return Err(format!("LibreOffice made no pdf of it{}", said()));
    };
    if pdf.len() >= most {
        return Err(format!("LibreOffice's pdf of it has over {most} bytes"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).map_err(|e| format!("LibreOffice's pdf of it cannot be read: {e}"))?;
    file.take(most).read_to_end(&mut bytes).map_err(|e| format!("LibreOffice's pdf of it cannot be read: {e}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A shell script in LibreOffice's place. `$out` is where the pdf belongs, `$file` what to convert.
    fn fake(script: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("soffice");
        let text = format!(
            r#"#!/bin/sh
here='{}'
while [ $# -gt 0 ]; do
  case "$1" in
    --version) echo "LibreOffice 9.8.7.6 40(Build:2)"; exit 0;;
    --outdir) shift; out="$1/file.pdf";;
    *) file="$1";;
  esac
  shift
done
{script}
"#,
            folder.path().display()
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    fn limits() -> OfficeLimits {
        OfficeLimits { time: Duration::from_secs(20), output: 1 << 20, ..OfficeLimits::default() }
    }

    async fn convert(script: &str, limits: OfficeLimits) -> (tempfile::TempDir, Result<Converted, NoPdf>) {
        let (folder, path) = fake(script);
        let office = Office::new(OfficeProgram::At(path), limits);
        let made = office.to_pdf(b"the file", OfficeKind::Text("docx")).await;
        (folder, made)
    }

    #[tokio::test]
    async fn a_file_becomes_a_pdf_and_it_is_known_what_made_it() {
        let (_folder, made) = convert(r#"cp "$file" "$out""#, limits()).await;
        assert_eq!(made.unwrap(), Converted { pdf: b"the file".to_vec(), by: "libreoffice/9.8.7.6".to_owned() });
    }

    #[tokio::test]
    async fn nothing_of_the_service_s_environment_reaches_it() {
        let (_folder, made) = convert(r#"env > "$out""#, limits()).await;
        let said = String::from_utf8(made.unwrap().pdf).unwrap();
        assert!(said.contains("TZ=UTC"), "{said}");
        assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok() && !said.contains("CARGO"), "{said}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_with_its_children() {
        // The child would leave a mark long after the limit, and the test looks for the mark later still.
        let script = r#"(sleep 2; echo alive > "$here/mark") & echo started > "$here/begun"; sleep 600"#;
        let time = Duration::from_millis(1_000);
        let (folder, made) = convert(script, OfficeLimits { time, ..limits() }).await;
        let reason = made.unwrap_err().reason;
        assert!(reason.contains("not done with it after 1 s and was stopped"), "{reason}");
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(folder.path().join("begun").exists(), "it never began");
        assert!(!folder.path().join("mark").exists(), "a child outlived it");
    }

    #[tokio::test]
    async fn a_child_left_behind_by_one_that_ended_is_killed_too() {
        let script = r#"(sleep 1; echo alive > "$here/mark") & cp "$file" "$out""#;
        let (folder, made) = convert(script, limits()).await;
        assert!(made.is_ok());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!folder.path().join("mark").exists(), "a child outlived it");
    }

    #[tokio::test]
    async fn a_crash_says_how_it_ended_and_what_was_said() {
        let (_folder, made) = convert("echo 'out of luck' >&2; exit 77", limits()).await;
        let failed = made.unwrap_err();
        assert!(failed.reason.contains("77") && failed.reason.ends_with(": out of luck"), "{}", failed.reason);
        assert!(!failed.absent);
        let (_folder, made) = convert("kill -SEGV $$", limits()).await;
        assert!(made.unwrap_err().reason.starts_with("LibreOffice failed on it (exit status: 139)"));
    }

    #[tokio::test]
    async fn output_without_end_stops_at_the_limit() {
        let (_folder, made) = convert(r#"cat /dev/zero > "$out""#, limits()).await;
        let reason = made.unwrap_err().reason;
        assert!(reason.contains("over 1048576 bytes") || reason.contains("failed on it"), "{reason}");
        let (_folder, made) = convert(r#"cat /dev/zero; cp "$file" "$out""#, limits()).await;
        assert!(made.is_ok() || made.unwrap_err().reason.contains("failed on it"));
    }

    #[tokio::test]
    async fn no_pdf_and_a_link_in_its_place_are_failures() {
        for script in ["true", r#": > "$out""#, r#"ln -s /etc/passwd "$out""#, r#"mkdir "$out""#] {
            let (_folder, made) = convert(script, limits()).await;
            assert_eq!(made.unwrap_err().reason, "LibreOffice made no pdf of it", "{script}");
        }
    }

    #[tokio::test]
    async fn without_libreoffice_the_reason_says_what_is_shown_instead() {
        let of = async |program| {
            let office = Office::new(program, limits());
            let failed = office.to_pdf(b"x", OfficeKind::Text("docx")).await.unwrap_err();
            assert!(failed.absent && failed.reason.ends_with("Office files are shown as text only"));
            failed.reason
        };
        assert!(of(OfficeProgram::Off).await.contains("off in the configuration"));
        assert!(of(OfficeProgram::At("/nowhere/soffice".into())).await.contains("/nowhere/soffice"));
    }

    #[tokio::test]
    async fn the_real_one_makes_a_pdf_of_rich_text() {
        let office = Office::new(OfficeProgram::Auto, OfficeLimits::default());
        let file = br"{\rtf1\ansi Net income is 12,400 dollars.\par}";
        match office.to_pdf(file, OfficeKind::Text("rtf")).await {
            Ok(made) => {
                assert!(made.pdf.starts_with(b"%PDF-"));
                assert!(made.by.starts_with("libreoffice/"), "{}", made.by);
            }
            Err(failed) if failed.absent => eprintln!("skipped: {}", failed.reason),
            Err(failed) => panic!("{}", failed.reason),
        }
    }

    #[test]
    fn folders_with_odd_names_become_urls() {
        assert_eq!(file_url(Path::new("/tmp/a b#ü")), "file:///tmp/a%20b%23%C3%BC");
    }
}
