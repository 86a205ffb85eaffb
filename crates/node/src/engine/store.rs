//! The task that waits for the disk, so that the engine does not.
//!
//! Invariant: jobs are done in the order they were given, and a reply comes only after the disk has
//! the data. A job that fails is tried again until it succeeds: nothing later may overtake it.

use std::time::Duration;

use tatum_database::{DatabaseError, NodeStore};
use tatum_overlay::Link;
use tatum_overlay::frame::Attach;
use tatum_overlay::permissions::SignedPermissions;
use tatum_primitives::{Epoch, StreamId};
use tatum_receipt::{
    Acknowledgement, CheckedReceipt, Contents, SignedReceipt, Step, StoredReceipt, Witnessed,
};
use tokio::sync::mpsc;

use crate::permissions::keep_permissions;

/// Jobs that may wait.
const QUEUE: usize = 4096;
const RETRY: Duration = Duration::from_millis(500);

/// Work for the disk.
#[derive(Debug)]
pub(super) enum StoreJob {
    /// The newest receipts of whoever asks for service.
    Newest(Link, Attach, Epoch),
    /// A receipt that passed its checks, and what lies beside it.
    Offered(Link, Box<CheckedReceipt>, Contents),
    /// A receipt of ours.
    Signed(Box<Witnessed>),
    /// A node's word for a receipt of ours.
    Acknowledged(Box<SignedReceipt>, Acknowledgement),
    /// A stream's newest permission list.
    Permissions(Box<SignedPermissions>),
    /// The list of a stream that we take part in no more.
    ForgetPermissions(StreamId),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum StoreReply {
    Newest(Link, Attach, Vec<StoredReceipt>),
    Offered(Link, Box<StoredReceipt>, Step),
    Signed(Box<Witnessed>),
}

/// Where replies come out.
pub(super) type Replies = mpsc::UnboundedReceiver<StoreReply>;

/// Starts the task.
pub(super) fn spawn(store: NodeStore) -> (mpsc::Sender<StoreJob>, Replies) {
    let (jobs, mut queue) = mpsc::channel(QUEUE);
    // Unbounded, so that this task never waits for the engine while the engine waits for it; there
    // are no more replies than jobs.
    let (replies, reader) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(job) = queue.recv().await {
            let reply = loop {
                match carry_out(&store, &job).await {
                    Ok(reply) => break reply,
                    Err(error) => {
                        tracing::error!(%error, "the receipt store failed; trying again");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            };
            if let Some(reply) = reply
                && replies.send(reply).is_err()
            {
                return;
            }
        }
    });
    (jobs, reader)
}

async fn carry_out(store: &NodeStore, job: &StoreJob) -> Result<Option<StoreReply>, DatabaseError> {
    Ok(match job {
        StoreJob::Newest(link, attach, earliest) => {
            let whose = (attach.payer, attach.reader);
            let newest = store.newest_of(whose, attach.stream, attach.role, *earliest).await?;
            Some(StoreReply::Newest(*link, attach.clone(), newest))
        }
        StoreJob::Offered(link, checked, contents) => {
            let (stored, step) = store.keep(checked, contents).await?;
            Some(StoreReply::Offered(*link, Box::new(stored), step))
        }
        StoreJob::Signed(witnessed) => {
            let Witnessed { signed, contents } = witnessed.as_ref();
            if store.keep_own(signed, contents).await? == Step::Superseded {
                // The store holds one that ranks higher than what our memory made: it was taken from a
                // copy of this store, or another process writes to it. The node will tell us its view.
                let receipt = &signed.receipt;
                tracing::warn!(node = %receipt.node, epoch = %receipt.epoch, "a higher receipt is on disk");
            }
            Some(StoreReply::Signed(witnessed.clone()))
        }
        StoreJob::Acknowledged(signed, word) => {
            store.record_acknowledged(signed, word).await?;
            None
        }
        StoreJob::Permissions(signed) => {
            keep_permissions(store, signed).await?;
            None
        }
        StoreJob::ForgetPermissions(stream) => {
            store.forget_permissions(stream.as_str()).await?;
            None
        }
    })
}

/// The next reply; never, without a store.
pub(super) async fn next(replies: &mut Option<Replies>) -> StoreReply {
    if let Some(reader) = replies
        && let Some(reply) = reader.recv().await
    {
        return reply;
    }
    std::future::pending().await
}
