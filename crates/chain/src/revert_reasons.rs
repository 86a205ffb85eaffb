//! What a contract's custom error means to whoever sent the transaction.
//!
//! Invariant: every error of every contract is a sentence, with amounts in DATA. No match here has an arm for the rest, so an error that is
//! added to a contract does not compile without its words; the test below asks for those of every error in `abi/`, and that every
//! error of the sources stands there. Errors are told by their selector: of two contracts with the same one, both have the same words.

mod channels;
mod delegation;
mod library;
mod operators;
mod settlement;
mod shares;
mod sponsors;
mod stakes;
mod token;

use alloy::sol_types::SolInterface;

use crate::bindings::Assents::AssentsErrors as Assents;
use crate::bindings::ChannelHub::ChannelHubErrors as Hub;
use crate::bindings::DataToken::DataTokenErrors as Token;
use crate::bindings::DelegationFactory::DelegationFactoryErrors as Pools;
use crate::bindings::DelegationPool::DelegationPoolErrors as Delegation;
use crate::bindings::Distributor::DistributorErrors as Payouts;
use crate::bindings::ForcedReceipts::ForcedReceiptsErrors as Forcing;
use crate::bindings::OperatorRegistry::OperatorRegistryErrors as Registry;
use crate::bindings::SponsorFactory::SponsorFactoryErrors as Vaults;
use crate::bindings::SponsorVault::SponsorVaultErrors as Vault;
use crate::bindings::StakePool::StakePoolErrors as Pool;
use crate::bindings::demands::Demands::DemandsErrors as Demands;
use crate::bindings::disproofs::Disproofs::DisproofsErrors as Disproofs;
use crate::bindings::overage::Overage::OverageErrors as Overage;

/// Whether that was said of a demand that is not open, or not any more.
pub(crate) fn says_demand_not_open(words: &str) -> bool {
    words == settlement::DEMAND_NOT_OPEN
}

/// What was said, whichever of our contracts said it.
pub(crate) fn revert_reason(error: &alloy::contract::Error) -> Option<String> {
    error.as_revert_data().map(|data| words_of(&data))
}

/// Told where a call reverts without a word: an empty text would be taken for none.
const NO_REASON: &str = "no reason was given";

