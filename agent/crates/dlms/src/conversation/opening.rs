//! From a quiet line to an association in which the meter has proven itself.

use line::{GuardedLine, Line};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::fault::{SessionFault, Step};
use super::link::Link;
use super::mask::PasswordMask;
use super::session::Session;
use super::terms::{Access, Scope, Terms};
use crate::codec::acse::{AARE, Aare, Aarq, Context, Diagnostic, Mechanism};
use crate::codec::{
    ActionRequest, ActionResponse, ActionResult, Conformance, Data, Exception, InitiateRequest,
    InitiateResponse, LogicalName, Method, Request, Response, Tag,
};
use crate::limits::{
    APDU_OCTETS_MAX, CHALLENGE_OCTETS, CHALLENGE_OCTETS_MIN, PDU_OCTETS_MIN, SECRET_OCTETS_MAX,
};
use crate::security::{
    Channel, CounterKeeper, Counters, Key, SecurityFault, SystemTitle, is_protected,
};

const STEP: Step = Step::Association;

pub(super) async fn open<'l, L: Line, K: CounterKeeper>(
    line: &'l mut GuardedLine<L>,
    keeper: &'l mut K,
    terms: &Terms,
) -> Result<Session<'l, L, K>, SessionFault> {
    let began_at = Instant::now();
    if matches!(terms.access, Access::Gmac) && terms.ciphering.is_none() {
        return Err(SessionFault::NoKeys);
    }
    if let Access::Low(secret) = &terms.access {
        line.trace().wear(|| Box::<PasswordMask>::default());
        line.trace().keep_secret(secret.reveal());
    }
    let channel = match &terms.ciphering {
        Some(ciphering) => Some(Channel::new(
            ciphering.keys.clone(),
            ciphering.title,
            ciphering.protection,
            ciphering.form,
            keeper.heard().await?,
        )),
        None => None,
    };
    // Where the numbers begin differs from session to session: one more thing that an old answer
    // would have to meet.
    let mut invoke = [0];
    getrandom::fill(&mut invoke).map_err(|_| SessionFault::Security {
        step: STEP,
        fault: SecurityFault::NoRandom,
    })?;
    let [invoke] = invoke;
    let link = Link::open(line, terms).await?;
    let mut session = Session {
        link,
        keeper,
        counters: Counters::default(),
        channel,
        is_ciphered: false,
        conformance: Conformance::NONE,
        pdu_octets: APDU_OCTETS_MAX,
        meter_title: None,
        began_at,
        hold_max: terms.hold_max,
        invoke: invoke & 0x0f,
        is_over: false,
    };
    match associate(&mut session, terms).await {
        Ok(()) => Ok(session),
        Err(fault) => {
            // What it says is less than why the opening failed.
            session.is_over = true;
            drop(session.close().await);
            Err(fault)
        }
    }
}

async fn associate<L: Line, K: CounterKeeper>(
    session: &mut Session<'_, L, K>,
    terms: &Terms,
) -> Result<(), SessionFault> {
    let is_ciphered = terms
        .ciphering
        .as_ref()
        .is_some_and(|ciphering| ciphering.scope == Scope::Everything);
    let challenge = challenge()?;
    let aarq = Aarq {
        context: context(is_ciphered),
        title: terms.ciphering.as_ref().map(|ciphering| ciphering.title.0),
        mechanism: mechanism(&terms.access),
        proof: match &terms.access {
            Access::Public => None,
            Access::Low(secret) => Some(Zeroizing::new(secret.reveal().to_vec())),
            Access::Gmac => Some(Zeroizing::new(challenge.to_vec())),
        },
        user_information: initiate(session, terms, is_ciphered).await?,
    };
    let answer = session.link.exchange(STEP, &aarq.encode()).await?;
    let aare = accepted(&answer, terms, is_ciphered)?;
    let title = aare.title.map(SystemTitle);
    session.meter_title = title;
    if let (Some(channel), Some(title)) = (&mut session.channel, title) {
        channel.set_peer(title);
    }
    agree(session, terms, &aare, is_ciphered)?;
    session.is_ciphered = is_ciphered;
    if let Some(channel) = &mut session.channel {
        channel.switch();
    }
    if matches!(terms.access, Access::Gmac) {
        let theirs = aare.challenge.unwrap_or_default();
        if theirs.len() < CHALLENGE_OCTETS_MIN || theirs == challenge {
            // A challenge that is ours would be answered with what proves us to ourselves.
            return Err(SessionFault::OtherTerms);
        }
        prove(session, &challenge, &theirs).await?;
    }
    session.note_heard().await
}

fn context(is_ciphered: bool) -> Context {
    if is_ciphered {
        Context::Ciphered
    } else {
        Context::Plain
    }
}

fn mechanism(access: &Access) -> Option<Mechanism> {
    match access {
        Access::Public => None,
        Access::Low(_) => Some(Mechanism::Low),
        Access::Gmac => Some(Mechanism::Gmac),
    }
}

fn challenge() -> Result<[u8; CHALLENGE_OCTETS], SessionFault> {
    let mut challenge = [0; CHALLENGE_OCTETS];
    getrandom::fill(&mut challenge).map_err(|_| SessionFault::Security {
        step: STEP,
        fault: SecurityFault::NoRandom,
    })?;
    Ok(challenge)
}

