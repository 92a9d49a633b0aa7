//! Everybody can use the pages: axe finds nothing serious on any of them, in light and dark, wide and narrow.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::driver::Browser;
use super::pages::{by_person, others, visit, visits};
use super::world::{Words, World};

const AXE: &str = include_str!("vendor/axe.min.js");
const TAGS: [&str; 5] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/// What axe says against the page as it is now: impact, rule and help, and where.
pub(super) async fn violations(browser: &Browser) -> Vec<(String, String, String)> {
    browser.script(&format!("if (!window.axe) {{ {AXE} }} return true;")).await;
    let run = "const done = arguments[1];
        axe.run(document, { runOnly: { type: 'tag', values: arguments[0] }, resultTypes: ['violations'] })
          .then((found) => done(found.violations.map((v) => ({ impact: v.impact, id: v.id, help: v.help,
            nodes: v.nodes.slice(0, 3).map((n) => `${n.target} ${n.html.slice(0, 160)} ${n.failureSummary}`) }))), (e) => done(String(e)));";
    let found = browser.script_async(run, vec![json!(TAGS)]).await;
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |v: &Value| {
        let at: Vec<String> = v["nodes"].as_array().unwrap().iter().map(said).collect();
        (said(&v["impact"]), format!("{}: {}", said(&v["id"]), said(&v["help"])), at.join("\n      "))
    };
    found.as_array().unwrap_or_else(|| panic!("axe did not run: {found}")).iter().map(one).collect()
}

/// A path as the name of a picture: without ids, which are others every time.
fn name_of(path: &str) -> String {
    let parts = path.split(['?', '#']).next().unwrap_or_default().split('/').filter(|part| !part.is_empty());
    parts.filter(|part| part.len() != 36).map(|part| format!("-{part}")).collect()
}

/// What stands out of the window to the right, where nothing around it scrolls.
const BEYOND: &str = "const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room + 1) return '';
    const inside = (e) => { for (let p = e.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return true; };
    return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > room + 1 && !inside(e))
      .map((e) => `${e.nodeName}.${e.className} by ${Math.round(e.getBoundingClientRect().right - room)} px`).slice(0, 5).join(', ') || 'by something';";

/// Visits every page, wide and narrow.
async fn everybody_can_use(name: &str, dark: bool) {
    let world = World::new(Words::Plain).await;
    let browser = Browser::open(&world.service.url, name).await;
    browser.dark(dark).await;
    let mut now = "";
    let mut all: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (n, one) in visits(&world).iter().chain(&by_person(others(&world))).enumerate() {
        visit(&browser, &world, &mut now, one).await;
        for width in [1280, 390] {
            browser.size(width, 900).await;
            browser.screenshot(&format!("{width}-{n:02}{}", name_of(&one.1))).await;
            let mut found = violations(&browser).await;
            let beyond = browser.script(BEYOND).await;
            if beyond != "" {
                found.push(("serious".to_owned(), "the page scrolls sideways".to_owned(), beyond.to_string()));
            }
            for (impact, rule, at) in found {
                all.entry((impact, rule)).or_default().push(format!("{} {} at {width} px: {at}", one.0, one.1));
            }
        }
    }
    let mut told = String::new();
    for ((impact, rule), places) in &all {
        let some: Vec<&str> = places.iter().take(4).map(String::as_str).collect();
        told.push_str(&format!("{impact} {rule}, {} times\n    {}\n", places.len(), some.join("\n    ")));
    }
    eprintln!("{told}");
    let bad = |impact: &str| matches!(impact, "serious" | "critical");
    assert!(!all.keys().any(|(impact, _)| bad(impact)), "{told}");
    browser.forgive("Failed to load resource").await;
    browser.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_use_every_page_in_light_wide_and_narrow() {
    everybody_can_use("light", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_use_every_page_in_dark_wide_and_narrow() {
    everybody_can_use("dark", true).await;
}