/// What an error's bytes mean.
pub(crate) fn words_of(data: &[u8]) -> String {
    Pool::abi_decode(data)
        .map(stakes::pool)
        .or_else(|_| Registry::abi_decode(data).map(operators::registry))
        .or_else(|_| Payouts::abi_decode(data).map(settlement::payouts))
        .or_else(|_| Disproofs::abi_decode(data).map(settlement::disproofs))
        .or_else(|_| Demands::abi_decode(data).map(settlement::demands))
        .or_else(|_| Assents::abi_decode(data).map(settlement::assents))
        .or_else(|_| Forcing::abi_decode(data).map(settlement::forcing))
        .or_else(|_| Overage::abi_decode(data).map(stakes::overage))
        .or_else(|_| Hub::abi_decode(data).map(channels::hub))
        .or_else(|_| Delegation::abi_decode(data).map(delegation::delegation))
        .or_else(|_| Pools::abi_decode(data).map(delegation::pools))
        .or_else(|_| Vault::abi_decode(data).map(sponsors::vault))
        .or_else(|_| Vaults::abi_decode(data).map(sponsors::vaults))
        .or_else(|_| Token::abi_decode(data).map(token::token))
        .ok()
        .or_else(|| alloy::sol_types::decode_revert_reason(data))
        .map(|words| if words.is_empty() { NO_REASON.to_owned() } else { words })
        .unwrap_or_else(|| alloy::primitives::hex::encode_prefixed(data))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::{Path, PathBuf};

    use alloy::sol_types::SolError;
    use serde_json::Value;
    use tatum_primitives::{U256, keccak256};

    use super::*;
    use crate::bindings::OperatorRegistry;

    /// Tests run in their package's folder.
    fn repository() -> PathBuf {
        Path::new("../..").to_owned()
    }

    /// The types that every error in `abi/` takes, by its name.
    fn errors_of_abis() -> BTreeMap<String, BTreeSet<Vec<String>>> {
        let mut errors = BTreeMap::<String, BTreeSet<Vec<String>>>::new();
        let files =
            fs::read_dir(repository().join("abi")).unwrap().map(|file| file.unwrap().path());
        for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
            let abi: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let items = abi.as_array().unwrap().iter();
            for error in items.filter(|item| item["type"] == "error") {
                let inputs = error["inputs"].as_array().unwrap().iter();
                let types = inputs.map(|input| input["type"].as_str().unwrap().to_owned());
                let name = error["name"].as_str().unwrap().to_owned();
                errors.entry(name).or_default().insert(types.collect());
            }
        }
        errors
    }

    /// The error as a contract sends it, with nothing but zeros in it.
    fn sent(name: &str, types: &[String]) -> Vec<u8> {
        let signature = format!("{name}({})", types.join(","));
        let mut data = keccak256(signature).0[..4].to_vec();
        let mut tails = 0_u64;
        for kind in types {
            let is_text = kind == "string";
            let start = 32 * (types.len() as u64 + tails);
            data.extend(U256::from(if is_text { start } else { 0 }).to_be_bytes::<32>());
            tails += u64::from(is_text);
        }
        data.extend((0..tails).flat_map(|_| [0; 32]));
        data
    }

    #[test]
    fn every_error_of_every_contract_has_words() {
        let errors = errors_of_abis();
        assert!(errors.len() > 100, "only {} errors were found", errors.len());
        for (name, kinds) in &errors {
            for types in kinds {
                let words = words_of(&sent(name, types));
                let is_sentence = words.contains(' ') && !words.starts_with("0x08c379a0");
                let is_plain = words.contains(name.as_str()) || words.contains('{');
                assert!(is_sentence && !is_plain, "{name}({}) is told as {words}", types.join(","));
            }
        }
    }

    #[test]
    fn every_error_that_the_sources_declare_is_in_an_abi() {
        let known = errors_of_abis();
        let (mut folders, mut declared) = (vec![repository().join("contracts")], 0);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = fs::read_to_string(&path).unwrap();
                for line in source.lines().filter_map(|line| line.trim().strip_prefix("error ")) {
                    let name = line.split('(').next().unwrap();
                    assert!(known.contains_key(name), "{name} of {}", path.display());
                    declared += 1;
                }
            }
        }
        assert!(declared > 100, "only {declared} errors were found");
    }

    #[test]
    fn amounts_are_told_in_data() {
        let bond = OperatorRegistry::BondBelowMinimum {
            bondWei: U256::from(1_500_000_000_000_000_000_u64),
            minimumWei: U256::from(5_000_000_000_000_000_000_u64),
        };
        assert_eq!(words_of(&bond.abi_encode()), "the bond is 1.5 DATA; it has to be 5 DATA");
        let sum = crate::bindings::Distributor::SumWrong {
            nano: U256::from(2_500_000_000_u64),
            availableNano: 1_000_000_000,
        };
        let told = words_of(&sum.abi_encode());
        assert!(told.contains("2.5 DATA") && told.contains("1 DATA"), "{told}");
    }

    #[test]
    fn a_demand_that_somebody_else_answered_is_told_apart() {
        let refused = |data: &[u8]| {
            let reason = words_of(data);
            crate::ChainError::Refused { action: "answering a demand", reason }
        };
        let gone = crate::bindings::demands::Demands::DemandNotOpen { id: Default::default() };
        assert!(refused(&gone.abi_encode()).is_demand_not_open());
        let late = crate::bindings::demands::Demands::AnswerTooLate { answerBy: 7 };
        assert!(!refused(&late.abi_encode()).is_demand_not_open());
    }

    #[test]
    fn what_is_no_error_of_ours_is_told_as_it_is_and_never_as_nothing() {
        assert_eq!(words_of(&[0xde, 0xad, 0xbe, 0xef]), "0xdeadbeef");
        assert_eq!(words_of(&[]), NO_REASON);
    }
}
