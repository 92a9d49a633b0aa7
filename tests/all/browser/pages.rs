//! The one table of the pages that there are, and that it is whole.

use std::collections::BTreeSet;

use regex::Regex;

use super::driver::Browser;
use super::world::World;
use crate::support::repository;

/// What a route answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    Page,
    /// A file, a picture, an asset: nothing that is laid out here.
    Bytes,
}

/// A line of the table.
pub struct Line {
    /// As the service declares it.
    pub route: &'static str,
    pub shows: Shows,
    /// Where to go, and as whom: `lead` is admin, `rob`, `sue` and `ann` are reviewers.
    pub visits: fn(&World) -> Vec<(&'static str, String)>,
}

const fn page(route: &'static str, visits: fn(&World) -> Vec<(&'static str, String)>) -> Line {
    Line { route, shows: Shows::Page, visits }
}

const fn bytes(route: &'static str, visits: fn(&World) -> Vec<(&'static str, String)>) -> Line {
    Line { route, shows: Shows::Bytes, visits }
}

fn lead<const N: usize>(paths: [&str; N]) -> Vec<(&'static str, String)> {
    paths.into_iter().map(|path| ("lead", path.to_owned())).collect()
}

/// Every way to look at the questions: everybody sees each of them in their own state.
fn questions(world: &World) -> Vec<(&'static str, String)> {
    let of = |who: &'static str, names: &[&str]| -> Vec<(&'static str, String)> {
        names.iter().map(|name| (who, format!("/reviews/{}", world.reviews[name]))).collect()
    };
    [
        of(
            "rob",
            &["open", "mine", "waits", "differ", "agreed", "settled", "preference", "preferred", "search", "searching"],
        ),
        of("ann", &["mine", "differ", "preference-differs", "search-differs"]),
    ]
    .concat()
}

/// Every file of a desk, in the views that it has, and two of them side by side.
fn desk(world: &World, who: &'static str, base: &str) -> Vec<(&'static str, String)> {
    let keys = (0..world.files).map(|n| n.to_string()).chain(["message".to_owned(), "r0".to_owned()]);
    let mut all: Vec<String> = keys.map(|key| format!("file={key}")).collect();
    all.extend(
        ["file=2&view=text", "file=7&view=text", "file=2&view=sheet-0&formulas=1", "file=1&file2=r0"]
            .map(str::to_owned),
    );
    all.into_iter().map(|query| (who, format!("{base}?{query}"))).collect()
}

