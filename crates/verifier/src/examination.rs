//! What the page asks, and what it is told.
//!
//! Invariant: every text has an answer; one that is no proof is `unreadable`, with the reason.

use serde::{Deserialize, Serialize};
use tatum_merkle::{OperatorProof, Word};

use crate::{Difference, Trace};

/// More text than any proof has: 33 words with room for how people set JSON.
const LONGEST_BYTES: usize = 64 * 1024;

/// What the page asks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The proof's text, as it was typed or served.
    pub proof: String,
    /// The root that stands on the chain, where it is known.
    pub root: Option<Word>,
    /// A proof of the same operator and epoch, to say where the two differ; it is used only if it holds itself.
    pub reference: Option<String>,
}

/// What is said of a proof.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Answer {
    /// It leads to its root, and that is the chain's where the chain's was given.
    Holds {
        /// The way there.
        trace: Trace,
        /// What else was changed: the epoch or the manifest, which no root binds.
        differences: Vec<Difference>,
    },
    /// It does not.
    Wrong {
        /// For machines, as in `tests/vectors/sum_trees.json`; `other_root` where the chain has another.
        reason: &'static str,
        /// For people.
        detail: String,
        /// How far it goes.
        trace: Trace,
        /// Where it differs from one that holds.
        differences: Vec<Difference>,
    },
    /// It is none.
    Unreadable {
        /// For people.
        detail: String,
    },
}

/// Answers a question in JSON, in JSON.
#[must_use]
pub fn examine(question: &str) -> String {
    let answer = match serde_json::from_str::<Question>(question) {
        Ok(question) => answer(&question),
        Err(error) => Answer::Unreadable { detail: error.to_string() },
    };
    // Strings, numbers and words always have a text.
    serde_json::to_string(&answer).unwrap_or_default()
}

fn answer(question: &Question) -> Answer {
    let proof = match parse(&question.proof) {
        Ok(proof) => proof,
        Err(detail) => return Answer::Unreadable { detail },
    };
    let trace = Trace::of(&proof);
    let reference = question.reference.as_deref().and_then(|text| parse(text).ok());
    let reference = reference.filter(|reference| reference.verify().is_ok());
    let differences = reference.map(|reference| Difference::between(&reference, &proof));
    let differences = differences.unwrap_or_default();
    let (reason, detail) = match (proof.verify(), question.root) {
        (Err(error), _) => (error.reason(), error.to_string()),
        (Ok(()), Some(root)) if root != proof.root => {
            let detail = format!("the proof's root is {}, the chain's is {root}", proof.root);
            ("other_root", detail)
        }
        (Ok(()), _) => return Answer::Holds { trace, differences },
    };
    Answer::Wrong { reason, detail, trace, differences }
}

