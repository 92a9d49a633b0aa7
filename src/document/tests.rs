//! Promises of the whole room; each reader's own are in its file.

use super::testing::{read_files, read_one, reason, text_of, zip};
use super::*;

#[test]
fn the_message_is_a_file_of_lines() {
    let file = read_message("one\n\ntwo");
    assert_eq!((file.name.as_str(), text_of(&file).as_str()), ("message", "one\ntwo"));
}

#[test]
fn a_zip_gives_itself_and_its_members() {
    let bytes = zip(&[("notes/a.txt", b"hello"), ("b.bin", b"\0\x01\x02\x03")]);
    let names: Vec<_> = read_files("a.zip", &bytes).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["a.zip", "a.zip/notes/a.txt", "a.zip/b.bin"]);
}

#[test]
fn a_zip_bomb_is_unreadable_and_says_which_limit() {
    let bytes = zip(&[("zeros.txt", &vec![b'0'; 20 << 20])]);
    let file = read_one("bomb.zip", &bytes);
    assert!(reason(&file).contains("limit of 400"), "{}", reason(&file));
}