/// How to add a page: its route as the code declares it, and where somebody sees it.
pub const PAGES: &[Line] = &[
    page("/", |_| vec![("lead", "/".to_owned()), ("rob", "/".to_owned())]),
    page("/gradings", |_| lead(["/gradings", "/gradings?status=failed"])),
    page("/gradings/{id}", |world| {
        let mut all = vec![("rob", format!("/gradings/{}?open=4#c4", world.gradings[1]))];
        for id in [&world.gradings[0], &world.gradings[1], &world.running, &world.failed] {
            all.push(("lead", format!("/gradings/{id}")));
        }
        all.push(("lead", format!("/gradings/{}?show=split&open=2", world.gradings[0])));
        all
    }),
    page("/gradings/{id}/criteria/{n}", |world| {
        let at = |n: usize| ("lead", format!("/gradings/{}/criteria/{n}", world.gradings[0]));
        vec![at(1), at(8), at(9)]
    }),
    page("/judges", |_| lead(["/judges"])),
    page("/judges/{name}", |world| {
        world.judges.iter().map(|name| ("lead", format!("/judges/{}", encoded(name)))).collect()
    }),
    page("/leaderboard", |world| {
        let whole = format!("/leaderboard?by=sector&sensitivity=true&held=judges&against={}", world.kept);
        lead(["/leaderboard", "/leaderboard?method=score", "/leaderboard?method=score&by=tag", &whole])
    }),
    page("/reviews", |_| {
        vec![
            ("lead", "/reviews?show=all".to_owned()),
            ("rob", "/reviews".to_owned()),
            ("rob", "/reviews?show=settled".to_owned()),
        ]
    }),
    page("/reviews/{id}", questions),
    page("/reviews/{id}/work", |world| {
        // The panes are those of a grading, under names that tell nothing.
        let of = |who: &'static str, name: &str, query: &str| {
            (who, format!("/reviews/{}/work?{query}", world.reviews[name]))
        };
        let some =
            ["file=2", "file=4", "file=7", "file=message", "file=1&file2=r0"].map(|query| of("rob", "mine", query));
        let two = [of("ann", "preference", "file=0&file2=1"), of("ann", "search-differs", "file=0&view=text")];
        some.into_iter().chain(two).collect()
    }),
    bytes("/reviews/{id}/work/{key}/page/{page}", |world| {
        vec![("rob", format!("/reviews/{}/work/7/page/1.png", world.reviews["mine"]))]
    }),
    bytes("/reviews/{id}/work/{key}/image/{k}", |_| vec![]),
    bytes("/reviews/{id}/work/{key}/original", |world| {
        let at = |n: usize| ("rob", format!("/reviews/{}/work/{n}/original", world.reviews["settled"]));
        (0..world.files).map(at).collect()
    }),
    page("/gradings/{id}/work", |world| {
        let base = format!("/gradings/{}/work", world.gradings[0]);
        let mut all = desk(world, "lead", &base);
        for quote in ["criterion=1&judge=anna&quote=0", "criterion=2&judge=ben&quote=1"] {
            all.push(("lead", format!("{base}?{quote}")));
        }
        all
    }),
    bytes("/gradings/{id}/work/{key}/page/{page}", |world| {
        vec![("lead", format!("/gradings/{}/work/7/page/1.png", world.gradings[0]))]
    }),
    bytes("/gradings/{id}/work/{key}/image/{k}", |_| vec![]),
    bytes("/gradings/{id}/work/{key}/original", |world| {
        (0..world.files).map(|n| ("lead", format!("/gradings/{}/work/{n}/original", world.gradings[0]))).collect()
    }),
    bytes("/gradings/{id}/seen/{sha256}", |_| vec![]),
    page("/rubrics", |_| lead(["/rubrics"])),
    page("/rubrics/{id}", |world| lead([&format!("/rubrics/{}", world.rubric), &format!("/rubrics/{}", world.drafts)])),
    page("/agreement", |world| {
        let some =
            format!("/agreement?rubric_id={}&sector={}", world.rubric, encoded(&world.words.line(51, "Health care")));
        lead(["/agreement", &some])
    }),
    page("/agreement/differ", |world| {
        let (one, other) = (encoded(&world.judges[0]), encoded(&world.judges[1]));
        lead([&format!("/agreement/differ?one={one}&other={other}")])
    }),
    bytes("/post/quote", |_| vec![]),
    page("/post", |world| lead(["/post", &format!("/post?rubric_id={}", world.rubric)])),
    page("/login", |_| lead(["/login", "/login?refused=1&next=%2Freviews"])),
    // There is nothing at these without an identity provider; `flows` goes the whole way with one.
    bytes("/login/oidc", |_| vec![]),
    bytes("/login/oidc/back", |_| vec![]),
    bytes("/assets/{name}", |_| vec![]),
];

/// Pages that stand outside the table: what goes wrong, and the manual of the API.
pub fn others(world: &World) -> Vec<(&'static str, String)> {
    let bad = encoded(&world.words.line(3, "nonsense"));
    lead([
        "/docs",
        &format!("/gradings/{bad}"),
        &format!("/reviews/{bad}"),
        &format!("/{bad}"),
        "/leaderboard?method=win_rate&by=tag",
        &format!("/agreement?panel={bad}"),
    ])
}

