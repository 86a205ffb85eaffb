//! Permission lists at the trackers: the newest that any of them keeps, and a new one for all of them.
//!
//! Invariant: what is taken from a tracker was signed by the stream's owner, and who did not get a new list is named. A
//! stream's partitions have their places on different trackers, so every tracker is given every list.

use std::future::Future;

use anyhow::{Context, bail};
use serde::Serialize;
use tatum_node::{TrackerAddress, Trackers};
use tatum_overlay::permissions::{PermissionList, SignedPermissions};
use tatum_primitives::StreamId;
use tatum_protocol::client::TrackerClient;
use tatum_receipt::Verifier;
use tokio::task::JoinSet;

use crate::output::Output;

/// A deployment's trackers, as they serve permission lists.
#[derive(Clone, Debug)]
pub(crate) struct PermissionLists {
    trackers: Vec<TrackerClient>,
}

/// Who has a list now.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    /// Nodes that heard of it at once.
    pub(crate) nodes_told: usize,
    /// Trackers that keep it.
    pub(crate) kept_by: Vec<String>,
    /// Trackers that do not.
    pub(crate) missed_by: Vec<String>,
}

impl PermissionLists {
    pub(crate) fn new(trackers: &Trackers) -> anyhow::Result<Self> {
        let client = |tracker: &TrackerAddress| TrackerClient::new(&tracker.http_url());
        let trackers = trackers.list().iter().map(client).collect::<Result<_, _>>()?;
        Ok(Self { trackers })
    }

    /// The newest list that any tracker keeps, under the owner's signature. One tracker that answers is enough: a list
    /// must be changed also while another is gone.
    pub(crate) async fn newest(
        &self,
        stream: &StreamId,
        verifier: &Verifier,
        output: &Output,
    ) -> anyhow::Result<Option<PermissionList>> {
        let ask = |tracker| kept(tracker, stream.clone(), *verifier);
        let (answers, failures) = self.each(ask).await;
        if answers.is_empty() {
            return Err(together(failures));
        }
        for (url, error) in failures {
            output.progress(format!("warning: {url} may keep a newer list: {error:#}"));
        }
        let lists = answers.into_iter().filter_map(|(_, list)| list);
        Ok(lists.max_by_key(PermissionList::rank))
    }

    /// Gives a list to all trackers; an error if none takes it.
    pub(crate) async fn publish(
        &self,
        signed: &SignedPermissions,
        output: &Output,
    ) -> anyhow::Result<Told> {
        let (answers, failures) = self.each(|tracker| publish(tracker, signed.clone())).await;
        if answers.is_empty() {
            return Err(together(failures));
        }
        let (kept_by, told): (Vec<String>, Vec<usize>) = answers.into_iter().unzip();
        for (url, error) in &failures {
            output.progress(format!(
                "warning: {} has version {}, {url} has not: {error:#}; run this again when it is back",
                kept_by.join(", "),
                signed.list.version
            ));
        }
        let missed_by = failures.into_iter().map(|(url, _)| url).collect();
        Ok(Told { nodes_told: told.into_iter().sum(), kept_by, missed_by })
    }

    /// Turns to all trackers at once; gives what came of it in their order.
    async fn each<T, F>(
        &self,
        ask: impl Fn(TrackerClient) -> F,
    ) -> (Vec<(String, T)>, Vec<(String, anyhow::Error)>)
    where
        T: Send + 'static,
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
    {
        let mut asking = JoinSet::new();
        for (place, tracker) in self.trackers.iter().enumerate() {
            let asked = ask(tracker.clone());
            asking.spawn(async move { (place, asked.await) });
        }
        let mut answers = asking.join_all().await;
        answers.sort_unstable_by_key(|(place, _)| *place);
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for ((_, answer), tracker) in answers.into_iter().zip(&self.trackers) {
            let url = tracker.base().to_owned();
            match answer {
                Ok(answer) => good.push((url, answer)),
                Err(error) => bad.push((url, error)),
            }
        }
        (good, bad)
    }
}

/// What all trackers said, as one error.
fn together(mut failures: Vec<(String, anyhow::Error)>) -> anyhow::Error {
    match (failures.pop(), failures.is_empty()) {
        (Some((_, only)), true) => only,
        (last, _) => {
            failures.extend(last);
            let each = failures.iter().map(|(_, error)| format!("{error:#}"));
            anyhow::anyhow!("no tracker: {}", each.collect::<Vec<_>>().join("; "))
        }
    }
}

