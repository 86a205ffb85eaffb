//! The folder of a network: what it was made with, and the key files of everybody in it.
//!
//! Invariant: `devnet.json` is written last, so a folder that has one is whole.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use tatum_chain::replace_file;
use tatum_devnet::free_port;

use super::RunArgs;
use crate::cmd::key::{Kind, fresh, id_of};
use crate::keys;
use crate::output::Output;

const EPOCH_LENGTH_S: u64 = 60;
const RELAYS: u16 = 2;
/// The first relay's status; the ports below are other services'.
const FIRST_STATUS_PORT: u16 = 7091;
/// Key files take a second and 256 MiB each: so many at a time.
const AT_A_TIME: usize = 2;

/// Somebody in the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The address, or a node's id.
    pub(super) id: String,
}

/// Where everything answers, on the loopback interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ports {
    pub(super) chain: u16,
    pub(super) aggregator: u16,
    pub(super) tracker: u16,
    pub(super) api: u16,
    /// Each relay's status.
    pub(super) relays: Vec<u16>,
}

/// What the network was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    epoch_length_s: u64,
    ports: Ports,
    accounts: Vec<Account>,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    made: Made,
}

impl Folder {
    /// The folder that there is, or a new one.
    pub(super) fn open(args: &RunArgs, output: Output) -> anyhow::Result<Self> {
        // Processes get paths from it, and commands may be given elsewhere.
        let path = std::path::absolute(&args.data)
            .with_context(|| format!("finding the folder {}", args.data.display()))?;
        match Self::load(&path)? {
            Some(folder) => folder.same_as(args),
            None => Self::make(path, args, output),
        }
    }

    /// The folder at `path`, if a network was made in it.
    pub(super) fn load(path: &Path) -> anyhow::Result<Option<Self>> {
        let file = path.join("devnet.json");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        let made = serde_json::from_str(&text).with_context(|| {
            format!("{} is damaged; remove its folder to make a new network", file.display())
        })?;
        Ok(Some(Self { path: path.to_owned(), made }))
    }

    fn same_as(self, args: &RunArgs) -> anyhow::Result<Self> {
        let (length_s, relays) = (self.made.epoch_length_s, self.made.ports.relays.len());
        let other = args.epoch_length.is_some_and(|asked| asked != length_s)
            || args.relays.is_some_and(|asked| usize::from(asked) != relays);
        ensure!(
            !other,
            "the network in {} has epochs of {length_s} s and {relays} relays; name another folder with --data for another one",
            self.path.display()
        );
        Ok(self)
    }

    fn make(path: PathBuf, args: &RunArgs, output: Output) -> anyhow::Result<Self> {
        output.progress(format!("making keys in {} …", path.display()));
        let relays = args.relays.unwrap_or(RELAYS);
        let ports = if args.free_ports { Ports::free(relays)? } else { Ports::usual(relays) };
        let made = Made {
            epoch_length_s: args.epoch_length.unwrap_or(EPOCH_LENGTH_S),
            ports,
            accounts: make_keys(&path, relays)?,
        };
        let file = path.join("devnet.json");
        replace_file(&file, &serde_json::to_vec_pretty(&made)?)
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(Self { path, made })
    }

    pub(super) fn epoch_length_s(&self) -> u64 {
        self.made.epoch_length_s
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.made.ports
    }

    pub(super) fn accounts(&self) -> &[Account] {
        &self.made.accounts
    }

    pub(super) fn account(&self, name: &str) -> anyhow::Result<&Account> {
        let found = self.made.accounts.iter().find(|account| account.name == name);
        found.with_context(|| format!("there is no account {name} in {}", self.path.display()))
    }

    /// A file or folder in it.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn key_file(&self, name: &str) -> PathBuf {
        key_file(&self.path, name)
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.at("password")
    }

    pub(super) fn deployment_file(&self) -> PathBuf {
        self.at("deployment.json")
    }

    /// The URL at a port of this machine.
    pub(super) fn url(port: u16) -> String {
        format!("http://{}", local(port))
    }

    /// The tracker, with the key that others pin.
    pub(super) fn tracker_url(&self) -> anyhow::Result<String> {
        let key = &self.account("tracker")?.id;
        Ok(format!("{}#{key}", Self::url(self.made.ports.tracker)))
    }
}

