//! The pages in a real browser: Chromium, driven over WebDriver, on a service of the test's own.
//!
//! [`driver`] starts a browser and says what a person does with it by keyboard; [`world`] fills a service with
//! everything that a page can show, in plain words or in hostile ones; [`pages`] is the one table of the pages that
//! there are. What is proved with them stands in one file each: [`axe`] (they can be used by everybody), [`xss`]
//! (nothing that a user wrote is ever executed), [`flows`] (everything can be done by keyboard), [`layout`] (nothing
//! moves, nothing is large).
//!
//! How to add a page: its line in the table of [`pages`]; a test fails as long as a route has none. How to add a flow:
//! a function in [`flows`] that uses roles and names, as a screen reader does, and not the markup.
//!
//! Screenshots are kept in `browser/` of cargo's target folder.

mod axe;
mod driver;
mod flows;
mod layout;
mod pages;
mod world;
mod xss;