fn parse(text: &str) -> Result<OperatorProof, String> {
    if text.len() > LONGEST_BYTES {
        return Err(format!("{} bytes are more than a proof has", text.len()));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tatum_merkle::{Entry, SumTree};
    use tatum_primitives::{Address, B256, Epoch, Nano, OperatorId};

    use super::*;

    /// Operator 5 of 7: its path goes right, left, right.
    fn served() -> OperatorProof {
        let entry = |number: u32| Entry {
            operator_id: OperatorId(number),
            payout: Address::repeat_byte(7),
            cumulative_nano: Nano(1_000 + u64::from(number)),
        };
        let tree = SumTree::build((0..7).map(entry).collect()).unwrap();
        OperatorProof::new(&tree, Epoch(3), B256::repeat_byte(9), OperatorId(5)).unwrap()
    }

    fn ask(proof: &str, root: Option<Word>) -> Value {
        let reference = serde_json::to_string(&served()).unwrap();
        let question = json!({ "proof": proof, "root": root, "reference": reference });
        serde_json::from_str(&examine(&question.to_string())).unwrap()
    }

    fn ask_changed(change: impl FnOnce(&mut OperatorProof)) -> Value {
        let mut proof = served();
        change(&mut proof);
        ask(&serde_json::to_string(&proof).unwrap(), Some(served().root))
    }

    #[test]
    fn a_proof_as_served_holds_and_its_trace_ends_at_the_root() {
        let answer = ask_changed(|_| ());
        assert_eq!(answer["verdict"], "holds");
        assert_eq!(answer["differences"], json!([]));
        assert_eq!(answer["trace"]["leads_to"], json!(served().root));
        let sides: Vec<_> = answer["trace"]["levels"].as_array().unwrap().iter().collect();
        let sides: Vec<_> = sides.iter().map(|level| level["side"].as_str().unwrap()).collect();
        assert_eq!(sides, ["left", "right", "left"]);
    }

    #[test]
    fn a_changed_word_is_named_by_its_level() {
        for level in 0..3 {
            let answer = ask_changed(|proof| proof.proof.siblings[level].0.0[4] ^= 1);
            assert_eq!(answer["verdict"], "wrong");
            assert_eq!(answer["reason"], "root_mismatch");
            assert_eq!(answer["differences"], json!([{ "place": "level", "level": level + 1 }]));
        }
    }

    #[test]
    fn a_changed_amount_or_payout_or_root_is_named_by_its_field() {
        let named = |name| json!([{ "place": "field", "name": name }]);
        type Change = fn(&mut OperatorProof);
        let changes: [(&str, Change); 4] = [
            ("cumulative_nano", |proof| proof.cumulative_nano.0 += 1),
            ("payout", |proof| proof.payout.0.0[0] ^= 1),
            ("entry", |proof| proof.entry.0[31] ^= 1),
            ("root", |proof| proof.root.0.0[0] ^= 1),
        ];
        for (name, change) in changes {
            let answer = ask_changed(change);
            assert_eq!(
                (&answer["verdict"], &answer["differences"]),
                (&json!("wrong"), &named(name))
            );
        }
    }

    #[test]
    fn what_no_root_binds_is_told_although_the_proof_holds() {
        let answer = ask_changed(|proof| proof.epoch = Epoch(4));
        assert_eq!(answer["verdict"], "holds");
        assert_eq!(answer["differences"], json!([{ "place": "field", "name": "epoch" }]));
    }

    #[test]
    fn a_shortened_proof_is_told_its_length() {
        let answer = ask_changed(|proof| {
            proof.proof.siblings.pop();
        });
        assert_eq!(answer["reason"], "id_outside_tree");
        assert_eq!(answer["differences"], json!([{ "place": "length", "expected": 3, "got": 2 }]));
    }

    #[test]
    fn sums_beyond_64_bits_end_the_trace() {
        let answer = ask_changed(|proof| proof.proof.siblings[1].0.0[24..].fill(0xff));
        assert_eq!(answer["reason"], "sum_overflow");
        assert_eq!(answer["trace"]["levels"].as_array().unwrap().len(), 1);
        assert_eq!(answer["trace"]["leads_to"], Value::Null);
    }

    #[test]
    fn a_proof_of_another_root_than_the_chains_is_wrong() {
        let text = serde_json::to_string(&served()).unwrap();
        let answer = ask(&text, Some(Word(B256::repeat_byte(1))));
        assert_eq!(answer["reason"], "other_root");
    }

    #[test]
    fn what_is_no_proof_is_unreadable_with_the_place() {
        let answer = ask("{\"epoch\": 3,", None);
        assert_eq!(answer["verdict"], "unreadable");
        assert!(answer["detail"].as_str().unwrap().contains("line 1"), "{answer}");
        let answer: Value = serde_json::from_str(&examine("nonsense")).unwrap();
        assert_eq!(answer["verdict"], "unreadable");
        assert_eq!(ask(&" ".repeat(LONGEST_BYTES + 1), None)["verdict"], "unreadable");
    }
}
