//! What is wrong, what it means, and what to do.

use crate::limits::COLUMNS;
use crate::plain;
use crate::words::{wrapped, wrapped_item};
use desk::Diagnosis;

/// Longest sentence of a diagnosis that is shown.
const SENTENCE_MAX: usize = 1000;

pub(super) fn text(diagnosis: &Diagnosis) -> String {
    let sentence = |words: &str| plain(words, SENTENCE_MAX);
    let code = plain(&diagnosis.code, 8);
    let mut text = wrapped(
        &format!("{code}: {}", sentence(&diagnosis.happened)),
        "",
        COLUMNS,
    );
    if !diagnosis.meaning.is_empty() {
        let meaning = format!("what it means: {}", sentence(&diagnosis.meaning));
        text.push_str(&wrapped(&meaning, "", COLUMNS));
    }
    if !diagnosis.next.is_empty() {
        text.push_str("what to do:\n");
    }
    for (number, step) in (1..).zip(&diagnosis.next) {
        text.push_str(&wrapped_item(&format!("{number}."), &sentence(step)));
    }
    if !diagnosis.tried.is_empty() {
        text.push_str("what was tried:\n");
    }
    for attempt in &diagnosis.tried {
        text.push_str(&wrapped_item("-", &sentence(attempt)));
    }
    text
}
