//! The figures of the gateway, each with its limit and, where there is one, a peer measured in
//! the same run: `cargo bench -p hil-tests --bench figures`.
//!
//! Arguments after `--`: `--quick` for shorter runs, and names of parts (`late`, `dead`,
//! `saturation`, `cpu`, `memory`, `command`, `start`, `store`, `block`, `decoder`, `image`, `dlms`, `flag`) to run only those.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a table of ratios for people; what fails here fails the run"
)]

mod agent_cpu;
mod bare;
mod block;
mod command;
mod cpu;
mod dead;
mod decoder;
mod dlms;
mod flag;
mod guard_cpu;
mod image;
mod late;
mod memory;
mod saturation;
mod start;
mod store;
mod table;
mod virtual_time;

use std::process::ExitCode;

use store::Filled;
use table::Row;

/// What every part needs.
struct Ground {
    quick: bool,
    filled: std::cell::OnceCell<Filled>,
}

impl Ground {
    /// `short` in a quick run.
    fn by_pace<T>(&self, short: T, long: T) -> T {
        if self.quick { short } else { long }
    }

    /// A store as it is at the end of its retention, made once.
    fn filled(&self) -> &Filled {
        self.filled
            .get_or_init(|| Filled::new(self.by_pace(90, 900)))
    }
}

type Part = fn(&Ground) -> Vec<Row>;

const PARTS: [(&str, Part); 14] = [
    ("block", block::rows),
    ("decoder", decoder::rows),
    ("late", late::rows),
    ("dead", dead::rows),
    ("saturation", saturation::rows),
    ("cpu", guard_cpu::rows),
    ("cpu", agent_cpu::rows),
    ("store", store::rows),
    ("start", start::rows),
    ("memory", memory::rows),
    ("command", command::rows),
    ("image", image::rows),
    ("dlms", dlms::rows),
    // Last: it lets time jump.
    ("flag", flag::rows),
];

fn main() -> ExitCode {
    let (mut quick, mut wanted) = (false, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => quick = true,
            // Cargo says so to every benchmark.
            "--bench" => {}
            name if PARTS.iter().any(|(part, _)| *part == name) => wanted.push(argument),
            other => {
                let names = PARTS.map(|(part, _)| part).join(", ");
                println!("`{other}` is no part of this run; use --quick, or some of: {names}");
                return ExitCode::from(64);
            }
        }
    }
    let ground = Ground {
        quick,
        filled: std::cell::OnceCell::new(),
    };
    let mut rows = Vec::new();
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("measuring: {name}");
            rows.extend(part(&ground));
        }
    }
    if table::print(&rows) == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
