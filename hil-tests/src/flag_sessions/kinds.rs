//! What FLAG meters and lines do to those who ask.

use std::time::Duration;

use simulator::trouble::{Doubled, FlagTroubles, Late, OneIn, Spread, WhileThinking, WireTroubles};

use super::{Reads, SessionCase};

const MS: Duration = Duration::from_millis(1);

fn healthy() -> FlagTroubles {
    FlagTroubles::default()
}

fn late(least: u32, most: u32, happens: OneIn) -> FlagTroubles {
    let thinks = Spread::between(MS * least, MS * most);
    FlagTroubles {
        late: Some(Late { thinks, happens }),
        ..healthy()
    }
}

fn doubled(after: u32, happens: OneIn) -> FlagTroubles {
    let after = MS * after;
    FlagTroubles {
        doubled: Some(Doubled { after, happens }),
        ..healthy()
    }
}

/// Everything at once, now and then.
fn hell() -> FlagTroubles {
    FlagTroubles {
        lost_answers: OneIn::times(12),
        truncated: OneIn::times(12),
        flipped: OneIn::times(12),
        wrong_check: OneIn::times(20),
        signs_off: OneIn::times(30),
        doubled: doubled(400, OneIn::times(6)).doubled,
        ..late(1000, 12_000, OneIn::times(6))
    }
}

/// What meters and lines do.
#[expect(clippy::too_many_lines, reason = "one table of troubles, a row each")]
fn kinds() -> Vec<(&'static str, FlagTroubles, WireTroubles)> {
    let calm = WireTroubles::default;
    let echo = || WireTroubles {
        echo: true,
        ..calm()
    };
    let noise = |times| WireTroubles {
        noise: OneIn::times(times),
        ..calm()
    };
    let deaf = FlagTroubles {
        while_thinking: WhileThinking::Deaf,
        ..late(1500, 9000, OneIn::times(4))
    };
    vec![
        ("healthy", healthy(), calm()),
        (
            "one answer in four after 1 to 4 s",
            late(1000, 4000, OneIn::times(4)),
            calm(),
        ),
        (
            "one answer in four after 3 to 20 s",
            late(3000, 20_000, OneIn::times(4)),
            calm(),
        ),
        ("late, and deaf meanwhile", deaf, calm()),
        (
            "one answer in three twice, at once",
            doubled(0, OneIn::times(3)),
            calm(),
        ),
        (
            "one answer in three twice, 250 ms later",
            doubled(250, OneIn::times(3)),
            calm(),
        ),
        (
            "each answer twice, 1.2 s later",
            doubled(1200, OneIn::ALWAYS),
            calm(),
        ),
        (
            "one answer in six lost",
            FlagTroubles {
                lost_answers: OneIn::times(6),
                ..healthy()
            },
            calm(),
        ),
        (
            "one answer in six cut",
            FlagTroubles {
                truncated: OneIn::times(6),
                ..healthy()
            },
            calm(),
        ),
        (
            "one answer in four with a bit flipped",
            FlagTroubles {
                flipped: OneIn::times(4),
                ..healthy()
            },
            calm(),
        ),
        (
            "one answer in four with a wrong check",
            FlagTroubles {
                wrong_check: OneIn::times(4),
                ..healthy()
            },
            calm(),
        ),
        (
            "a sign-off in place of one answer in eight",
            FlagTroubles {
                signs_off: OneIn::times(8),
                ..healthy()
            },
            calm(),
        ),
        (
            "junk before each answer",
            FlagTroubles {
                junk: Some(0..=30),
                ..healthy()
            },
            calm(),
        ),
        (
            "one octet in 300 not heard",
            FlagTroubles {
                lost_octets: OneIn::times(300),
                ..healthy()
            },
            calm(),
        ),
        ("an echo", healthy(), echo()),
        (
            "an echo, and late answers",
            late(1000, 9000, OneIn::times(4)),
            echo(),
        ),
        (
            "an echo, and doubled answers",
            doubled(300, OneIn::times(2)),
            echo(),
        ),
        ("noise, one bit of 400 octets", healthy(), noise(400)),
        ("everything", hell(), calm()),
        ("everything, and an echo", hell(), echo()),
    ]
}

/// Each of them, so many sessions of packets over both kinds of line, of data streams, and of data
/// sets.
pub fn every_kind(sessions: u32) -> Vec<SessionCase> {
    [
        cases(Reads::Packets, true, sessions),
        cases(Reads::Packets, false, sessions),
        cases(Reads::Streams, false, sessions),
        cases(Reads::Sets, true, sessions),
    ]
    .concat()
}

fn cases(reads: Reads, seven_bits: bool, sessions: u32) -> Vec<SessionCase> {
    let case = |(seed, (name, troubles, wire))| SessionCase {
        reads,
        seven_bits,
        wire,
        sessions,
        seed,
        ..SessionCase::new(name, troubles)
    };
    (1..).zip(kinds()).map(case).collect()
}
