//! What an auditor remembers across restarts, in one small file.
//!
//! Invariant: the file is replaced whole and synced before anything is built on it; an alarm is in it from the moment the
//! verdict is until the webhook has taken it, so a crash at any moment repeats an alarm and loses none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tatum_chain::{Deployment, Proposal, read_file, replace_file};
use tatum_primitives::{Address, Epoch};
use tatum_protocol::{Alarm, AlarmKind};

/// The file's name.
const FILE: &str = "auditor.json";
/// The file's layout.
const VERSION: u32 = 2;
/// Distributions that hold and are final of which something is remembered.
const REMEMBERED: usize = 100;

/// What the last audit of a distribution came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It was not audited yet.
    #[default]
    Unseen,
    /// Everything holds.
    Holds,
    /// Something does not.
    Differs,
    /// Its dataset is not to be had.
    Unavailable,
}

/// One proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) proposal: Proposal,
    /// Whether it is final.
    pub(super) finalized: bool,
    /// Whether some proposal of its epoch is.
    pub(super) over: bool,
    pub(super) verdict: Verdict,
    /// The kind of the alarm that stands.
    pub(super) alarm: Option<AlarmKind>,
}

impl Case {
    pub(super) const fn new(proposal: Proposal) -> Self {
        Self { proposal, finalized: false, over: false, verdict: Verdict::Unseen, alarm: None }
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.proposal.draft.epoch
    }

    /// Whether nothing about it can change any more.
    pub(super) fn is_settled(&self) -> bool {
        self.over && self.verdict == Verdict::Holds
    }
}

/// Everything that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    chain_id: u64,
    distributor: Address,
    /// The first block not looked at.
    pub(super) next_block: u64,
    /// The first epoch that is audited.
    pub(super) from: Epoch,
    /// Epochs up to this one hold and are final, unless there is a case that says otherwise.
    settled_through: Option<Epoch>,
    /// By the proposals' counters.
    pub(super) cases: BTreeMap<u64, Case>,
    pub(super) undelivered: Vec<Alarm>,
}

impl State {
    fn new(deployment: &Deployment, from: Epoch) -> Self {
        Self {
            version: VERSION,
            chain_id: deployment.chain_id,
            distributor: deployment.distributor,
            next_block: deployment.deploy_block,
            from,
            settled_through: None,
            cases: BTreeMap::new(),
            undelivered: Vec::new(),
        }
    }

    /// Forgets epochs before `from`, and looks at what was passed over before.
    pub(super) fn start_at(&mut self, from: Epoch, deploy_block: u64) {
        if from < self.from {
            self.next_block = deploy_block;
            self.settled_through = None;
        }
        self.from = from;
        self.cases.retain(|_, case| case.epoch() >= from);
    }

    /// Whether what is proposed for `epoch` is to be looked at, now that something happened to it.
    pub(super) fn concerns(&self, epoch: Epoch) -> bool {
        let settled = self.settled_through.is_some_and(|through| epoch <= through);
        epoch >= self.from && (!settled || self.cases.values().any(|case| case.epoch() == epoch))
    }

    /// Alarms that stand.
    pub(super) fn standing(&self) -> usize {
        self.cases.values().filter(|case| case.alarm.is_some()).count()
    }

    /// Forgets the oldest of what is settled.
    fn trim(&mut self) {
        let settled = self.cases.iter().filter(|(_, case)| case.is_settled());
        let settled: Vec<(u64, Epoch)> = settled.map(|(at, case)| (*at, case.epoch())).collect();
        let surplus = settled.len().saturating_sub(REMEMBERED);
        for (counter, epoch) in settled.into_iter().take(surplus) {
            self.cases.remove(&counter);
            self.settled_through = self.settled_through.max(Some(epoch));
        }
    }
}

/// The state and its file.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    state: Mutex<State>,
}

