//! Where a relay checks the receipts it is offered.
//!
//! Invariant: what passes names this node, this deployment, an open epoch and an authorised key;
//! whether it ranks above what is held is the store's to say, in the same transaction that keeps it.

use std::sync::Arc;

use tatum_primitives::{B256, NodeId, keccak256};
use tatum_receipt::checks::{EpochWindow, check, check_in_channel};
use tatum_receipt::{CheckedReceipt, Contents, Rejection, Verifier, Witnessed};

use crate::Clock;
use crate::facts::SharedFacts;

/// What a receipt is checked against.
#[derive(Debug)]
pub(super) struct ReceiptChecker {
    pub(super) node: NodeId,
    pub(super) verifier: Verifier,
    pub(super) facts: SharedFacts,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) grace_ms: u64,
}

impl ReceiptChecker {
    /// Decodes and checks, with what lies beside it; a rejection names the receipt's digest.
    pub(super) fn check(
        &self,
        bytes: &[u8],
    ) -> Result<(CheckedReceipt, Contents), (B256, Rejection)> {
        let Witnessed { signed, contents } =
            Witnessed::decode(bytes).map_err(|error| (keccak256(bytes), error.into()))?;
        let receipt = &signed.receipt;
        let digest = self.verifier.digest(receipt);
        if receipt.node != self.node {
            let (node, operator_id) = (receipt.node, receipt.operator_id);
            return Err((digest, Rejection::UnknownNode { node, operator_id }));
        }
        let window = EpochWindow::at(self.clock.schedule(), self.clock.wall_ms(), self.grace_ms);
        let facts = self.facts.facts();
        let checked = if receipt.channel == B256::ZERO {
            check(&signed, &self.verifier, window, facts)
        } else {
            check_in_channel(&signed, &self.verifier, window, facts)
        };
        match checked {
            Ok(checked) => Ok((checked, contents)),
            Err(rejection) => Err((digest, rejection)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeKey;
    use tatum_database::NodeStore;
    use tatum_primitives::{Address, Domain, Epoch, EpochSchedule, OperatorId};
    use tatum_receipt::checks::StatedFacts;
    use tatum_receipt::{
        DeliveryReceipt, SessionKey, Signature, SignedReceipt, Step, StoredReceipt,
    };

    const PAYER: Address = Address::repeat_byte(7);
    const EPOCH: Epoch = Epoch(5);

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn wall_ms(&self) -> u64 {
            5 * 60_000 + 30_000
        }

        fn monotonic_ms(&self) -> u64 {
            0
        }

        fn schedule(&self) -> EpochSchedule {
            EpochSchedule { genesis_s: 0, length_s: 60 }
        }
    }

    fn facts() -> StatedFacts {
        StatedFacts::default()
            .node(node_key().id(), OperatorId(3))
            .quota(PAYER, 1_000_000)
            .session_key(PAYER, session(1).address())
    }

    fn node_key() -> NodeKey {
        NodeKey::from_bytes(&[5; 32])
    }

    fn session(byte: u8) -> SessionKey {
        SessionKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn receipt_checker() -> ReceiptChecker {
        ReceiptChecker {
            node: node_key().id(),
            verifier: verifier(1),
            facts: SharedFacts::new(facts()),
            clock: Arc::new(Noon),
            grace_ms: 10_000,
        }
    }

    fn verifier(chain_id: u64) -> Verifier {
        Verifier::new(Domain { chain_id, stake_pool: Address::ZERO })
    }

    fn receipt() -> DeliveryReceipt {
        DeliveryReceipt {
            payer: PAYER,
            operator_id: OperatorId(3),
            node: node_key().id(),
            epoch: EPOCH,
            sequence: 2,
            messages: 10,
            bytes: 500,
            bytes_on_time: 450,
            ..DeliveryReceipt::default()
        }
    }

    fn code(signed: &SignedReceipt) -> &'static str {
        receipt_checker()
            .check(&signed.encode())
            .map_or_else(|(_, rejection)| rejection.code(), |_| "taken")
    }

    fn signed(receipt: DeliveryReceipt) -> SignedReceipt {
        SignedReceipt::sign(receipt, &session(1), &verifier(1))
    }

    #[test]
    fn a_wrong_receipt_is_refused_with_its_reason() {
        assert_eq!(code(&signed(receipt())), "taken");
        let with = |change: fn(&mut DeliveryReceipt)| {
            let mut changed = receipt();
            change(&mut changed);
            code(&signed(changed))
        };
        assert_eq!(with(|r| r.epoch = Epoch(6)), "future_epoch");
        assert_eq!(with(|r| r.epoch = Epoch(4)), "past_epoch");
        assert_eq!(with(|r| r.node = NodeId(B256::ZERO)), "unknown_node");
        assert_eq!(with(|r| r.operator_id = OperatorId(4)), "unknown_operator");
        assert_eq!(with(|r| r.payer = Address::ZERO), "no_stake");
        assert_eq!(with(|r| r.bytes_on_time = 501), "out_of_bounds");
        assert_eq!(with(|r| (r.bytes, r.bytes_on_time) = (1_100_001, 1_100_001)), "over_quota");
        let stranger = SignedReceipt::sign(receipt(), &session(2), &verifier(1));
        assert_eq!(code(&stranger), "unauthorized_signer");
        let elsewhere = SignedReceipt::sign(receipt(), &session(1), &verifier(2));
        assert_eq!(code(&elsewhere), "unauthorized_signer");
        let mut broken = signed(receipt());
        broken.signature = Signature([0; 65]);
        assert_eq!(code(&broken), "signature");
        let mut trailing = signed(receipt()).encode().to_vec();
        trailing.push(0);
        let rejected = receipt_checker().check(&trailing).unwrap_err().1;
        assert_eq!(rejected.code(), "malformed");
    }

    #[tokio::test]
    async fn a_later_receipt_takes_no_pay_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        let none = Contents::default();
        let (paid, _) = receipt_checker().check(&signed(receipt()).encode()).unwrap();
        assert_eq!(store.keep(&paid, &none).await.unwrap().1, Step::Advance);
        let unpaid = signed(DeliveryReceipt { sequence: 3, bytes_on_time: 0, ..receipt() });
        let (unpaid, _) = receipt_checker().check(&unpaid.encode()).unwrap();
        assert_eq!(store.keep(&unpaid, &none).await.unwrap().1, Step::Superseded);
        let held = store.newest(&receipt().key()).await.unwrap();
        assert_eq!(held.map(StoredReceipt::into_signed), Some(signed(receipt())));
    }
}