/// The initiate request, ciphered with the global key if anything is.
async fn initiate<L: Line, K: CounterKeeper>(
    session: &mut Session<'_, L, K>,
    terms: &Terms,
    is_ciphered: bool,
) -> Result<Vec<u8>, SessionFault> {
    let broken = |fault| SessionFault::Security { step: STEP, fault };
    let mut request = InitiateRequest {
        dedicated_key: None,
        conformance: terms.conformance,
        pdu_octets: terms.pdu_octets,
    };
    if !is_ciphered {
        return Ok(request.encode().to_vec());
    }
    let counter = session.next_counter(STEP).await?;
    let (Some(channel), Some(ciphering)) = (&mut session.channel, &terms.ciphering) else {
        return Err(SessionFault::NoKeys);
    };
    if ciphering.has_dedicated_key {
        let key = Key::generate(ciphering.keys.suite()).map_err(broken)?;
        request.dedicated_key = Some(Zeroizing::new(key.reveal().to_vec()));
        channel.set_dedicated(key);
    }
    // Within an AARQ it has its own tag, whatever form the services have.
    channel.set_form(crate::security::Form::Service);
    let protected = channel.protect(&request.encode(), counter);
    channel.set_form(ciphering.form);
    protected.map_err(broken)
}

/// The AARE, if it is one that agrees to what was asked for.
fn accepted(answer: &[u8], terms: &Terms, is_ciphered: bool) -> Result<Aare, SessionFault> {
    match answer.first() {
        Some(&AARE) => {}
        Some(tag) if *tag == Tag::EXCEPTION.0 => {
            let exception = exception(answer)?;
            let step = STEP;
            return Err(SessionFault::Exception { step, exception });
        }
        _ => return Err(SessionFault::Unmatched { step: STEP }),
    }
    let aare =
        Aare::decode(answer).map_err(|fault| SessionFault::Malformed { step: STEP, fault })?;
    if aare.result != 0 {
        let diagnostic = aare.diagnostic;
        return Err(SessionFault::Refused { diagnostic });
    }
    let wanted = mechanism(&terms.access);
    let is_level = match terms.access {
        // Some say that nothing is wrong, and some that the proof is still to come.
        Access::Gmac => {
            let is_sound = matches!(
                aare.diagnostic,
                Diagnostic::AuthenticationRequired | Diagnostic::None
            );
            is_sound && aare.mechanism == wanted
        }
        // Some meters do not repeat the level.
        Access::Public | Access::Low(_) => aare.mechanism.is_none() || aare.mechanism == wanted,
    };
    if aare.context != context(is_ciphered) || !is_level {
        return Err(SessionFault::OtherTerms);
    }
    Ok(aare)
}

fn exception(answer: &[u8]) -> Result<Exception, SessionFault> {
    match Response::decode(answer) {
        Ok(Response::Exception(exception)) => Ok(exception),
        Ok(_) => Err(SessionFault::Unmatched { step: STEP }),
        Err(fault) => Err(SessionFault::Malformed { step: STEP, fault }),
    }
}

/// Takes what the meter agrees to.
fn agree<L: Line, K: CounterKeeper>(
    session: &mut Session<'_, L, K>,
    terms: &Terms,
    aare: &Aare,
    is_ciphered: bool,
) -> Result<(), SessionFault> {
    let information = aare.user_information.as_deref().unwrap_or_default();
    let plain = match (&mut session.channel, is_ciphered) {
        (Some(channel), true) => {
            let opened = channel.open(information);
            opened
                .map(|(plain, _)| plain)
                .map_err(|fault| SessionFault::Security { step: STEP, fault })?
        }
        _ if is_protected(information) => return Err(SessionFault::OtherTerms),
        _ => information.to_vec(),
    };
    let response = InitiateResponse::decode(&plain)
        .map_err(|fault| SessionFault::Malformed { step: STEP, fault })?;
    session.conformance = response.conformance.common(terms.conformance);
    session.pdu_octets = match response.pdu_octets {
        0 => APDU_OCTETS_MAX,
        octets => octets.max(PDU_OCTETS_MIN).into(),
    };
    Ok(())
}

/// Both sides prove that they have the key.
async fn prove<L: Line, K: CounterKeeper>(
    session: &mut Session<'_, L, K>,
    ours: &[u8],
    theirs: &[u8],
) -> Result<(), SessionFault> {
    let step = Step::Proof;
    let broken = |fault| SessionFault::Security { step, fault };
    let counter = session.next_counter(step).await?;
    let channel = session.channel.as_ref().ok_or(SessionFault::NoKeys)?;
    let proof = channel.prove(theirs, counter).map_err(broken)?;
    let method = Method {
        class: 15,
        name: LogicalName::ASSOCIATION,
        number: 1,
    };
    let parameter = Some(Data::OctetString(proof));
    let request = ActionRequest::Normal(method, parameter);
    let request = Request::Action(session.next_invoke(), request);
    let response = session.ask(step, &request).await?;
    let Response::Action(_, ActionResponse::Normal(ActionResult::Success, Some(Ok(answer)))) =
        response
    else {
        return Err(SessionFault::ProofRefused);
    };
    let proof = answer.octets().unwrap_or_default();
    let channel = session.channel.as_ref().ok_or(SessionFault::NoKeys)?;
    channel.check_proof(ours, proof).map_err(broken)
}

/// So that a challenge always fits where it is kept.
const _: () = assert!(CHALLENGE_OCTETS <= SECRET_OCTETS_MAX);
