//! What a network's processes suffer: they are killed, come back, and are looked at meanwhile.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};

use super::cast::Cast;
use super::layout::numbered;
use super::{Network, RecordedStream};
use crate::{Devnet, Process};

/// For how long a service is started anew that ends while it starts, as who supervises it would.
const SUPERVISED: Duration = Duration::from_secs(90);
const BETWEEN_STARTS: Duration = Duration::from_secs(1);

impl Network {
    /// Starts a service again after a kill, with its data and at its address, until it stays.
    pub async fn start_again(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        name: &str,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + SUPERVISED;
        loop {
            match self.start_once(devnet, cast, name).await {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => sleep(BETWEEN_STARTS).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn start_once(&mut self, devnet: &Devnet, cast: &Cast, name: &str) -> anyhow::Result<()> {
        for index in 0..self.aggregator_urls().len() {
            if numbered("aggregator", index) == name {
                return self.start_numbered_aggregator(devnet, cast, index).await;
            }
        }
        for index in 0..self.tracker_urls().len() {
            if numbered("tracker", index) == name {
                return self.start_tracker(devnet, index).await;
            }
        }
        let relay = cast.relays.iter().find(|relay| relay.name == name);
        self.start_relay(devnet, relay.with_context(|| format!("nobody is called {name}"))?).await
    }

    /// Ends a subscriber at once; what it printed stays, and it is started again with [`Network::resume_subscriber`].
    pub async fn kill_subscriber(&mut self, name: &str) -> anyhow::Result<()> {
        let place = self.subscribers.iter().position(|process| process.name() == name);
        let place = place.with_context(|| format!("{name} does not run"))?;
        self.subscribers.remove(place).kill().await
    }

    /// Starts a subscriber that was killed, with the folder that it had.
    pub fn resume_subscriber(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
        name: &str,
    ) -> anyhow::Result<()> {
        let subscriber = cast.subscribers.iter().find(|subscriber| subscriber.name == name);
        let subscriber = subscriber.with_context(|| format!("nobody is called {name}"))?;
        self.start_subscriber(devnet, subscriber, &streams[subscriber.stream])
    }

    /// Starts subscribers again that have ended by themselves, as who supervises them would: one that starts while its tracker cannot say
    /// who has a stake gives up after half a minute. Says how many.
    pub fn resume_ended(
        &mut self,
        devnet: &Devnet,
        cast: &Cast,
        streams: &[RecordedStream],
    ) -> anyhow::Result<usize> {
        let ended: Vec<Process> =
            self.subscribers.extract_if(.., |process| process.has_ended()).collect();
        for process in &ended {
            self.resume_subscriber(devnet, cast, streams, process.name())?;
        }
        Ok(ended.len())
    }

    /// What each process that runs holds in memory, by its name.
    pub fn resident_bytes(&self) -> Vec<(String, u64)> {
        let clients = self.subscribers.iter().chain(&self.publishers);
        let processes = self.services.values().chain(clients);
        let held = |process: &Process| Some((process.name().to_owned(), process.resident_bytes()?));
        processes.filter_map(held).collect()
    }
}
