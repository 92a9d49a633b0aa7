//! Pages stand still and are small: nothing moves while one is loaded, and none is large, whatever is on it.

use super::driver::Browser;
use super::pages::{visit, visits};
use super::world::{Words, World};

/// Cumulative layout shift: the share of the window that moves, times how far.
const SHIFT: f64 = 0.02;
/// Bytes of a page's HTML, before compression.
const BYTES: u64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_moves_while_a_page_is_loaded_and_no_page_is_large() {
    let world = World::new(Words::Plain).await;
    // A leaderboard grows with the square of its systems: with the four that are there, twenty.
    let pairs = (0..16).flat_map(|a| (0..a).map(move |b| (a, b)));
    let battle = |(a, b)| {
        format!("system-{a:02},system-{b:02},{},t{}\n", if (a + b) % 3 == 0 { "model_b" } else { "model_a" }, a % 7)
    };
    let battles = format!("model_a,model_b,winner,task_id\n{}", pairs.map(battle).collect::<String>());
    world.client("lead").send("/v1/comparisons/import", "text/csv", battles, None).await.is(201);
    let browser = Browser::open(&world.service.url, "layout").await;
    let mut now = "";
    let mut wrong = Vec::new();
    for one in &visits(&world) {
        visit(&browser, &world, &mut now, one).await;
        // What is painted after the load is painted by the frame after the next.
        let settled = "const done = arguments[0]; const seen = window.__seen;
            requestAnimationFrame(() => requestAnimationFrame(() => done([seen.shift, seen.shifts,
              performance.getEntriesByType('navigation')[0].decodedBodySize])));";
        let found = browser.script_async(settled, vec![]).await;
        if found[0].as_f64().is_none_or(|shift| shift >= SHIFT) {
            wrong.push(format!("{} {} moves by {}: {}", one.0, one.1, found[0], found[1]));
        }
        if found[2].as_u64().is_none_or(|bytes| bytes >= BYTES || bytes == 0) {
            let parts = "return [...document.querySelectorAll('main > section, main > div, main svg')].map((e) => `${e.nodeName}
                ${e.querySelector('h2, title')?.textContent.slice(0, 30)}: ${e.outerHTML.length}`).join('; ').replaceAll(/\\s+/g, ' ');";
            let parts = browser.script(parts).await;
            wrong.push(format!("{} {} has {} bytes: {parts}", one.0, one.1, found[2]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.done().await;
}
