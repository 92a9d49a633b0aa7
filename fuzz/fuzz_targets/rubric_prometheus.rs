#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| empanel_fuzz::import("prometheus", bytes));
