//! One client's association with a meter.

use std::time::Duration;

use super::device::Device;
use super::services::Transfer;
use super::settings::{Client, Level};
use super::store::Store;
use crate::codec::acse::{self, Aare, Aarq, Context, Diagnostic, Mechanism};
use crate::codec::{
    ActionRequest, ActionResponse, ActionResult, Conformance, Data, Exception, InitiateRequest,
    InitiateResponse, InvokeId, LogicalName, Request, Response, ServiceError,
};
use crate::limits::{APDU_OCTETS_MAX, CHALLENGE_OCTETS_MIN, PDU_OCTETS_MIN};
use crate::security::{
    Channel, Form, Key, Keys, Protection, SecurityFault, SystemTitle, is_protected,
};

/// How far it has come.
#[derive(Debug)]
enum State {
    Idle,
    AwaitsProof { ours: [u8; 16], theirs: Vec<u8> },
    Open,
}

/// A client, and what it has open.
#[derive(Debug)]
pub(super) struct Association {
    pub(super) client: Client,
    state: State,
    channel: Option<Channel>,
    pub(super) conformance: Conformance,
    /// Octets of the longest APDU that the client takes.
    pub(super) pdu_octets: usize,
    pub(super) transfer: Option<Transfer>,
    /// The client's highest counter; it outlives associations.
    heard: Option<u32>,
}

/// Octets that protection adds, at most.
const PROTECTION_OCTETS: usize = 1 + 9 + 3 + 5 + 12;