/// Where a browser may be sent to look, served as files.
pub fn served(world: &World) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, String)> =
        (0..world.files).map(|n| ("lead", format!("/v1/submissions/{}/files/{n}", world.submissions[0]))).collect();
    all.push(("lead", format!("/v1/submissions/{}/pages/1.png?file=7", world.submissions[0])));
    let files = PAGES.iter().filter(|line| line.shows == Shows::Bytes);
    all.extend(files.flat_map(|line| (line.visits)(world)));
    for plot in ["", "&plot=matrix", "&plot=pareto"] {
        all.push(("lead", format!("/v1/leaderboard?format=svg{plot}")));
    }
    for path in ["/v1/tasks", "/v1/gradings", "/v1/reviews", "/v1/webhooks", "/v1/leaderboard?format=csv", "/v1/audit"]
    {
        all.push(("lead", path.to_owned()));
    }
    all.push(("lead", format!("/v1/rubrics/{}/export", world.rubric)));
    all.push(("lead", format!("/v1/submissions/{}/text", world.submissions[0])));
    all
}

pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.".contains(&b) { (b as char).to_string() } else { format!("%{b:02X}") }
        })
        .collect()
}

/// All visits of pages, by person, so that nobody logs in twice.
pub fn visits(world: &World) -> Vec<(&'static str, String)> {
    let pages = PAGES.iter().filter(|line| line.shows == Shows::Page);
    by_person(pages.flat_map(|line| (line.visits)(world)).collect())
}

pub fn by_person(mut visits: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    visits.sort_by_key(|(who, _)| *who);
    visits
}

/// Goes there, as that person.
pub async fn visit(browser: &Browser, world: &World, now: &mut &'static str, (who, path): &(&'static str, String)) {
    if now != who {
        browser.log_in(world.key(who)).await;
        *now = who;
    }
    browser.go(path).await;
    let fetched = "[...document.querySelectorAll('[data-viewer][data-load]')].every((viewer) => viewer.dataset.at)";
    browser.wait("the deliverable beside the question", fetched).await;
}

/// The routes that answer to GET in the code of the pages.
fn declared() -> BTreeSet<String> {
    let resource = Regex::new(r#"(?:web::resource|\bat)\(\s*"([^"]*)"\s*\)((?:\s*\.(?:name|guard|route|wrap)\((?:[^()]|\([^()]*\)|\((?:[^()]|\([^()]*\))*\))*\))*)"#).unwrap();
    let direct = Regex::new(r#"\.route\(\s*"([^"]*)",\s*web::get\(\)"#).unwrap();
    let prefix = Regex::new(r#"format!\("(/[^"]*?)\{path\}"\)"#).unwrap();
    let mut all = BTreeSet::new();
    let mut folders = vec![repository("src/http/ui")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files {
        if file.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let code = std::fs::read_to_string(&file).unwrap();
        let before =
            prefix.captures(&code).map_or_else(String::new, |found| found[1].replace("{{", "{").replace("}}", "}"));
        let mut found: Vec<String> = Vec::new();
        for route in resource.captures_iter(&code).filter(|route| route[2].contains("web::get()")) {
            let at = if route[0].starts_with("at") { &before } else { "" };
            found.push(format!("{at}{}", &route[1]));
        }
        found.extend(direct.captures_iter(&code).map(|route| route[1].to_owned()));
        let declared = code.matches("web::get()").count();
        assert_eq!(
            found.len(),
            declared,
            "{}: a GET route is declared in a way that is not read here; found {found:?}",
            file.display()
        );
        all.extend(found);
    }
    all
}

#[test]
fn every_page_of_the_service_has_a_line_in_the_table() {
    let lines: BTreeSet<String> = PAGES.iter().map(|line| line.route.to_owned()).collect();
    assert_eq!(lines.len(), PAGES.len(), "a route has two lines");
    assert_eq!(
        declared(),
        lines,
        "on the left what src/http/ui declares, on the right what tests/all/browser/pages.rs visits"
    );
}
