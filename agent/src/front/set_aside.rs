//! What cannot be delivered: shown, and released by a person.

use super::{Front, Permitted, refusal, store_refusal};
use crate::tasks::storekeeper::{Look, OutboxAsk, Record, Urgency};
use desk::{Answer, AsideEntry, Refusal};
use storage::{Lookup, Stream};

impl Front {
    pub(super) async fn set_aside(&self) -> Result<Answer, Refusal> {
        let found = self.store.ask(Look::SetAside).await;
        let found = found.map_err(|error| store_refusal(&error))?;
        let shown = found.into_iter().map(|entry| AsideEntry {
            stream: entry.stream.to_string(),
            number: entry.number,
            at: entry.at.to_string(),
            why: entry.why,
        });
        Ok(Answer::SetAside(shown.collect()))
    }

    pub(super) async fn release(
        &self,
        permitted: &Permitted,
        stream: &str,
        number: u64,
    ) -> Result<Answer, Refusal> {
        let Some(known) = Stream::ALL
            .into_iter()
            .find(|known| known.to_string() == stream)
        else {
            let names: Vec<String> = Stream::ALL.iter().map(ToString::to_string).collect();
            let remedy = format!("name one of: {}", names.join(", "));
            return Err(refusal(format!("there is no stream `{stream}`"), &remedy));
        };
        let lookup = self
            .store
            .ask(|reply| OutboxAsk::Entry {
                stream: known,
                number,
                reply,
            })
            .await
            .map_err(|error| store_refusal(&error))?;
        match lookup {
            Lookup::SetAside => {}
            Lookup::Damaged => {
                return Err(refusal(
                    format!("entry {number} of {stream} is damaged: there is nothing left to send"),
                    "`pmuctl store verify` shows what else is; look after the medium",
                ));
            }
            _ => {
                return Err(refusal(
                    format!("entry {number} of {stream} was not set aside"),
                    "`pmuctl store set-aside` shows what was",
                ));
            }
        }
        self.store
            .ask(|reply| OutboxAsk::Release {
                stream: known,
                number,
                reply,
            })
            .await
            .map_err(|error| store_refusal(&error))?;
        let record = Record::Audit {
            who: permitted.who().to_owned(),
            what: "entry released".to_owned(),
            detail: format!("{stream} {number}"),
        };
        self.store.keep(vec![record], Urgency::Soon).await;
        Ok(Answer::Done(format!(
            "entry {number} of {stream} goes with the next connection to the head-end, or when the \
             head-end asks for it"
        )))
    }
}
