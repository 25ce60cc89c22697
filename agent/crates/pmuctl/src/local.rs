//! One question to the gateway on this machine, and its answer in words, JSON or CSV.

use crate::show::{answer_text, profile_csv};
use desk::{Answer, Caller, GatewayDesk, Refusal, Request};

/// How an answer is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Words and tables.
    Text,
    /// One line of JSON.
    Json,
    /// CSV, of intervals.
    Csv,
}

/// What to print, and whether all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// For standard output.
    pub text: String,
    /// A check that found faults is an answer, and not well.
    pub is_well: bool,
}

/// Asks a desk.
pub async fn ask(desk: &impl GatewayDesk, request: Request, form: Form) -> Result<Said, Refusal> {
    // The kernel tells the gateway who we are; what is said here does not matter.
    let nobody = Caller {
        uid: u32::MAX,
        pid: 0,
    };
    let answer = desk.ask(nobody, request).await?;
    let is_well = !matches!(&answer, Answer::Verified(result) if !result.faults.is_empty());
    let text = match (form, &answer) {
        (Form::Csv, Answer::Profile { channels, rows }) => profile_csv(channels, rows),
        (Form::Json, answer) => json(answer)?,
        (_, answer) => answer_text(answer),
    };
    Ok(Said { text, is_well })
}

fn json(answer: &Answer) -> Result<String, Refusal> {
    let line = serde_json::to_string(answer).map_err(|error| Refusal {
        problem: format!("the answer cannot be written as JSON: {error}"),
        remedy: "ask without --json".to_owned(),
    })?;
    Ok(format!("{line}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::VerifyResult;

    struct Fake(Answer);

    impl GatewayDesk for Fake {
        async fn ask(&self, _: Caller, request: Request) -> Result<Answer, Refusal> {
            assert_eq!(request, Request::StoreVerify);
            Ok(self.0.clone())
        }
    }

    #[tokio::test]
    async fn a_check_with_faults_is_not_well() {
        let faults = vec!["chunk 3".to_owned()];
        for (faults, is_well) in [(Vec::new(), true), (faults, false)] {
            let desk = Fake(Answer::Verified(VerifyResult { checked: 1, faults }));
            let said = ask(&desk, Request::StoreVerify, Form::Json).await.unwrap();
            assert_eq!(said.is_well, is_well);
            let back: Answer = serde_json::from_str(&said.text).unwrap();
            assert_eq!(back, desk.0);
        }
    }
}
