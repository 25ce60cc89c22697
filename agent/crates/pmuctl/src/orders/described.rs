//! An order in plain words: what a second person reads before approving it.

use crate::words::{hex, plain, plain_lines};
use authority::{Action, Command, Document, KeyId, ObjectState, Receipt, RotatedKey};
use metering::MeterId;
use serde_json::{Value, json};

/// Characters of a text in a command; an envelope holds no more.
const TEXT_CHARS_MAX: usize = 64 * 1024;
/// Characters of a word from elsewhere.
const WORDS_MAX: usize = 300;

/// Everything that a command says, line by line; nothing is left out.
pub fn order_lines(command: &Command) -> Vec<String> {
    let mut lines = vec![
        format!("order      {}", command.action.operation()),
        format!("meaning    {}", meaning(&command.action)),
        format!("gateway    {}", command.gateway),
        format!("store      {} (epoch)", hex(&command.epoch)),
        format!("number     {} of its first signer", command.number),
        format!("id         {}", command.id),
        format!(
            "valid      {} to {}, made {}",
            command.not_before, command.expires, command.issued
        ),
    ];
    let meters = command.action.meters();
    if !meters.is_empty() {
        let names: Vec<String> = meters.iter().map(MeterId::to_string).collect();
        lines.push(format!("meters     {}: {}", meters.len(), names.join(", ")));
    }
    if let Some(state) = &command.precondition {
        lines.push(format!("only if    {}", object_text(state)));
    }
    let bounds = &command.bounds;
    if let Some((from, to)) = bounds.window {
        lines.push(format!("window     {from} to {to}"));
    }
    if let Some(attempts) = bounds.attempts {
        lines.push(format!("attempts   {attempts}"));
    }
    if let Some(end) = bounds.done_by {
        lines.push(format!("done by    {end}, or it expires"));
    }
    if let Some(document) = document(&command.action) {
        match document {
            Document::Inline(text) => {
                lines.push(format!("text       {} bytes, as it is:", text.len()));
                let shown = plain_lines(&text.chars().take(TEXT_CHARS_MAX).collect::<String>());
                lines.extend(shown.lines().map(|line| format!("  | {line}")));
            }
            Document::Blob(_) => {}
        }
    }
    if let Some(blob) = command.action.blob() {
        lines.push(format!(
            "blob       {} bytes with SHA-256 {}, which travel beside the command",
            blob.size,
            hex(&blob.sha256)
        ));
    }
    lines
}

/// The same as one text, with whose keys it names and a mark that none of it is proven.
pub fn claimed_text(command: &Command, signers: &[KeyId]) -> String {
    let mut lines = order_lines(command);
    for (id, part) in signers.iter().zip(
        ["signed by"]
            .into_iter()
            .chain(std::iter::repeat("also by")),
    ) {
        lines.push(format!(
            "{part:<10} key {id} (unverified: name --key-set and --root)"
        ));
    }
    lines.join("\n") + "\n"
}

const fn document(action: &Action) -> Option<&Document> {
    match action {
        Action::SchemePut { document }
        | Action::ListPut { document }
        | Action::MeterPut { document }
        | Action::CfgSet { document } => Some(document),
        _ => None,
    }
}

fn object_text(state: &ObjectState) -> String {
    let version = state.version.map(|version| format!("version {version}"));
    let sha = state.sha256.map(|sha| format!("SHA-256 {}", hex(&sha)));
    let parts: Vec<String> = version.into_iter().chain(sha).collect();
    if parts.is_empty() {
        return "there is none yet".to_owned();
    }
    format!("the object has {}", parts.join(" and "))
}

