//! `records` of `mokka_decoders::TARGETS`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mokka_decoders::look("records", bytes));
