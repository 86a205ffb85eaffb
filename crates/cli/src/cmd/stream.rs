//! `tatum stream`: who may publish to a stream and subscribe to it, as its owner signs.
//!
//! Invariant: a list is built on one that the owner's signature was checked on, so no tracker can have the owner sign
//! what another wrote.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde::Serialize;
use tatum_overlay::permissions::{Audience, PermissionList};
use tatum_primitives::{Address, StreamId};
use tatum_receipt::Verifier;

use crate::args::{DeploymentArgs, TrackerArgs};
use crate::keys::{self, KeystoreArgs};
use crate::output::Output;
use crate::permission_lists::{PermissionLists, Told};

/// What to do with a stream's permissions.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Let keys publish, and payers or keys subscribe
    #[command(
        after_help = "Examples:\n  tatum stream grant 0xf39F…2266/weather --subscriber 0x7099…79C8 --keystore owner.json\n  tatum stream grant 0xf39F…2266/weather --publisher 0x3C44…93BC --anyone-subscribes\n\nWithout a list a stream 0xOWNER/… is its owner's alone; a stream whose name begins with no address is open to anyone. A\nsession key that publishes needs a permission of its own, also the owner's. A list names 4096 addresses at most."
    )]
    Grant(ChangeArgs),
    /// Take permissions back; what is published from then on is sealed with a new key
    #[command(
        after_help = "Examples:\n  tatum stream revoke 0xf39F…2266/weather --subscriber 0x7099…79C8 --keystore owner.json\n  tatum stream revoke 0xf39F…2266/weather --anyone-subscribes --keystore owner.json"
    )]
    Revoke(ChangeArgs),
    /// Show who may publish and subscribe
    #[command(after_help = "Example:\n  tatum stream show 0xf39F…2266/weather --json")]
    Show(ShowArgs),
}

/// Which stream, and where its permissions are kept.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The stream, all its partitions
    stream: StreamId,
    #[command(flatten)]
    trackers: TrackerArgs,
    #[command(flatten)]
    deployment: DeploymentArgs,
}

