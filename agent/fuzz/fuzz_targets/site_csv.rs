#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pmu_fuzz::doors::site_csv(data));
