//! One command line for a modem, taken apart.

/// A command that means something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Z.
    Reset,
    /// E.
    Echo(bool),
    /// V.
    Words(bool),
    /// Q.
    Quiet(bool),
    /// &D: whether a falling DTR ends a call.
    ObeysDtr(bool),
    /// H.
    Hook,
    /// O.
    Online,
    /// S, number and value.
    Register(u8, u8),
    /// D, without T and P.
    Dial(String),
    /// Taken and without effect.
    Noted,
}

/// The commands behind `AT`; nothing if one of them is none.
pub(super) fn commands(line: &str) -> Option<Vec<Command>> {
    let mut rest = line.trim().to_ascii_uppercase();
    rest = rest.strip_prefix("AT")?.to_owned();
    let mut found = Vec::new();
    while let Some(letter) = rest.chars().next() {
        let behind = rest.get(letter.len_utf8()..)?.to_owned();
        let (command, behind) = one(letter, &behind)?;
        found.extend(command);
        rest = behind;
    }
    Some(found)
}

fn one(letter: char, behind: &str) -> Option<(Option<Command>, String)> {
    let (value, after) = number(behind);
    let is_on = value.unwrap_or(0) != 0;
    let command = match letter {
        ' ' => return Some((None, behind.to_owned())),
        'D' => {
            let dialled = behind.trim_start_matches(['T', 'P']);
            return Some((Some(Command::Dial(dialled.to_owned())), String::new()));
        }
        '+' => {
            let after = behind.split_once(';').map_or("", |(_, after)| after);
            return Some((Some(Command::Noted), after.to_owned()));
        }
        '&' | '%' | '\\' => {
            let kind = behind.chars().next().filter(char::is_ascii_alphabetic)?;
            let (value, after) = number(behind.get(1..)?);
            let obeys = value.unwrap_or(0) >= 2;
            let is_dtr = (letter, kind) == ('&', 'D');
            let command = if is_dtr {
                Command::ObeysDtr(obeys)
            } else {
                Command::Noted
            };
            return Some((Some(command), after.to_owned()));
        }
        'S' => {
            let set = after.strip_prefix('=')?;
            let (set, after) = number(set);
            let register = Command::Register(value?, set.unwrap_or(0));
            return Some((Some(register), after.to_owned()));
        }
        'Z' => Command::Reset,
        'E' => Command::Echo(is_on),
        'V' => Command::Words(is_on),
        'Q' => Command::Quiet(is_on),
        'H' => Command::Hook,
        'O' => Command::Online,
        'X' | 'M' | 'L' | 'I' | 'F' | 'B' | 'N' => Command::Noted,
        _ => return None,
    };
    Some((Some(command), after.to_owned()))
}

/// The number at the beginning, and what stands behind it.
fn number(text: &str) -> (Option<u8>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, behind) = text.split_at_checked(digits).unwrap_or(("", text));
    (digits.parse().ok(), behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&[Command]>) {
        assert_eq!(commands(line).as_deref(), expected, "{line}");
    }

    #[test]
    fn a_line_holds_several_commands() {
        check("AT", Some(&[]));
        check("atz", Some(&[Command::Reset]));
        check(
            "ATE0V1Q0",
            Some(&[
                Command::Echo(false),
                Command::Words(true),
                Command::Quiet(false),
            ]),
        );
        check("AT&C1&D2", Some(&[Command::Noted, Command::ObeysDtr(true)]));
        check(
            "ATS7=60X4",
            Some(&[Command::Register(7, 60), Command::Noted]),
        );
        check("ATDT0,123W4", Some(&[Command::Dial("0,123W4".to_owned())]));
        check("ATDP9", Some(&[Command::Dial("9".to_owned())]));
        check("ATH0", Some(&[Command::Hook]));
        check(
            "AT+CPIN=\"1234\";E0",
            Some(&[Command::Noted, Command::Echo(false)]),
        );
    }

    #[test]
    fn what_is_no_command_is_an_error() {
        check("+++", None);
        check("OK", None);
        check("ATY", None);
        check("ATS7", None);
        check("AT&", None);
    }
}
