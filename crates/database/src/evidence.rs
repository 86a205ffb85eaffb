//! Receipts that payment channels pay: evidence of what was delivered, beside the epochs' books.
//!
//! Invariant: no roll-up reads them and they open no epoch, so whatever comes in here changes no root. A pair of payer and
//! operator has no more in an epoch than its channel has room for, and all together no more than the writer's bound; two
//! processes on one database that write in the same moment may pass that by what one of them writes at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::{AnyConnection, Row};
use tatum_primitives::{Address, Epoch, OperatorId};
use tatum_receipt::{CheckedReceipt, Contents, ReceiptKey, Rejection, SignedReceipt, Step, step};

use crate::receipts::{self, PaidBy, epoch_start};
use crate::row::{corrupt, unsigned};
use crate::{Database, DatabaseError, ReceiptScan};

/// A receipt that a channel pays.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// It passed every rule of receipts of a channel.
    pub checked: CheckedReceipt,
    /// What came beside it.
    pub contents: Contents,
    /// How many receipts its channel has room for in an epoch.
    pub room: u64,
}

/// Payer and operator.
type Pair = (Address, OperatorId);

/// What is held of an epoch.
#[derive(Debug, Default)]
struct Held {
    all: u64,
    by_pair: BTreeMap<Pair, u64>,
}

/// The evidence that one transaction brings.
#[derive(Debug)]
pub(crate) struct EvidenceBatch {
    most_of_epoch: u64,
    epochs: BTreeMap<Epoch, Held>,
    held: HashMap<ReceiptKey, SignedReceipt>,
    /// In the order in which they are stored, so that two processes never wait for each other in a circle.
    advanced: BTreeMap<ReceiptKey, Contents>,
}

impl EvidenceBatch {
    /// Looks up what is held of the keys of `offered`, and of their epochs if any of them is new.
    pub(crate) async fn prepare(
        connection: &mut AnyConnection,
        offered: impl Iterator<Item = &Evidence>,
        most_of_epoch: u64,
    ) -> Result<Self, DatabaseError> {
        let keys: BTreeSet<ReceiptKey> =
            offered.map(|evidence| evidence.checked.receipt().key()).collect();
        let keys: Vec<ReceiptKey> = keys.into_iter().collect();
        let held = receipts::held(connection, PaidBy::Channels, &keys).await?;
        let new = keys.iter().filter(|key| !held.contains_key(key));
        let mut epochs: BTreeMap<Epoch, Held> =
            new.map(|key| (key.epoch, Held::default())).collect();
        for (epoch, counts) in &mut epochs {
            *counts = count(connection, *epoch).await?;
        }
        Ok(Self { most_of_epoch, epochs, held, advanced: BTreeMap::new() })
    }

    /// Takes a receipt, unless its key is new and there is no room for it.
    pub(crate) fn step(&mut self, evidence: &Evidence) -> Result<(), Rejection> {
        let signed = evidence.checked.signed();
        let key = signed.receipt.key();
        let held = self.held.get(&key);
        if held.is_none() {
            let counts = self.epochs.entry(key.epoch).or_default();
            counts.take((key.payer, key.operator_id), evidence.room, self.most_of_epoch)?;
        }
        if step(held, signed) == Step::Advance {
            self.held.insert(key, signed.clone());
            self.advanced.insert(key, evidence.contents.clone());
        }
        Ok(())
    }

    /// Stores what was taken.
    pub(crate) async fn store(&self, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
        let newest = |(key, contents)| Some((self.held.get(key)?, contents));
        let newest: Vec<(&SignedReceipt, &Contents)> =
            self.advanced.iter().filter_map(newest).collect();
        receipts::replace(connection, PaidBy::Channels, &newest).await
    }
}

impl Held {
    /// Counts one more of `pair`, if there is room.
    fn take(&mut self, pair: Pair, room: u64, most_of_epoch: u64) -> Result<(), Rejection> {
        let of_pair = self.by_pair.entry(pair).or_default();
        if *of_pair >= room {
            return Err(Rejection::EvidenceFull { most: room });
        }
        if self.all >= most_of_epoch {
            return Err(Rejection::EvidenceFull { most: most_of_epoch });
        }
        *of_pair = of_pair.saturating_add(1);
        self.all = self.all.saturating_add(1);
        Ok(())
    }
}

/// What is held of `epoch`, by pair. One query: a stranger may have opened many channels.
async fn count(connection: &mut AnyConnection, epoch: Epoch) -> Result<Held, DatabaseError> {
    // The pair stands behind the epoch's eight bytes in a key.
    const SQL: &str = "SELECT substr(key, 9, 24) AS pair, COUNT(*) AS n FROM delivery_evidence \
         WHERE key >= $1 AND key < $2 GROUP BY substr(key, 9, 24)";
    let query = sqlx::query(SQL).bind(epoch_start(epoch)).bind(epoch_start(epoch.next()));
    let mut held = Held::default();
    for row in query.fetch_all(connection).await? {
        let (pair, n) = (pair(&row.try_get::<Vec<u8>, _>("pair")?)?, unsigned(&row, "n")?);
        held.all = held.all.saturating_add(n);
        held.by_pair.insert(pair, n);
    }
    Ok(held)
}

fn pair(bytes: &[u8]) -> Result<Pair, DatabaseError> {
    let wrong = || corrupt("key", "not a payer and an operator");
    let (payer, operator) = bytes.split_first_chunk::<20>().ok_or_else(wrong)?;
    let operator: [u8; 4] = operator.try_into().map_err(|_| wrong())?;
    Ok((Address::from(payer), OperatorId(u32::from_be_bytes(operator))))
}

impl Database {
    /// The evidence of `epoch` in canonical order, page by page.
    pub fn scan_evidence(&self, epoch: Epoch) -> ReceiptScan {
        self.scan(PaidBy::Channels, epoch)
    }

    /// The same from behind `after` on, `page` at a time.
    pub fn scan_evidence_after(
        &self,
        epoch: Epoch,
        after: Option<&ReceiptKey>,
        page: u32,
    ) -> ReceiptScan {
        self.scan_evidence(epoch).behind(after, page)
    }

    /// Forgets the evidence of epochs before `epoch`; gives how much.
    pub async fn forget_evidence_before(&self, epoch: Epoch) -> Result<u64, DatabaseError> {
        self.forget_before(PaidBy::Channels, epoch).await
    }
}
