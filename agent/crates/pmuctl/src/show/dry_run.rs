//! What programming a meter would do.

use crate::plain;
use crate::words::counted;
use desk::DryRunResult;

/// A line is cut behind so many characters.
const LINE_MAX: usize = 400;

pub(super) fn text(result: &DryRunResult) -> String {
    let mut lines = vec![
        format!("scheme {}", plain(&result.scheme, LINE_MAX)),
        format!("the meter holds {}", plain(&result.holds, LINE_MAX)),
    ];
    if result.is_provisional {
        lines.push("its layout is known of simulated meters alone: real ones refuse it".to_owned());
    }
    let differences = result.differences.iter();
    lines.extend(differences.map(|one| format!("  differs: {}", plain(one, LINE_MAX))));
    for (number, write) in result.writes.iter().enumerate() {
        let loss = if write.clears_profile {
            " (the load profile is lost)"
        } else {
            ""
        };
        let place = if write.place == write.name {
            String::new()
        } else {
            format!(" at {}", write.place)
        };
        let before = write.before.as_deref();
        let before = before.map_or_else(String::new, |before| format!("{before} -> "));
        let words = format!(
            "{}: {}{place}: {before}{}{loss}",
            write.phase, write.name, write.after
        );
        lines.push(format!("  {}. {}", number + 1, plain(&words, LINE_MAX)));
    }
    lines.push(if result.writes.is_empty() {
        "nothing would be written: it holds all of it".to_owned()
    } else {
        let count = u64::try_from(result.writes.len()).unwrap_or(u64::MAX);
        let writes = counted(count, "write");
        format!("{writes} would be made; none was sent")
    });
    let mut text = lines.join("\n");
    text.push('\n');
    text
}