impl Store {
    /// Reads the file below `folder`; without one, a state that begins with `from`.
    pub(super) fn open(
        folder: &Path,
        deployment: &Deployment,
        from: Epoch,
    ) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let reading = || format!("reading {}", path.display());
        let state = match read_file(&path).with_context(reading)? {
            Some(bytes) => serde_json::from_slice::<State>(&bytes).with_context(reading)?,
            None => State::new(deployment, from),
        };
        let ours = state.chain_id == deployment.chain_id
            && state.distributor == deployment.distributor
            && state.version == VERSION;
        ensure!(
            ours,
            "{} belongs to another deployment or version; name another --data",
            path.display()
        );
        Ok(Self { path, state: Mutex::new(state) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, on disk first.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> anyhow::Result<T> {
        let mut state = self.state();
        let mut next = state.clone();
        let answer = change(&mut next);
        next.trim();
        if next != *state {
            self.write(&next).with_context(|| format!("writing {}", self.path.display()))?;
            *state = next;
        }
        Ok(answer)
    }

    fn write(&self, state: &State) -> anyhow::Result<()> {
        Ok(replace_file(&self.path, &serde_json::to_vec_pretty(state)?)?)
    }
}

#[cfg(test)]
mod tests {
    use tatum_chain::Draft;
    use tatum_merkle::{ListCommitment, Word};
    use tatum_primitives::{B256, Nano};

    use super::*;

    fn deployment() -> Deployment {
        let address = Address::repeat_byte(1);
        let windows = serde_json::json!({
            "grace": 1, "force": 1, "settle": 1, "challenge": 1, "answer": 1, "follow": 1,
        });
        let json = serde_json::json!({
            "chainId": 1, "token": address, "stakePool": address, "operatorRegistry": address,
            "distributor": address, "disproofs": address, "demands": address, "assents": address,
            "forcedReceipts": address, "overage": address, "channelHub": address,
            "delegationFactory": address, "sponsorFactory": address, "windows": windows, "deployBlock": 7,
        });
        serde_json::from_value(json).unwrap()
    }

    fn case(epoch: u64, verdict: Verdict) -> Case {
        let draft = Draft {
            epoch: Epoch(epoch),
            entries_top: Word(B256::repeat_byte(2)),
            receipts: ListCommitment::default(),
            edges: ListCommitment::default(),
            work_nano: Nano::ZERO,
            forced_hash: B256::ZERO,
            manifest_hash: B256::ZERO,
        };
        let proposal = Proposal {
            draft,
            counter: epoch,
            proposer: Address::ZERO,
            time_s: 1,
            old_root: Word::ZERO,
            available_nano: Nano::ZERO,
            assent: None,
            uri: String::new(),
            uri_hash: B256::ZERO,
            block_number: 2,
        };
        Case { finalized: true, over: true, verdict, ..Case::new(proposal) }
    }

    #[test]
    fn what_was_changed_is_there_after_a_restart_and_belongs_to_one_deployment() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &deployment(), Epoch(3)).unwrap();
        assert_eq!(store.state().next_block, 7);
        store
            .change(|state| {
                state.next_block = 99;
                state.cases.insert(3, case(3, Verdict::Differs));
            })
            .unwrap();
        let again = Store::open(folder.path(), &deployment(), Epoch(0)).unwrap();
        assert_eq!(*again.state(), *store.state());
        assert_eq!(again.state().from, Epoch(3));
        let other = Deployment { chain_id: 2, ..deployment() };
        assert!(Store::open(folder.path(), &other, Epoch(0)).is_err());
    }

    #[test]
    fn what_is_settled_is_forgotten_in_time_and_what_is_wrong_never() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &deployment(), Epoch(0)).unwrap();
        store
            .change(|state| {
                state.cases.insert(0, case(0, Verdict::Differs));
                for epoch in 1..=150 {
                    state.cases.insert(epoch, case(epoch, Verdict::Holds));
                }
            })
            .unwrap();
        assert_eq!(store.state().cases.len(), 101);
        assert!(store.state().cases.contains_key(&0));
        assert!(!store.state().concerns(Epoch(50)));
        assert!(store.state().concerns(Epoch(0)) && store.state().concerns(Epoch(51)));
    }

    #[test]
    fn an_earlier_start_looks_again_and_a_later_one_forgets() {
        let mut state = State::new(&deployment(), Epoch(5));
        state.next_block = 50;
        state.cases.insert(5, case(5, Verdict::Differs));
        state.start_at(Epoch(6), 7);
        assert!(state.cases.is_empty());
        assert_eq!(state.next_block, 50);
        state.start_at(Epoch(2), 7);
        assert_eq!(state.next_block, 7);
    }
}
