#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    pmuctl::stored_profile::fuzz_stored_profile(&String::from_utf8_lossy(data));
});
