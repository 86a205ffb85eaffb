//! An operator's proof, for the OpenAPI description: the type itself lies in a crate that browsers compile and that knows no OpenAPI.
//!
//! Invariant: it has the fields of [`tatum_merkle::OperatorProof`]; a test holds the two together.

use utoipa::ToSchema;

use crate::schema::{AddressText, DecimalText, WordText};

/// What `Distributor.claim` takes, spelled out.
#[derive(Debug, ToSchema)]
#[schema(as = OperatorProof)]
pub struct OperatorProofText {
    /// The epoch of the distribution.
    pub epoch: u64,
    /// The distribution's root.
    pub root: WordText,
    /// The dataset's manifest.
    pub manifest_hash: WordText,
    /// The operator.
    pub operator_id: u32,
    /// Where it is paid.
    pub payout: AddressText,
    /// Everything it has earned.
    pub cumulative_nano: DecimalText,
    /// The three packed: the first argument of `claim`.
    pub entry: WordText,
    /// The second argument of `claim`.
    pub proof: Vec<WordText>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tatum_merkle::{Entry, OperatorProof, SumTree};
    use tatum_primitives::{B256, Epoch, OperatorId};
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn the_description_has_the_fields_of_the_proof_in_their_order() {
        let tree = SumTree::build(vec![Entry::default()]).unwrap();
        let proof = OperatorProof::new(&tree, Epoch(1), B256::ZERO, OperatorId(0)).unwrap();
        let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let described = serde_json::to_value(OperatorProofText::schema()).unwrap();
        let served = serde_json::to_value(proof).unwrap();
        assert_eq!(fields(&described["properties"]), fields(&served));
        assert_eq!(OperatorProofText::name(), "OperatorProof");
    }
}
