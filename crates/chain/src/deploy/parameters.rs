//! What a deployment may choose: the files in `scripts/deploy/parameters/`.
//!
//! Invariant: a file says all of it and nothing else; what a contract would refuse it refuses by itself, before anything is sent.

use std::path::{Path, PathBuf};

use alloy::primitives::aliases::U96;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, U256};

/// The files that are part of this program, by name.
pub const WELL_KNOWN: [(&str, &str); 3] = [
    ("local", include_str!("../../../../scripts/deploy/parameters/local.json")),
    ("workshop", include_str!("../../../../scripts/deploy/parameters/workshop.json")),
    ("mainnet", include_str!("../../../../scripts/deploy/parameters/mainnet.json")),
];

/// Why parameters cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParametersError {
    /// No file of that name.
    #[error("cannot read the parameters {}; name a file, or one of local, workshop and mainnet", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is none of parameters.
    #[error(
        "{name} is no file of parameters; `tatum deploy --parameters local --print-parameters` prints one"
    )]
    Parse {
        /// The file.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// One parameter cannot be what it is to be.
    #[error("the parameter {key}: {reason}; `tatum deploy --print-parameters` prints all of them")]
    Setting {
        /// Which.
        key: String,
        /// Why.
        reason: String,
    },
    /// No token, and no supply for a new one.
    #[error("name the token in the parameters (token), or give tokenSupplyWei for a new one")]
    NoToken,
    /// A bond that the contract has no room for.
    #[error("{name} is {got_wei}, and can be {most_wei} at most")]
    TooLarge {
        /// Which.
        name: &'static str,
        /// What it is.
        got_wei: U256,
        /// What it can be.
        most_wei: U256,
    },
    /// More for proposers than there is beside work.
    #[error(
        "proposerBps is {proposer_bps}, and can be {pool_bps} at most: it is taken out of the common part, poolBps"
    )]
    ProposersTakeWork {
        /// What proposers would get of every pot.
        proposer_bps: u16,
        /// What is not for work.
        pool_bps: u16,
    },
    /// A timelock that could never act.
    #[error("a timelock needs a timelockProposer, or it can never act")]
    NoTimelockProposer,
}

/// What a deployment chooses; times in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)] // They are the contracts' own, described in docs/contracts/parameters.md.
pub struct Parameters {
    /// The DATA token; zero for a new one.
    pub token: Address,
    #[serde(with = "tatum_primitives::decimal")]
    pub token_supply_wei: U256,
    /// When epoch 0 begins; 0 for now.
    pub genesis: u64,
    pub epoch_length: u64,
    pub unbonding_epochs: u64,
    #[serde(with = "tatum_primitives::decimal")]
    pub minimum_stake_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    pub dust_floor_wei: U256,
    pub quota_bytes_per_data: u64,
    pub pool_bps: u16,
    pub pool_limit_bps: u16,
    #[serde(with = "tatum_primitives::decimal")]
    pub minimum_bond_wei: U256,
    pub answer_epochs: u64,
    #[serde(with = "tatum_primitives::decimal")]
    pub base_bond_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    pub bond_per_receipt_wei: U256,
    pub proposer_bps: u16,
    pub windows: LongWindows,
    pub guardian: Address,
    pub vetoes: u32,
    pub guardian_until: u64,
    /// 0 for no timelock.
    pub timelock_delay: u64,
    pub timelock_proposer: Address,
}

/// The windows of a settlement, each of which has to be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LongWindows {
    pub grace: u64,
    pub force: u64,
    pub settle: u64,
    pub challenge: u64,
    pub answer: u64,
    pub follow: u64,
}

/// What the deployment file says for people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Told {
    pub genesis: u64,
    pub epoch_length: u64,
    pub unbonding_epochs: u64,
    #[serde(with = "tatum_primitives::decimal")]
    pub minimum_stake_wei: U256,
    pub quota_bytes_per_data: String,
    #[serde(with = "tatum_primitives::decimal")]
    pub minimum_bond_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    pub base_bond_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    pub bond_per_receipt_wei: U256,
}