/// What is to be done, as a sentence.
fn meaning(action: &Action) -> String {
    match action {
        Action::SchemePut { .. } => "store this scheme; no meter is changed".to_owned(),
        Action::SchemeRemove { scheme } => format!("remove the scheme {scheme} from the gateway"),
        Action::SchemeRead { scheme, .. } => format!("read meters by the scheme {scheme}"),
        Action::SchemeProgram { scheme, .. } => {
            format!("WRITE the whole scheme {scheme} into the meters below")
        }
        Action::SchemeResume { of } => format!("WRITE what is left of the stopped command {of}"),
        Action::SchemeRestore { of } => {
            format!("WRITE back what the meters of the stopped command {of} held before")
        }
        Action::TariffSet { scheme, .. } => {
            format!("WRITE the calendar of the scheme {scheme} into the meters below")
        }
        Action::ListPut { .. } => {
            "store this meter list; it may then write to its meters when its time comes".to_owned()
        }
        Action::ListRemove { list } => format!("remove the meter list {list}"),
        Action::ListRun { list } => format!("run the meter list {list} now"),
        Action::ListStop { list } => format!("stop the meter list {list}"),
        Action::MeterPut { .. } => "store these meters in the gateway's map".to_owned(),
        Action::MeterRemove { meter } => format!("remove the meter {meter} from the gateway"),
        Action::GatewayTimeSet { to, step_max_s } => {
            format!("SET the gateway's own clock to {to}, by at most {step_max_s} s")
        }
        Action::MeterTimeSet { meter, step_max_s } => {
            format!("SET the clock of {meter} to the gateway's, by at most {step_max_s} s")
        }
        Action::TimeAdjust { meter, step_max_s } => {
            format!("MOVE the clock of {meter} gently to the gateway's, by at most {step_max_s} s")
        }
        Action::BillingReset { meter } => format!("END the billing period of {meter}"),
        Action::ProfileBackfill {
            meter,
            profile,
            from,
            to,
        } => {
            let profile = profile.as_ref().map(|profile| format!(" {profile}"));
            let profile = profile.unwrap_or_else(|| "s".to_owned());
            format!("read the load profile{profile} of {meter} again, after {from} up to {to}")
        }
        Action::MeterRead { meter } => format!("read the registers of {meter}"),
        Action::MeterInstant { meter } => format!("read the instantaneous values of {meter}"),
        Action::MeterPing { meter } => format!("see whether {meter} answers"),
        Action::PasswordChange {
            meter,
            level,
            sealed,
        } => format!(
            "CHANGE the password of {meter} for level {level} to a sealed one of {} bytes",
            sealed.len()
        ),
        Action::KeyRotate { key, session } => {
            let session = session.map(|session| format!(", in connection {session} only"));
            format!("REPLACE {}{}", key_text(key), session.unwrap_or_default())
        }
        Action::CfgSet { .. } => "REPLACE the gateway's configuration, on trial".to_owned(),
        Action::AgentRestart => "start the gateway's agent again".to_owned(),
        Action::OtaInstall { .. } => "INSTALL this system image and start it".to_owned(),
        Action::Nop => "do nothing, and say so".to_owned(),
    }
}

fn key_text(key: &RotatedKey) -> String {
    match key {
        RotatedKey::Receipt => "the gateway's own key, which signs receipts".to_owned(),
        RotatedKey::Encryption(meter) => format!("the encryption key of {meter}"),
        RotatedKey::Authentication(meter) => format!("the authentication key of {meter}"),
        RotatedKey::Master(meter) => format!("the master key of {meter}"),
    }
}

/// A receipt in one line.
pub fn receipt_line(receipt: &Receipt) -> String {
    let mut line = format!("{}  {}  {}", receipt.at, receipt.id, receipt.state);
    if receipt.steps > 0 {
        line.extend([format!("  step {} of {}", receipt.step, receipt.steps)]);
    }
    if let Some(code) = &receipt.code {
        line.extend([format!("  {}", plain(code, WORDS_MAX))]);
    }
    if let Some(text) = &receipt.text {
        line.extend([format!(": {}", plain(text, WORDS_MAX))]);
    }
    line
}

/// A receipt for programs, in the words of the contract.
pub fn receipt_value(receipt: &Receipt) -> Value {
    json!({
        "id": receipt.id.to_string(),
        "number": receipt.number,
        "state": receipt.state.word(),
        "final": receipt.state.is_final(),
        "at": receipt.at.to_string(),
        "step": receipt.step,
        "steps": receipt.steps,
        "code": receipt.code,
        "text": receipt.text,
        "next_key": receipt.next_key.as_ref().map(|key| hex(&key.bytes())),
        "who": receipt.proof.as_ref().map(|proof| proof.who.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::{Bounds, CommandId};
    use metering::Timestamp;

    fn command(action: Action) -> Command {
        Command {
            id: CommandId::new([7; 16]),
            gateway: "pmu-001".parse().unwrap(),
            epoch: [0xab; 8],
            number: 4,
            issued: Timestamp::from_seconds(1_795_000_000),
            not_before: Timestamp::from_seconds(1_795_000_000),
            expires: Timestamp::from_seconds(1_795_003_600),
            action,
            precondition: None,
            bounds: Bounds::default(),
        }
    }

    #[track_caller]
    fn check(action: Action, part: &str) {
        let text = claimed_text(&command(action), &[KeyId::new([1; 8])]);
        assert!(text.contains(part), "{text}");
        assert!(text.contains("(unverified"), "{text}");
    }

    #[test]
    fn an_order_says_all_that_is_signed() {
        let meters: Vec<MeterId> = (0..40)
            .map(|n| format!("feeder-{n}").parse().unwrap())
            .collect();
        let scheme = "north/summer".parse().unwrap();
        let tariff = || Action::TariffSet {
            scheme: "north/summer".parse().unwrap(),
            meters: meters.clone(),
        };
        check(tariff(), "WRITE the calendar of the scheme north/summer");
        check(tariff(), "40: feeder-0, feeder-1, ");
        check(tariff(), "feeder-39\n");
        check(
            Action::SchemeRemove { scheme },
            "remove the scheme north/summer",
        );
        check(Action::Nop, "epoch");
        let document = Document::Inline("a = 1\n\u{1b}[2J\u{202e}b = 2\n".to_owned());
        check(Action::CfgSet { document }, "  | a = 1\n  | ?[2J?b = 2\n");
    }
}
