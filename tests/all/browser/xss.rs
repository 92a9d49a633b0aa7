//! Nothing that a user, a judge or a file wrote is ever executed: every field of a service carries what attackers
//! write (`payloads.txt`, one a line), every page is looked at, and three things are asked of each: nothing ran,
//! nothing was even tried that the Content-Security-Policy had to forbid, and no element or attribute of the page
//! comes from a payload.

use serde_json::json;

use super::driver::Browser;
use super::pages::{by_person, others, served, visit, visits};
use super::world::{Words, World, payloads};

/// What stands in the page that no template of ours makes: the payloads' marks where a browser would execute or
/// fetch them.
const STRANGE: &str = r"
  const strange = [];
  const marked = (text) => /__xss|evil\.invalid/.test(text);
  const roots = [document];
  for (const root of roots) for (const e of root.querySelectorAll('*')) {
    if (e.shadowRoot) roots.push(e.shadowRoot);
    const name = e.nodeName.toLowerCase();
    const told = () => strange.push(e.outerHTML.slice(0, 200));
    if (['iframe', 'object', 'embed', 'base', 'applet', 'marquee', 'math', 'template', 'audio', 'video', 'foreignobject', 'animate', 'set', 'use', 'xmp', 'listing'].includes(name)) told();
    if (name === 'dialog' && e.id !== 'keys') told();
    if (name === 'script' && !(e.getAttribute('src') || '').startsWith('/assets/')) told();
    if (name === 'style' && !arguments[0]) told();
    if (name === 'meta' && e.httpEquiv) told();
    if (name === 'img' && !/^\/(reviews|gradings|v1)\//.test(e.getAttribute('src') || '')) told();
    for (const a of e.attributes) {
      if (a.name.startsWith('on') || ['srcdoc', 'xlink:href', 'popover', 'style'].includes(a.name)) told();
      // An address may carry a payload in its query, percent-encoded; it never is one.
      if (['href', 'src', 'action', 'formaction', 'data-load', 'data-effect', 'srcset', 'poster', 'data', 'data-src', 'data-events'].includes(a.name)
        && !/^(\/(?!\/)|#|data:,$)/.test(a.value)) told();
      if (e.attributes.length > 12 || /[<>'\x22`=]/.test(a.name)) told();
    }
  }
  return [...new Set(strange)];
";

/// What is wrong on the page as it is now.
async fn wrongs(browser: &Browser, path: &str) -> Vec<String> {
    // The page of the API's manual has a style sheet of its own.
    let manual = path == "/docs";
    let strange = browser.script_with(STRANGE, vec![manual.into()]).await;
    let mut found: Vec<String> =
        strange.as_array().unwrap().iter().map(|one| format!("stands in the page: {one}")).collect();
    let beyond = |one: &String| !one.contains("Failed to load resource: the server responded with a status of 4");
    found.extend(browser.complaints().await.into_iter().filter(beyond));
    found.into_iter().map(|one| format!("{path}: {one}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_anybody_wrote_is_executed_on_any_page() {
    assert!(payloads().count() >= 60);
    let world = World::new(Words::Hostile).await;
    let browser = Browser::open(&world.service.url, "xss").await;
    let mut now = "";
    let mut wrong: Vec<String> = Vec::new();
    let mut shown = 0;
    for one in visits(&world).iter().chain(&by_person(others(&world))) {
        visit(&browser, &world, &mut now, one).await;
        // What is fetched when it is opened is opened; what moves or is hovered over is moved over.
        let stir = "for (const d of document.querySelectorAll('details')) d.open = true;
            for (const e of document.querySelectorAll('main *')) for (const kind of ['mouseover', 'mouseenter', 'pointerenter', 'focus', 'toggle'])
              e.dispatchEvent(new Event(kind));";
        browser.script(stir).await;
        let fetched = "!document.querySelector('.matrix details > p > a[href*=\"/criteria/\"]')";
        browser.wait("what stands behind the criteria", fetched).await;
        let path = browser.at().await;
        assert_eq!(path.split('#').next(), one.1.split('#').next(), "the browser was led away");
        wrong.extend(wrongs(&browser, &one.1).await);
        let text = browser.text("body").await;
        shown += usize::from(text.contains("__xss"));
    }
    assert!(shown > 30, "the payloads are on the pages, as text: on {shown} only");
    // What is a download leaves the browser where it was. A picture is shown by the browser's own viewer, whose style
    // and script our policy for files forbids too.
    browser.cdp("Browser.setDownloadBehavior", json!({"behavior": "deny"})).await;
    for one in &by_person(served(&world)) {
        visit(&browser, &world, &mut now, one).await;
        let of_the_viewer = |what: &String| {
            let forbidden =
                ["Applying inline style", "Blocked script execution"].iter().any(|said| what.contains(said));
            what.contains("favicon.ico") || ((one.1.contains(".png") || one.1.contains("/page/")) && forbidden)
        };
        let beyond = browser.complaints().await.into_iter().filter(|what| !of_the_viewer(what));
        wrong.extend(beyond.map(|what| format!("{}: {what}", one.1)));
    }
    browser.screenshot("the-last").await;
    assert!(
        wrong.is_empty(),
        "{} wrongs:\n{}",
        wrong.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
    browser.done().await;
}