impl Parameters {
    /// One of [`WELL_KNOWN`].
    pub fn well_known(name: &str) -> Result<Self, ParametersError> {
        let found = WELL_KNOWN.iter().find(|(known, _)| *known == name);
        match found {
            Some((_, text)) => Self::parse(name, text),
            None => Err(read_error(Path::new(name), std::io::ErrorKind::NotFound.into())),
        }
    }

    /// Those of the well-known name, or of the file.
    pub fn named(name: &Path) -> Result<Self, ParametersError> {
        let known = name.to_str().filter(|name| WELL_KNOWN.iter().any(|(known, _)| known == name));
        if let Some(known) = known {
            return Self::well_known(known);
        }
        let text = std::fs::read_to_string(name).map_err(|source| read_error(name, source))?;
        Self::parse(&name.display().to_string(), &text)
    }

    /// With another value of the parameter `key`, such as `epochLength` or `windows.grace`.
    pub fn set(&self, key: &str, value: &str) -> Result<Self, ParametersError> {
        let refused = |reason: String| ParametersError::Setting { key: key.to_owned(), reason };
        let mut all = serde_json::to_value(self).map_err(|error| refused(error.to_string()))?;
        let place = all.pointer_mut(&format!("/{}", key.replace('.', "/")));
        let place = place.filter(|place| place.is_string() || place.is_number());
        let place = place.ok_or_else(|| refused("there is no such parameter".to_owned()))?;
        *place = if place.is_string() {
            value.into()
        } else {
            let number: u64 =
                value.parse().map_err(|_| refused(format!("{value:?} is no number")))?;
            number.into()
        };
        serde_json::from_value(all).map_err(|error| refused(error.to_string()))
    }

    fn parse(name: &str, text: &str) -> Result<Self, ParametersError> {
        serde_json::from_str(text)
            .map_err(|source| ParametersError::Parse { name: name.to_owned(), source })
    }

    pub(super) fn checked(self) -> Result<Self, ParametersError> {
        if self.token == Address::ZERO && self.token_supply_wei.is_zero() {
            return Err(ParametersError::NoToken);
        }
        let bonds = [
            ("baseBondWei", self.base_bond_wei, U256::from(U96::MAX)),
            ("bondPerReceiptWei", self.bond_per_receipt_wei, U256::from(u64::MAX)),
        ];
        for (name, got_wei, most_wei) in bonds {
            if got_wei > most_wei {
                return Err(ParametersError::TooLarge { name, got_wei, most_wei });
            }
        }
        let (proposer_bps, pool_bps) = (self.proposer_bps, self.pool_bps);
        if proposer_bps > pool_bps {
            return Err(ParametersError::ProposersTakeWork { proposer_bps, pool_bps });
        }
        if self.timelock_delay != 0 && self.timelock_proposer == Address::ZERO {
            return Err(ParametersError::NoTimelockProposer);
        }
        Ok(self)
    }

    /// With that genesis, unless they name one.
    pub(super) fn beginning_at(self, now_s: u64) -> Self {
        let genesis = if self.genesis == 0 { now_s } else { self.genesis };
        Self { genesis, ..self }
    }

    pub(super) fn told(&self) -> Told {
        Told {
            genesis: self.genesis,
            epoch_length: self.epoch_length,
            unbonding_epochs: self.unbonding_epochs,
            minimum_stake_wei: self.minimum_stake_wei,
            quota_bytes_per_data: self.quota_bytes_per_data.to_string(),
            minimum_bond_wei: self.minimum_bond_wei,
            base_bond_wei: self.base_bond_wei,
            bond_per_receipt_wei: self.bond_per_receipt_wei,
        }
    }
}