impl Ports {
    /// Those that commands ask unless they are told others.
    fn usual(relays: u16) -> Self {
        let relays = (0..relays).map(|relay| FIRST_STATUS_PORT.saturating_add(relay)).collect();
        Self { chain: 8545, aggregator: 7070, tracker: 7080, api: 7100, relays }
    }

    fn free(relays: u16) -> anyhow::Result<Self> {
        Ok(Self {
            chain: free_port()?,
            aggregator: free_port()?,
            tracker: free_port()?,
            api: free_port()?,
            relays: (0..relays).map(|_| free_port()).collect::<anyhow::Result<_>>()?,
        })
    }
}

/// A port of this machine.
pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn key_file(path: &Path, name: &str) -> PathBuf {
    path.join("keys").join(format!("{name}.json"))
}

/// Everybody's key files, under one password; those of an earlier try are made anew.
fn make_keys(path: &Path, relays: u16) -> anyhow::Result<Vec<Account>> {
    let keys = path.join("keys");
    if keys.exists() {
        std::fs::remove_dir_all(&keys).with_context(|| format!("emptying {}", keys.display()))?;
    }
    let password = alloy::hex::encode(fresh(Kind::Node)?.as_slice());
    let file = path.join("password");
    replace_file(&file, password.as_bytes())
        .with_context(|| format!("writing {}", file.display()))?;
    let names = names(relays);
    let mut accounts = Vec::new();
    for some in names.chunks(AT_A_TIME) {
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter()
                .map(|(name, kind)| scope.spawn(|| make_key(path, name, *kind, &password)))
                .collect();
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for account in made {
            match account {
                Ok(account) => accounts.push(account?),
                Err(_) => bail!("a key could not be made"),
            }
        }
    }
    Ok(accounts)
}

fn make_key(path: &Path, name: &str, kind: Kind, password: &str) -> anyhow::Result<Account> {
    let secret = fresh(kind)?;
    let id = id_of(kind, &secret)?;
    let address = matches!(kind, Kind::Account).then_some(id.as_str());
    keys::encrypt(&secret, &key_file(path, name), password, address)?;
    Ok(Account { name: name.to_owned(), kind, id })
}

/// Everybody.
fn names(relays: u16) -> Vec<(String, Kind)> {
    let fixed = [
        ("deployer", Kind::Account),
        ("proposer", Kind::Account),
        ("tracker", Kind::Node),
        ("publisher", Kind::Account),
        ("publisher-session", Kind::Account),
        ("subscriber", Kind::Account),
        ("subscriber-session", Kind::Account),
    ];
    let fixed = fixed.map(|(name, kind)| (name.to_owned(), kind));
    let relays = (0..relays).flat_map(|relay| {
        [(format!("operator-{relay}"), Kind::Account), (format!("relay-{relay}"), Kind::Node)]
    });
    fixed.into_iter().chain(relays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(path: &Path) -> RunArgs {
        let data = path.to_owned();
        RunArgs { data, epoch_length: None, relays: Some(1), free_ports: true }
    }

    #[test]
    fn a_folder_is_made_once_and_goes_on_as_it_was_made() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("net");
        std::fs::create_dir(&path).unwrap();
        assert!(Folder::load(&path).unwrap().is_none());
        let output = Output::new(true);
        let made = Folder::open(&args(&path), output).unwrap();
        let again = Folder::open(&RunArgs { relays: None, ..args(&path) }, output).unwrap();
        assert_eq!(made.made, again.made);
        let secret =
            keys::decrypt(&again.key_file("relay-0"), Some(&again.password_file())).unwrap();
        assert_eq!(again.account("relay-0").unwrap().id, id_of(Kind::Node, &secret).unwrap());
        let other = RunArgs { epoch_length: Some(61), ..args(&path) };
        let error = Folder::open(&other, output).unwrap_err().to_string();
        assert!(error.contains("epochs of 60 s") && error.contains("--data"), "{error}");
        std::fs::write(path.join("devnet.json"), "{").unwrap();
        let error = format!("{:#}", Folder::load(&path).unwrap_err());
        assert!(error.contains("devnet.json"), "{error}");
    }
}
