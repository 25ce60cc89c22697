#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    pmuctl::provision::fuzz_wish(&String::from_utf8_lossy(data));
});