async fn kept(
    tracker: TrackerClient,
    stream: StreamId,
    verifier: Verifier,
) -> anyhow::Result<Option<PermissionList>> {
    let url = tracker.base();
    let kept = tracker.permissions(&stream).await;
    let kept = kept.with_context(|| format!("asking the tracker at {url}"))?;
    let Some(signed) = kept else { return Ok(None) };
    if signed.list.stream != stream {
        bail!("the tracker at {url} answered with the list of {}", signed.list.stream);
    }
    signed
        .verify(&verifier)
        .with_context(|| format!("the list of the tracker at {url} does not count"))?;
    Ok(Some(signed.list))
}

async fn publish(tracker: TrackerClient, signed: SignedPermissions) -> anyhow::Result<usize> {
    let published = tracker.publish(&signed).await;
    let published =
        published.with_context(|| format!("telling the tracker at {}", tracker.base()))?;
    Ok(published.told)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::extract::State;
    use axum::routing::get;
    use axum::{Json, Router};
    use tatum_overlay::permissions::Audience;
    use tatum_primitives::{Address, Domain};
    use tatum_protocol::{Problem, ProblemKind, Published};
    use tatum_receipt::SessionKey;

    use super::*;

    /// What a tracker keeps.
    type Kept = Arc<Mutex<Option<SignedPermissions>>>;

    fn verifier() -> Verifier {
        Verifier::new(Domain { chain_id: 5, stake_pool: Address::ZERO })
    }

    fn owner() -> SessionKey {
        SessionKey::from_bytes(&[7; 32]).unwrap()
    }

    fn stream() -> StreamId {
        StreamId::new(format!("{}/a", owner().address())).unwrap()
    }

    fn list(version: u64) -> SignedPermissions {
        let (publishers, subscribers) = (Audience::nobody(), Audience::Anyone);
        let list = PermissionList { stream: stream(), version, publishers, subscribers };
        list.signed(&owner(), &verifier())
    }

    /// Something that keeps lists as a tracker does.
    async fn tracker(held: Option<SignedPermissions>) -> (String, Kept) {
        let show = async |State(kept): State<Kept>| match kept.lock().unwrap().clone() {
            Some(list) => Ok(Json(list)),
            None => Err(Problem::new(ProblemKind::NotFound, "no list").response()),
        };
        let take = async |State(kept): State<Kept>, Json(list): Json<SignedPermissions>| {
            let PermissionList { stream, version, .. } = list.list.clone();
            *kept.lock().unwrap() = Some(list);
            Json(Published { stream, version, told: 2 })
        };
        let kept = Arc::new(Mutex::new(held));
        let routes = Router::new()
            .route("/v1/permissions", get(show).post(take))
            .with_state(Arc::clone(&kept));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (url, kept)
    }

    fn lists(urls: &[&str]) -> PermissionLists {
        let tracker =
            |(number, url): (usize, &&str)| format!("{url}#0x{:064x}", number + 1).parse().unwrap();
        PermissionLists::new(
            &Trackers::new(urls.iter().enumerate().map(tracker).collect()).unwrap(),
        )
        .unwrap()
    }

    #[tokio::test]
    async fn the_newest_list_of_any_tracker_counts_and_all_get_the_next() {
        let output = Output::new(true);
        let ((a, at_a), (b, at_b), (c, at_c)) =
            (tracker(Some(list(3))).await, tracker(Some(list(4))).await, tracker(None).await);
        let lists = lists(&[&a, &b, &c]);
        let newest = lists.newest(&stream(), &verifier(), &output).await.unwrap().unwrap();
        assert_eq!(newest.version, 4);
        let told = lists.publish(&list(5), &output).await.unwrap();
        assert_eq!((told.nodes_told, told.kept_by.len(), told.missed_by.len()), (6, 3, 0));
        for kept in [at_a, at_b, at_c] {
            assert_eq!(kept.lock().unwrap().as_ref().unwrap().list.version, 5);
        }
    }

    #[tokio::test]
    async fn one_tracker_is_enough_and_who_missed_a_list_is_named() {
        let output = Output::new(true);
        let gone = "http://127.0.0.1:1";
        let mut forged = list(8);
        forged.list.version = 9;
        let ((a, _), (liar, _)) = (tracker(None).await, tracker(Some(forged)).await);
        let some = lists(&[gone, &liar, &a]);
        let newest = some.newest(&stream(), &verifier(), &output).await.unwrap();
        assert_eq!(newest, None, "a list that the owner did not sign does not count");
        let told = some.publish(&list(1), &output).await.unwrap();
        assert_eq!((told.kept_by, told.missed_by), (vec![liar, a], vec![gone.to_owned()]));
        let none = lists(&[gone, "http://127.0.0.1:2"]);
        let error = format!("{:#}", none.publish(&list(1), &output).await.unwrap_err());
        assert!(error.contains("127.0.0.1:1") && error.contains("127.0.0.1:2"), "{error}");
        assert!(none.newest(&stream(), &verifier(), &output).await.is_err());
    }
}
