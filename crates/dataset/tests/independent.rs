//! The pages are enough: an implementation in another language, written from them alone, comes to the same epoch, and what it writes with other
//! libraries is a dataset here.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use alloy_primitives::{Address, B256, U256};
use tatum_dataset::{
    Beside, Bounds, Dataset, EpochData, Operator, Parameters, Payer, Sources, Written,
    verify_within, write,
};
use tatum_primitives::{Bps, Epoch, Nano, NodeId, OperatorId, Role, StreamKey, WEI_PER_DATA};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};

const PAYERS: u8 = 5;
const OPERATORS: u32 = 6;
const RECEIPTS: u64 = 400;

fn key(number: u8) -> SessionKey {
    SessionKey::from_bytes(&[number + 1; 32]).unwrap()
}

fn parameters() -> Parameters {
    Parameters {
        chain_id: 137,
        stake_pool: Address::repeat_byte(0x51),
        distributor: Address::repeat_byte(0xd1),
        epoch: Epoch(9),
        pool_bps: Bps::new(2_000).unwrap(),
        pool_limit_bps: Bps::new(3_000).unwrap(),
        grace_ms: 4_000,
        pot_nano: Nano(70_000_000_000),
        available_nano: Nano(70_000_000_123),
        previous_total_nano: Nano(77),
        previous_manifest_hash: None,
        assented: None,
        forced_hash: B256::ZERO,
    }
}

/// Receipts of every payer for operators that differ in what they have.
fn epoch() -> EpochData {
    let verifier = Verifier::new(parameters().domain());
    let receipt = |n: u64| {
        let payer = u8::try_from(n % u64::from(PAYERS)).unwrap();
        let operator = u32::try_from(n * n % 5).unwrap();
        let receipt = DeliveryReceipt {
            payer: key(payer).address(),
            operator_id: OperatorId(operator),
            node: NodeId(B256::from(U256::from(operator))),
            stream_key: StreamKey(B256::from(U256::from(n))),
            role: if n.is_multiple_of(3) { Role::Publisher } else { Role::Subscriber },
            epoch: Epoch(9),
            sequence: n + 1,
            messages: n + 1,
            bytes: 1_000 * n,
            bytes_on_time: 1_000 * n - n / 2,
            contents: B256::repeat_byte(7),
            ..DeliveryReceipt::default()
        };
        SignedReceipt::sign(receipt, &key(payer), &verifier)
    };
    let payer = |number: u8| Payer {
        payer: key(number).address(),
        fee_wei: U256::from(14_000_000_000_000_000_000u128 + u128::from(number) * 999),
        quota_bytes: U256::from(1u64 << 40),
    };
    // The last one has nothing at all.
    let operator = |id: u32| Operator {
        operator_id: OperatorId(id),
        payout: Address::repeat_byte(0xa0 + u8::try_from(id).unwrap()),
        bond_wei: if id == 5 { 0 } else { WEI_PER_DATA * (1 + u128::from(id)) },
        capacity_bytes: if id == 5 { 0 } else { 1_000_000 << id },
    };
    EpochData {
        parameters: parameters(),
        payers: (0..PAYERS).map(payer).collect(),
        operators: (0..OPERATORS).map(operator).collect(),
        previous_nano: vec![Nano(70), Nano(7)],
        receipts: (0..RECEIPTS).map(receipt).collect(),
        sources: Sources::default(),
        beside: Beside::default(),
    }
}

/// Tests run in their package's folder; what is compiled in is the folder of whichever checkout shares the build.
fn repository() -> PathBuf {
    Path::new("../..").canonicalize().unwrap()
}

/// The interpreter of an environment with the other libraries; nothing where none can be made.
fn python() -> Option<PathBuf> {
    let has_venv = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !has_venv.is_ok_and(|output| output.status.success()) {
        eprintln!("python3 -m venv does not work here (scripts/setup test): not tested");
        return None;
    }
    let install =
        "import python_environment as p; p.install('independent'); print(p.home('independent'))";
    let mut command = Command::new("python3");
    command.args(["-c", install]).env("PYTHONPATH", repository().join("scripts"));
    let home = said(&command.output().unwrap());
    Some(Path::new(home.trim()).join("bin/python"))
}

fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn run(python: &Path, arguments: &[&str]) -> Output {
    let script = repository().join("tests/independent/epoch.py");
    Command::new(python).arg(script).args(arguments).output().unwrap()
}

fn bounds() -> Bounds {
    Bounds { receipts: RECEIPTS, payers: PAYERS.into(), operators: OPERATORS.into() }
}

#[test]
fn what_is_written_from_the_pages_alone_comes_to_the_same_epoch_and_is_read_here() {
    let Some(python) = python() else { return };
    let parent = tempfile::tempdir().unwrap();
    let Written { folder, manifest, distribution, .. } = write(parent.path(), epoch()).unwrap();
    let folder = folder.display().to_string();

    let told: serde_json::Value =
        serde_json::from_str(&said(&run(&python, &["check", &folder]))).unwrap();
    assert_eq!(told["results"], serde_json::to_value(&manifest.results).unwrap());
    for row in &distribution.rows {
        let payout = &told["payouts"][row.operator_id.to_string()];
        assert_eq!(payout.as_u64(), Some(row.cumulative_nano.0));
    }

    for library in ["pyarrow", "duckdb"] {
        let elsewhere = parent.path().join(library).display().to_string();
        let theirs = said(&run(&python, &["write", &folder, &elsewhere, library]));
        let theirs = Path::new(theirs.trim());
        let verified =
            verify_within(theirs, bounds()).unwrap_or_else(|found| panic!("{library}: {found}"));
        assert_eq!(verified.distribution, distribution, "{library}");
        assert_ne!(verified.manifest.files, manifest.files, "{library} wrote our bytes");
        let data = Dataset::open_within(theirs, bounds()).unwrap().proposal_data().unwrap();
        assert_eq!(data.receipts.commitment(), manifest.results.receipts, "{library}");
    }
}
