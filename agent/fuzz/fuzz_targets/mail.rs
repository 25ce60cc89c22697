#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // First octet: the length of the topic; its highest bit: retained.
    let Some((&head, rest)) = data.split_first() else {
        return;
    };
    let (topic, payload) = rest.split_at(usize::from(head & 0x7f).min(rest.len()));
    pmuctl::consumer::fuzz_mail(topic, payload, head & 0x80 != 0);
});
