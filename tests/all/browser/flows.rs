//! Everything can be done by keyboard alone: what has the keyboard is named by its role and its accessible name, as a
//! screen reader says them, and nothing is clicked.

use super::driver::Browser;
use super::world::{Words, World};

async fn opened(name: &str) -> (World, Browser) {
    let world = World::new(Words::Plain).await;
    let browser = Browser::open(&world.service.url, name).await;
    (world, browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_with_a_key_goes_to_where_they_wanted_and_logs_out() {
    let (world, browser) = opened("login").await;
    browser.go("/gradings?status=failed").await;
    assert_eq!(browser.at().await, "/login?next=%2Fgradings%3Fstatus%3Dfailed");
    browser.tab_to("textbox", "API key").await;
    browser.write("emp_wrong").await;
    browser.press("Enter").await;
    browser.wait("the refusal", "document.querySelector('[role=alert]')").await;
    browser.screenshot("refused").await;
    browser.forgive("401").await;
    browser.tab_to("textbox", "API key").await;
    browser.write(world.key("lead")).await;
    browser.press("Enter").await;
    browser.wait_at("/gradings?status=failed").await;
    browser.screenshot("in").await;
    browser.tab_to("button", "Log out").await;
    browser.press("Enter").await;
    browser.wait_at("/login").await;
    browser.go("/gradings").await;
    assert!(browser.at().await.starts_with("/login"), "nobody is logged in any more");
    browser.done().await;
}
