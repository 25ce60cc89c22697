#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pmu_fuzz::doors::list_run(data));