/// What changes.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    stream: ShowArgs,
    /// Address of a key that signs messages; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    publisher: Vec<Address>,
    /// Address of a payer that subscribes, or of its key; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    subscriber: Vec<Address>,
    /// Anyone publishes
    #[arg(long, conflicts_with = "publisher")]
    anyone_publishes: bool,
    /// Anyone subscribes
    #[arg(long, conflicts_with = "subscriber")]
    anyone_subscribes: bool,
    #[command(flatten)]
    account: KeystoreArgs,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    owner: Address,
    #[serde(flatten)]
    list: &'a PermissionList,
    #[serde(flatten)]
    told: Option<&'a Told>,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Grant(args) => change(args, granted, output).await?,
        Command::Revoke(args) => change(args, revoked, output).await?,
        Command::Show(args) => {
            let owner = args.owner()?;
            show(owner, &args.newest(output).await?, None, output);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(
    args: ChangeArgs,
    changed: fn(&Audience, &[Address], bool) -> Audience,
    output: &Output,
) -> anyhow::Result<()> {
    let owner = args.stream.owner()?;
    let key = keys::session_key(&args.account.account().required()?)?;
    if key.address() != owner {
        bail!("{} belongs to {owner}, and the key to {}", args.stream.stream, key.address());
    }
    let asked = args.publisher.len() + args.subscriber.len();
    if asked == 0 && !args.anyone_publishes && !args.anyone_subscribes {
        bail!("nothing to change: name a --publisher or a --subscriber");
    }
    let kept = args.stream.newest(output).await?;
    let publishers = changed(&kept.publishers, &args.publisher, args.anyone_publishes);
    let subscribers = changed(&kept.subscribers, &args.subscriber, args.anyone_subscribes);
    let list =
        PermissionList { version: next_version(kept.version), publishers, subscribers, ..kept };
    let signed = list.signed(&key, &args.stream.verifier()?);
    signed.verify(&args.stream.verifier()?).context("the changed list")?;
    let told = args.stream.lists()?.publish(&signed, output).await?;
    show(owner, &signed.list, Some(&told), output);
    Ok(())
}

/// Trackers that lost their lists must not make the owner sign a version that nodes have seen already; so versions follow
/// the clock, and rise whatever it says.
fn next_version(kept: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    now.max(kept.saturating_add(1))
}

fn unlisted(stream: &StreamId) -> PermissionList {
    let (publishers, subscribers) = (Audience::nobody(), Audience::nobody());
    PermissionList { stream: stream.clone(), version: 0, publishers, subscribers }
}

fn granted(before: &Audience, more: &[Address], anyone: bool) -> Audience {
    match before {
        _ if anyone => Audience::Anyone,
        Audience::Anyone => Audience::Anyone,
        Audience::Only(some) => some.iter().chain(more).copied().collect(),
    }
}

/// Taking "anyone" back leaves nobody: the list does not say who of them came.
fn revoked(before: &Audience, less: &[Address], anyone: bool) -> Audience {
    match before {
        Audience::Anyone if anyone => Audience::nobody(),
        Audience::Anyone => Audience::Anyone,
        Audience::Only(some) => {
            let less: BTreeSet<&Address> = less.iter().collect();
            some.iter().filter(|address| !less.contains(address)).copied().collect()
        }
    }
}

fn show(owner: Address, list: &PermissionList, told: Option<&Told>, output: &Output) {
    let version = match list.version {
        0 => "none: the stream is its owner's alone".to_owned(),
        version => version.to_string(),
    };
    let mut rows = vec![
        ("stream", list.stream.to_string()),
        ("owner", owner.to_string()),
        ("version", version),
        ("publishers", names(&list.publishers)),
        ("subscribers", names(&list.subscribers)),
    ];
    if let Some(told) = told {
        rows.push(("nodes told", told.nodes_told.to_string()));
        rows.push(("kept by", told.kept_by.join(", ")));
    }
    output.result(&Shown { owner, list, told }, &rows);
}

fn names(audience: &Audience) -> String {
    match audience {
        Audience::Anyone => "anyone".to_owned(),
        Audience::Only(some) if some.is_empty() => "the owner".to_owned(),
        Audience::Only(some) => {
            let names: Vec<String> = some.iter().map(Address::to_string).collect();
            format!("the owner, {}", names.join(", "))
        }
    }
}

impl ShowArgs {
    fn owner(&self) -> anyhow::Result<Address> {
        self.stream.owner().with_context(|| {
            format!(
                "{} begins with no address, so it is nobody's and open to anyone; an owned stream is named 0xOWNER/…",
                self.stream
            )
        })
    }

    fn verifier(&self) -> anyhow::Result<Verifier> {
        Ok(Verifier::new(self.deployment.load()?.domain()))
    }

    fn lists(&self) -> anyhow::Result<PermissionLists> {
        PermissionLists::new(&self.trackers.trackers()?)
    }

    /// The newest list that any tracker keeps, or the one that counts without any.
    async fn newest(&self, output: &Output) -> anyhow::Result<PermissionList> {
        let newest = self.lists()?.newest(&self.stream, &self.verifier()?, output).await?;
        Ok(newest.unwrap_or_else(|| unlisted(&self.stream)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(bytes: &[u8]) -> Audience {
        bytes.iter().map(|byte| Address::repeat_byte(*byte)).collect()
    }

    #[test]
    fn grants_add_and_revocations_take_away() {
        let [one, two] = [1, 2].map(Address::repeat_byte);
        assert_eq!(granted(&some(&[1]), &[two], false), some(&[1, 2]));
        assert_eq!(granted(&some(&[1]), &[], true), Audience::Anyone);
        assert_eq!(granted(&Audience::Anyone, &[two], false), Audience::Anyone);
        assert_eq!(revoked(&some(&[1, 2]), &[one], false), some(&[2]));
        assert_eq!(revoked(&some(&[1, 2]), &[], true), some(&[1, 2]));
        assert_eq!(revoked(&Audience::Anyone, &[], true), Audience::nobody());
        assert_eq!(revoked(&Audience::Anyone, &[one], false), Audience::Anyone);
    }

    #[test]
    fn versions_rise_whatever_the_clock_says() {
        assert_eq!(next_version(u64::MAX - 1), u64::MAX);
        assert!(next_version(0) > 1_700_000_000);
    }
}
