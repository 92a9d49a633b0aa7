#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| empanel_fuzz::parse_reply(bytes, &empanel_fuzz::ask("by_criterion")));