fn read_error(path: &Path, source: std::io::Error) -> ParametersError {
    ParametersError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_parameters_are_read_whole() {
        for (name, text) in WELL_KNOWN {
            let parameters = Parameters::well_known(name).unwrap();
            let again: serde_json::Value = serde_json::to_value(&parameters).unwrap();
            assert_eq!(again, serde_json::from_str::<serde_json::Value>(text).unwrap(), "{name}");
        }
        let local = Parameters::named(Path::new("local")).unwrap();
        assert_eq!(local.token_supply_wei.to_string(), "987154514000000000000000000");
    }

    #[test]
    fn what_is_missing_misspelt_or_senseless_is_refused_before_anything_is_sent() {
        let text = WELL_KNOWN[0].1;
        for (from, to) in [("\"genesis\": 0,", ""), ("genesis", "genisis"), ("\"300", "\"-300")] {
            let wrong = text.replacen(from, to, 1);
            if wrong != text {
                let error = Parameters::parse("x.json", &wrong).unwrap_err().to_string();
                assert!(error.contains("--print-parameters"), "{error}");
            }
        }
        let missing = Parameters::named(Path::new("/nonexistent/x.json")).unwrap_err().to_string();
        assert!(
            missing.contains("/nonexistent/x.json") && missing.contains("workshop"),
            "{missing}"
        );
        let mainnet = Parameters::well_known("mainnet").unwrap();
        assert!(mainnet.clone().checked().unwrap_err().to_string().contains("token"));
        let timed = Parameters { token_supply_wei: U256::ONE, ..mainnet };
        assert!(timed.checked().unwrap_err().to_string().contains("timelockProposer"));
    }

    #[test]
    fn one_parameter_is_set_by_its_name_and_stays_of_its_kind() {
        let local = Parameters::well_known("local").unwrap();
        assert_eq!(local.set("epochLength", "60").unwrap().epoch_length, 60);
        assert_eq!(local.set("windows.grace", "7").unwrap().windows.grace, 7);
        assert_eq!(local.set("baseBondWei", "12").unwrap().base_bond_wei, U256::from(12));
        for (key, value) in [
            ("epochLenght", "60"),
            ("windows", "7"),
            ("epochLength", "1h"),
            ("poolBps", "70000"),
            ("token", "0x12"),
            ("baseBondWei", "-1"),
        ] {
            let error = local.set(key, value).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("--print-parameters"), "{error}");
        }
    }

    /// The workshop's starting point is one file away.
    #[test]
    fn the_workshop_differs_in_the_pool_and_its_windows_alone() {
        let [local, workshop] =
            ["local", "workshop"].map(|name| Parameters::well_known(name).unwrap());
        assert_eq!((workshop.pool_bps, workshop.pool_limit_bps), (10_000, 0));
        let same = Parameters {
            pool_bps: local.pool_bps,
            pool_limit_bps: local.pool_limit_bps,
            windows: local.windows,
            ..workshop
        };
        assert_eq!(same, local);
    }

    #[test]
    fn a_bond_that_the_contract_has_no_room_for_is_refused_and_not_cut() {
        let local = Parameters::well_known("local").unwrap();
        local.set("baseBondWei", &U256::from(U96::MAX).to_string()).unwrap().checked().unwrap();
        let most = U256::from(U96::MAX).saturating_add(U256::ONE).to_string();
        let error = local.set("baseBondWei", &most).unwrap().checked().unwrap_err().to_string();
        assert!(error.contains("baseBondWei") && error.contains(&most), "{error}");
        let per_receipt = local.set("bondPerReceiptWei", "18446744073709551616").unwrap();
        assert!(per_receipt.checked().is_err());
    }

    #[test]
    fn proposers_get_no_more_than_the_common_part() {
        let local = Parameters::well_known("local").unwrap();
        local.set("proposerBps", "1000").unwrap().checked().unwrap();
        let error = local.set("proposerBps", "1001").unwrap().checked().unwrap_err().to_string();
        assert!(error.contains("proposerBps is 1001") && error.contains("1000 at most"), "{error}");
    }

    #[test]
    fn a_genesis_that_is_not_named_is_now() {
        let local = Parameters::well_known("local").unwrap();
        assert_eq!(local.clone().beginning_at(7).genesis, 7);
        assert_eq!(local.beginning_at(7).beginning_at(9).genesis, 7);
    }
}
