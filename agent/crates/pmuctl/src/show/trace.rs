//! Recorded bytes, in the form of the conversation vectors, with their meaning as comments.

use crate::plain;
use desk::TraceLine;

/// Longest line of a meaning.
const MEANING_MAX: usize = 200;

pub(crate) fn text(lines: &[TraceLine]) -> String {
    if lines.is_empty() {
        return "# nothing was recorded; switch the trace on first\n".to_owned();
    }
    lines.iter().map(line).collect()
}

/// A comment with the time, what became of the bytes and what they mean; then the bytes.
fn line(line: &TraceLine) -> String {
    let (seconds, micros) = (line.at_us / 1_000_000, line.at_us % 1_000_000);
    let direction = if line.direction == '>' { '>' } else { '<' };
    // A secret is shown by the gateway as two stars an octet.
    let is_shown = |c: &char| c.is_ascii_hexdigit() || *c == '*';
    let digits: Vec<char> = line.bytes.chars().filter(is_shown).collect();
    let octets = digits
        .chunks(2)
        .map(|pair| [" ".to_owned(), pair.iter().collect()].concat());
    let octets: String = octets.collect();
    let fate = plain(&line.fate, 40);
    let mut meaning = line.meaning.lines().filter(|words| !words.is_empty());
    let first = meaning.next().map_or_else(String::new, |words| {
        format!(": {}", plain(words, MEANING_MAX))
    });
    let more = meaning.map(|words| format!("#   {}\n", plain(words, MEANING_MAX)));
    let more = more.collect::<Vec<_>>().concat();
    format!("# {seconds}.{micros:06} {fate}{first}\n{more}{direction}{octets}\n")
}
