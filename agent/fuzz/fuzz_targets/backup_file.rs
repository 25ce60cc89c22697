#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    pmuctl::backup::fuzz_backup(&String::from_utf8_lossy(data));
});