impl Association {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            state: State::Idle,
            channel: None,
            conformance: Conformance::NONE,
            pdu_octets: APDU_OCTETS_MAX,
            transfer: None,
            heard: None,
        }
    }

    pub(super) fn address(&self) -> u16 {
        self.client.address
    }

    pub(super) fn heard(&self) -> Option<u32> {
        let now = self.channel.as_ref().and_then(Channel::heard);
        now.max(self.heard)
    }

    pub(super) fn end(&mut self) {
        self.heard = self.heard();
        self.state = State::Idle;
        self.channel = None;
        self.transfer = None;
    }

    /// Octets that a plain response may have.
    pub(super) fn room(&self) -> usize {
        if self.client.is_ciphered {
            self.pdu_octets.saturating_sub(PROTECTION_OCTETS)
        } else {
            self.pdu_octets
        }
    }

    pub(super) fn take<S: Store>(
        &mut self,
        device: &mut Device<S>,
        apdu: &[u8],
        at: Duration,
    ) -> Option<Vec<u8>> {
        match *apdu.first()? {
            acse::AARQ => {
                self.end();
                Some(self.open(device, apdu, at))
            }
            acse::RLRQ => {
                self.end();
                acse::is_release(acse::RLRQ, apdu).then(acse::release_response)
            }
            _ if matches!(self.state, State::Idle) => {
                Some(exception(ServiceError::NotPossible, None))
            }
            _ if apdu.len() > device.settings.pdu_octets.into() => {
                Some(exception(ServiceError::PduTooLong, None))
            }
            _ => Some(self.serve(device, apdu, at)),
        }
    }

    fn open<S: Store>(&mut self, device: &mut Device<S>, apdu: &[u8], at: Duration) -> Vec<u8> {
        let Ok(aarq) = Aarq::decode(apdu) else {
            return self.refuse(device, Diagnostic::NoReason);
        };
        if let Some(password) = device.store.password(self.address()) {
            self.client.level = Level::Low(password);
        }
        if let Err(diagnostic) = self.admit(&aarq) {
            if diagnostic == Diagnostic::Authentication {
                device.store.note_wrong_password(self.address());
            }
            return self.refuse(device, diagnostic);
        }
        if let Some(keys) = device.store.keys(self.address()) {
            self.take_keys(keys);
        }
        if let Some(keys) = &self.client.keys {
            let own = device.settings.title;
            let mut channel = Channel::new(
                keys.clone(),
                own,
                Protection::Both,
                Form::Service,
                self.heard,
            );
            if let Some(title) = aarq.title {
                channel.set_peer(SystemTitle(title));
            }
            self.channel = Some(channel);
        }
        let plain = match (&mut self.channel, self.client.is_ciphered) {
            (Some(channel), true) => match channel.open(&aarq.user_information) {
                Ok((plain, _)) => plain,
                Err(fault) => return disbelieve(&fault),
            },
            _ => aarq.user_information.clone(),
        };
        let Ok(initiate) = InitiateRequest::decode(&plain) else {
            return self.refuse(device, Diagnostic::NoReason);
        };
        self.conformance = initiate.conformance.common(self.client.conformance);
        self.pdu_octets = match initiate.pdu_octets {
            0 => APDU_OCTETS_MAX,
            octets => octets.max(PDU_OCTETS_MIN).into(),
        };
        if let (Some(octets), Some(channel)) = (&initiate.dedicated_key, &mut self.channel) {
            let suite = self.client.keys.as_ref().map(crate::security::Keys::suite);
            match suite.map(|suite| Key::new(suite, octets)) {
                Some(Ok(key)) => channel.set_dedicated(key),
                _ => return self.refuse(device, Diagnostic::NoReason),
            }
        }
        self.accept(device, &aarq, at)
    }

    /// A counter is one of a key: with another key it begins anew.
    fn take_keys(&mut self, keys: Keys) {
        let known = self.client.keys.as_ref();
        if !known.is_some_and(|known| known.shares_counter(&keys)) {
            self.heard = None;
        }
        self.client.keys = Some(keys);
    }

    /// Whether the client may open what it asks for.
    fn admit(&self, aarq: &Aarq) -> Result<(), Diagnostic> {
        let wanted = if self.client.is_ciphered {
            Context::Ciphered
        } else {
            Context::Plain
        };
        if aarq.context != wanted {
            return Err(Diagnostic::Context);
        }
        let proof = aarq.proof.as_deref().map_or(&[][..], Vec::as_slice);
        match (&self.client.level, aarq.mechanism) {
            (Level::Public, None) => Ok(()),
            (Level::Low(secret), Some(Mechanism::Low)) if secret.is(proof) => Ok(()),
            (Level::Low(_), Some(Mechanism::Low)) => Err(Diagnostic::Authentication),
            (Level::Gmac, Some(Mechanism::Gmac)) => {
                let is_sound = aarq.title.is_some() && proof.len() >= CHALLENGE_OCTETS_MIN;
                is_sound.then_some(()).ok_or(Diagnostic::Authentication)
            }
            (_, None) => Err(Diagnostic::MechanismWanted),
            (_, Some(_)) => Err(Diagnostic::MechanismUnknown),
        }
    }

    fn accept<S: Store>(&mut self, device: &mut Device<S>, aarq: &Aarq, at: Duration) -> Vec<u8> {
        let response = InitiateResponse {
            conformance: self.conformance,
            pdu_octets: device.settings.pdu_octets,
        };
        let mut information = response.encode();
        if let (Some(channel), true) = (&mut self.channel, self.client.is_ciphered) {
            device.counter += 1;
            match channel.protect(&information, device.counter) {
                Ok(protected) => information = protected,
                Err(_) => return self.refuse(device, Diagnostic::NoReason),
            }
            channel.switch();
        }
        let is_gmac = matches!(self.client.level, Level::Gmac);
        let ours = device.store.challenge(at);
        self.state = if is_gmac {
            State::AwaitsProof {
                ours,
                theirs: aarq.proof.as_deref().cloned().unwrap_or_default(),
            }
        } else {
            State::Open
        };
        Aare {
            context: aarq.context,
            result: 0,
            diagnostic: if is_gmac {
                Diagnostic::AuthenticationRequired
            } else {
                Diagnostic::None
            },
            title: self.channel.as_ref().map(|_| device.settings.title.0),
            mechanism: aarq.mechanism,
            challenge: is_gmac.then(|| ours.to_vec()),
            user_information: Some(information),
        }
        .encode()
    }

    fn refuse<S: Store>(&mut self, device: &Device<S>, diagnostic: Diagnostic) -> Vec<u8> {
        self.end();
        Aare {
            context: if self.client.is_ciphered {
                Context::Ciphered
            } else {
                Context::Plain
            },
            result: 1,
            diagnostic,
            title: self.client.keys.as_ref().map(|_| device.settings.title.0),
            mechanism: None,
            challenge: None,
            user_information: None,
        }
        .encode()
    }

    fn serve<S: Store>(&mut self, device: &mut Device<S>, apdu: &[u8], at: Duration) -> Vec<u8> {
        let (plain, form) = match (&mut self.channel, self.client.is_ciphered) {
            (Some(channel), true) => match channel.open(apdu) {
                Ok(opened) => opened,
                Err(fault) => return disbelieve(&fault),
            },
            _ if is_protected(apdu) => return exception(ServiceError::Deciphering, None),
            _ => (apdu.to_vec(), Form::Service),
        };
        let Ok(request) = Request::decode(&plain) else {
            return exception(ServiceError::NotSupported, None);
        };
        let response = match &self.state {
            State::AwaitsProof { ours, theirs } => {
                let (ours, theirs) = (*ours, theirs.clone());
                self.check_proof(device, &request, &ours, &theirs)
            }
            _ => self.answer(device, request, at),
        };
        self.send(device, &response.encode(), form)
    }

    /// An answer shows itself as its request did.
    fn send<S: Store>(&mut self, device: &mut Device<S>, plain: &[u8], form: Form) -> Vec<u8> {
        let (Some(channel), true) = (&mut self.channel, self.client.is_ciphered) else {
            return plain.to_vec();
        };
        channel.set_form(form);
        device.counter += 1;
        channel
            .protect(plain, device.counter)
            .unwrap_or_else(|_| exception(ServiceError::OtherReason, None))
    }

    /// The client's answer to the challenge, and the meter's to the client's.
    fn check_proof<S: Store>(
        &mut self,
        device: &mut Device<S>,
        request: &Request,
        ours: &[u8],
        theirs: &[u8],
    ) -> Response {
        let id = request.invoke_id();
        let (Some(channel), Some(proof)) = (&self.channel, proof_of(request)) else {
            return not_possible();
        };
        if channel.check_proof(ours, proof).is_err() {
            self.end();
            return proof_refused(id);
        }
        device.counter += 1;
        let Ok(proof) = channel.prove(theirs, device.counter) else {
            return not_possible();
        };
        self.state = State::Open;
        let proof = Some(Ok(Data::OctetString(proof)));
        Response::Action(id, ActionResponse::Normal(ActionResult::Success, proof))
    }
}

/// What a client proves itself with.
fn proof_of(request: &Request) -> Option<&[u8]> {
    match request {
        Request::Action(_, ActionRequest::Normal(method, Some(Data::OctetString(proof))))
            if method.class == 15
                && method.name == LogicalName::ASSOCIATION
                && method.number == 1 =>
        {
            Some(proof)
        }
        _ => None,
    }
}

fn proof_refused(id: InvokeId) -> Response {
    let result = ActionResult::ReadWriteDenied;
    Response::Action(id, ActionResponse::Normal(result, None))
}

fn not_possible() -> Response {
    Response::Exception(Exception {
        state: 1,
        error: ServiceError::NotPossible,
        expected_counter: None,
    })
}

fn exception(error: ServiceError, expected_counter: Option<u32>) -> Vec<u8> {
    Response::Exception(Exception {
        state: 1,
        error,
        expected_counter,
    })
    .encode()
}

/// Says why an APDU is not believed.
fn disbelieve(fault: &SecurityFault) -> Vec<u8> {
    match fault {
        SecurityFault::Old { heard, .. } => exception(
            ServiceError::InvocationCounter,
            Some(heard.saturating_add(1)),
        ),
        _ => exception(ServiceError::Deciphering, None),
    }
}
