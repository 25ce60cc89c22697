//! Whom an operator believes.

use authority::{AuthenticReceipt, ReceiptKeys};
use metering::GatewayId;
use std::collections::BTreeMap;

/// The public keys of gateways.
///
/// Who may publish at the broker may say anything in a gateway's name. What counts is what the
/// gateways signed, and nothing else.
#[derive(Debug, Default)]
pub struct Witnesses(BTreeMap<GatewayId, ReceiptKeys>);

impl Witnesses {
    /// Believes one more gateway.
    pub fn add(&mut self, keys: ReceiptKeys) {
        self.0.insert(keys.gateway().clone(), keys);
    }

    /// Whether it can prove anything of this gateway.
    pub fn knows(&self, gateway: &GatewayId) -> bool {
        self.0.contains_key(gateway)
    }

    /// The receipt, where this gateway signed it. What anybody else made is nothing.
    /// Where a gateway announces its next key it is followed.
    pub fn prove(&mut self, gateway: &GatewayId, bytes: &[u8]) -> Option<AuthenticReceipt> {
        let keys = self.0.get_mut(gateway)?;
        let proven = keys.open(bytes).ok()?;
        keys.follow(&proven);
        Some(proven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::{CommandId, CommandState, Door, Proof, Receipt, SigningKey, sign_receipt};
    use metering::Timestamp;

    fn gateway(name: &str) -> GatewayId {
        name.parse().unwrap()
    }

    fn signed(seed: u8, by: &str, state: CommandState) -> Vec<u8> {
        let at = Timestamp::from_seconds(1_795_000_000);
        let receipt = Receipt {
            id: CommandId::new([7; 16]),
            number: 1,
            state,
            at,
            step: 0,
            steps: 0,
            code: None,
            text: None,
            now: None,
            evidence: None,
            proof: Some(Proof {
                who: vec!["Anna".to_owned()],
                door: Door::HeadEnd,
                begun: at,
                ended: at,
                meters: Vec::new(),
            }),
            next_key: None,
        };
        sign_receipt(&SigningKey::from_seed(&[seed; 32]), &gateway(by), &receipt).unwrap()
    }

    fn witnesses() -> Witnesses {
        let mut all = Witnesses::default();
        for (name, seed) in [("north", 1), ("south", 2)] {
            let key = SigningKey::from_seed(&[seed; 32]).public_key();
            all.add(ReceiptKeys::of_gateway(gateway(name), vec![key]));
        }
        all
    }

    #[track_caller]
    fn check(heard_of: &str, bytes: &[u8], is_believed: bool) {
        let proven = witnesses().prove(&gateway(heard_of), bytes);
        assert_eq!(proven.is_some(), is_believed);
    }

    #[test]
    fn only_what_the_gateway_itself_signed_is_believed() {
        let done = CommandState::Succeeded;
        check("north", &signed(1, "north", done), true);
        check("south", &signed(2, "south", done), true);
        // Forged: with an own key, and with another gateway's key in this one's name.
        check("north", &signed(9, "north", done), false);
        check("north", &signed(2, "north", done), false);
        // Re-addressed: another gateway's true receipt on this one's topic.
        check("north", &signed(2, "south", done), false);
        check("north", &signed(1, "south", done), false);
        // A gateway whose key is not there.
        check("west", &signed(1, "west", done), false);
    }

    #[test]
    fn a_changed_or_cut_receipt_is_not_believed() {
        let whole = signed(1, "north", CommandState::Failed);
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            // A change that leaves it believed must leave what it says the same.
            if let Some(proven) = witnesses().prove(&gateway("north"), &changed) {
                assert_eq!(proven.receipt().state, CommandState::Failed, "byte {place}");
            }
            check("north", &whole[..place], false);
        }
    }
}
