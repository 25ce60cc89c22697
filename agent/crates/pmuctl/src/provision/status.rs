//! How far a gateway is from being one, in plain words.

use super::plan::Plan;
use crate::words::plain;
use serde::Serialize;
use std::fmt;

/// Something that a gateway needs before it reads its first meter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    /// The file that brings it.
    pub name: String,
    /// It is there, and good.
    pub is_there: bool,
    /// What it is; or what is missing.
    pub words: String,
}

impl Part {
    pub(super) fn of(name: &str, there: Option<String>, missing: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_there: there.is_some(),
            words: there.unwrap_or_else(|| missing.to_owned()),
        }
    }
}

/// How far a gateway is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Its name, once it has one.
    pub gateway: Option<String>,
    /// Nothing is missing, and the agent may start.
    pub is_complete: bool,
    /// Everything that it needs.
    pub parts: Vec<Part>,
    /// What to do now; empty if there is nothing to do.
    pub next: String,
}

const BRING: &str = "put them into a folder named provision on a USB stick and plug it in, or type \
                     pmuctl provision FOLDER";

impl Status {
    /// Of what there is; `has_agent`: the agent's configuration is written, `is_interrupted`: the
    /// last run was cut off.
    pub fn of(plan: &Plan, has_agent: bool, is_interrupted: bool) -> Self {
        let gateway = plan.id.as_ref().map(ToString::to_string);
        let missing = |part: &&Part| !part.is_there && part.name != "own key";
        let missing: Vec<&str> = plan
            .parts
            .iter()
            .filter(missing)
            .map(|part| part.name.as_str())
            .collect();
        let next = match (missing.as_slice(), &gateway) {
            _ if is_interrupted => {
                "the last run was cut off by a power cut; type pmuctl provision --finish".to_owned()
            }
            (["client.pem"], Some(id)) => format!(
                "have {id}.csr.pem signed by the authority, put the certificate beside it as \
                 client.pem, and bring the folder again"
            ),
            ([], _) if has_agent => String::new(),
            ([], _) => "type pmuctl provision FOLDER once more".to_owned(),
            // Without a key there is no request, and without that no certificate.
            (some, _) => {
                let some: Vec<&str> = some
                    .iter()
                    .copied()
                    .filter(|name| *name != "client.pem")
                    .collect();
                format!("bring {}: {BRING}", some.join(", "))
            }
        };
        Self {
            gateway,
            is_complete: plan.is_complete() && has_agent && !is_interrupted,
            parts: plan.parts.clone(),
            next,
        }
    }

    /// Of a gateway whose configuration a person wrote: it runs, and provisioning leaves it alone.
    pub fn by_hand(agent: &str) -> Self {
        let words = "written by hand: provisioning leaves this gateway as it is";
        Self {
            gateway: None,
            is_complete: true,
            parts: vec![Part::of(agent, Some(words.to_owned()), "")],
            next: String::new(),
        }
    }

    /// What is missing, and what to do about it, in a line each.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.parts.iter().filter(|part| !part.is_there);
        let lines = missing.map(|part| format!("{}: {}", part.name, part.words));
        let next = Some(&self.next).filter(|next| !next.is_empty());
        lines.chain(next.cloned()).collect()
    }

    /// Of a gateway whose own files are damaged.
    pub fn damaged(words: &str) -> Self {
        Self {
            gateway: None,
            is_complete: false,
            parts: Vec::new(),
            next: format!("correct what was taken before, or bring it again: {words}"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.gateway.as_deref().unwrap_or("this box");
        if self.is_complete {
            writeln!(f, "{name} is provisioned")?;
        } else {
            writeln!(f, "{name} is not provisioned yet: it reads no meter")?;
        }
        for part in &self.parts {
            let state = if part.is_there { "there  " } else { "MISSING" };
            writeln!(
                f,
                "  {:<15}  {state}  {}",
                part.name,
                plain(&part.words, 200)
            )?;
        }
        if !self.next.is_empty() {
            writeln!(f, "next: {}", self.next)?;
        }
        Ok(())
    }
}
