//! An aggregator, asked over HTTP.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use tatum_primitives::{Address, B256, Epoch, OperatorId};
use tatum_receipt::{DeliveryReceipt, SIGNED_RECEIPT_BYTES, SignedReceipt, Witnessed};

use super::ClientError;
use super::server::{Server, bytes, json};
use crate::receipts::{self, Answer, BatchError, RECEIPTS};
use crate::{
    AssentStanding, Cursor, Earnings, EpochSummary, Evidence, OfferedList, OperatorAssent,
    OperatorProof, OveragePage, OverageProof, PayerUse, Payout, ReceiptPage,
};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An aggregator.
#[derive(Clone, Debug)]
pub struct AggregatorClient {
    server: Server,
}

impl AggregatorClient {
    /// The aggregator at `base`.
    ///
    /// # Errors
    /// If that is no address of a web server.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        Ok(Self { server: Server::new(base, PATIENCE)? })
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        self.server.base()
    }

    /// Hands in receipts; gives what became of each, in their order. Those that were answered are on disk there.
    ///
    /// # Errors
    /// [`ClientError`]; then nothing is known of any of them, and they are handed in again.
    pub async fn hand_in<R: Clone + Into<Witnessed>>(
        &self,
        receipts: &[R],
    ) -> Result<Vec<Answer>, ClientError> {
        self.hand_in_batch(receipts::encode(receipts), receipts.len()).await
    }

    /// Hands in a batch that was encoded before; it holds `count` receipts.
    ///
    /// # Errors
    /// As [`AggregatorClient::hand_in`].
    pub async fn hand_in_batch(
        &self,
        batch: Vec<u8>,
        count: usize,
    ) -> Result<Vec<Answer>, ClientError> {
        let request = self.server.post("/v1/receipts").header(CONTENT_TYPE, RECEIPTS).body(batch);
        let answers: Vec<Answer> = json(request).await?;
        if answers.len() == count {
            return Ok(answers);
        }
        let url = format!("{}/v1/receipts", self.base());
        Err(ClientError::Count { url, got: answers.len(), expected: count })
    }

    /// The newest epochs, at most `limit` of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn epochs(&self, limit: u32) -> Result<Vec<EpochSummary>, ClientError> {
        json(self.server.get("/v1/epochs").query(&[("limit", limit)])).await
    }

    /// The newest epochs before one, or of all, at most `limit` of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn epochs_before(
        &self,
        before: Option<Epoch>,
        limit: u32,
    ) -> Result<Vec<EpochSummary>, ClientError> {
        let request = self.server.get("/v1/epochs").query(&[("limit", limit)]);
        let request = match before {
            Some(before) => request.query(&[("before", before)]),
            None => request,
        };
        json(request).await
    }

    /// An epoch.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn epoch(&self, epoch: Epoch) -> Result<EpochSummary, ClientError> {
        json(self.server.get(&format!("/v1/epochs/{epoch}"))).await
    }

    /// Why an operator is paid what it is paid for an epoch: its edges from place `offset` on, at most `limit` of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn payout(
        &self,
        epoch: Epoch,
        operator: OperatorId,
        offset: u64,
        limit: u64,
    ) -> Result<Payout, ClientError> {
        let page = [("offset", offset), ("limit", limit)];
        let path = format!("/v1/epochs/{epoch}/payouts/{operator}");
        json(self.server.get(&path).query(&page)).await
    }

    /// What an operator earned in the newest epochs, at most `limit` of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn earnings(
        &self,
        operator: OperatorId,
        limit: u32,
    ) -> Result<Earnings, ClientError> {
        let path = format!("/v1/operators/{operator}/earnings");
        json(self.server.get(&path).query(&[("limit", limit)])).await
    }

    /// The proof that the receipt with this leaf was counted, byte for byte as `tatum audit receipt` reads it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receipt_proof(&self, epoch: Epoch, leaf: B256) -> Result<Vec<u8>, ClientError> {
        let request = self.server.get(&format!("/v1/epochs/{epoch}/receipts/{leaf}"));
        bytes(request).await.map(|(_, proof)| proof)
    }

    /// An operator's entry of an epoch with its proof, which the caller checks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn operator_proof(
        &self,
        epoch: Epoch,
        operator: OperatorId,
    ) -> Result<OperatorProof, ClientError> {
        json(self.server.get(&format!("/v1/epochs/{epoch}/operators/{operator}"))).await
    }

    /// The receipts that an epoch was paid by, from place `offset` on, at most `limit` of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn receipts(
        &self,
        epoch: Epoch,
        offset: u64,
        limit: u64,
    ) -> Result<ReceiptPage, ClientError> {
        let page = [("offset", offset), ("limit", limit)];
        json(self.server.get(&format!("/v1/epochs/{epoch}/receipts")).query(&page)).await
    }

    /// What a payer used of its quota in an epoch, as far as receipts were handed in.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn payer_use(&self, epoch: Epoch, payer: Address) -> Result<PayerUse, ClientError> {
        json(self.server.get(&format!("/v1/epochs/{epoch}/payers/{payer}"))).await
    }

    /// Who signed for more than its quota in an epoch, those after `after`, at most `limit` of them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn overages(
        &self,
        epoch: Epoch,
        after: Option<Address>,
        limit: usize,
    ) -> Result<OveragePage, ClientError> {
        let request = self.server.get(&format!("/v1/epochs/{epoch}/overages"));
        let request = request.query(&[("limit", limit)]);
        let request = match after {
            Some(after) => request.query(&[("after", after)]),
            None => request,
        };
        json(request).await
    }

    /// What puts a payer's overage before the contract, which checks it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn overage_proof(
        &self,
        epoch: Epoch,
        payer: Address,
    ) -> Result<OverageProof, ClientError> {
        json(self.server.get(&format!("/v1/epochs/{epoch}/overages/{payer}"))).await
    }

    /// What was delivered in an epoch and is paid by channels, and so by no pot.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn evidence(&self, epoch: Epoch) -> Result<Evidence, ClientError> {
        json(self.server.get(&format!("/v1/epochs/{epoch}/evidence"))).await
    }

    /// The receipts that say so, from behind one of them on, at most `limit` of them. Their signatures are for the caller to check.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn evidence_receipts(
        &self,
        epoch: Epoch,
        after: Option<&DeliveryReceipt>,
        limit: usize,
    ) -> Result<Vec<SignedReceipt>, ClientError> {
        let path = format!("/v1/epochs/{epoch}/evidence/receipts");
        let request = self.server.get(&path).query(&[("limit", limit)]);
        let request = match after {
            Some(receipt) => request.query(&[("after", Cursor::behind(receipt))]),
            None => request,
        };
        let (url, body) = bytes(request).await?;
        let elements = receipts::decode(&body, limit);
        let signed = |element: receipts::Element| element.ok().map(|witnessed| witnessed.signed);
        let read: Result<Vec<SignedReceipt>, BatchError> =
            elements.map(|elements| elements.into_iter().filter_map(signed).collect());
        read.map_err(|source| ClientError::Batch { url, source })
    }

    /// The list of an epoch's receipts that waits for operators' signatures, while it does.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn offered_list(&self, epoch: Epoch) -> Result<OfferedList, ClientError> {
        json(self.server.get(&format!("/v1/epochs/{epoch}/assent"))).await
    }

    /// The receipts of that list from a place on, [`crate::ASSENT_PAGE`] of them at most. Whether they are those is for the caller to see.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn offered_receipts(
        &self,
        epoch: Epoch,
        from: u32,
    ) -> Result<Vec<SignedReceipt>, ClientError> {
        let path = format!("/v1/epochs/{epoch}/assent/receipts");
        let (url, body) = bytes(self.server.get(&path).query(&[("from", from)])).await?;
        let decoded: Result<_, _> =
            body.chunks(SIGNED_RECEIPT_BYTES).map(SignedReceipt::decode).collect();
        decoded.map_err(|source| ClientError::Receipt { url, source })
    }

    /// Hands in an operator's word for the offered list; gives how much bond has signed by now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn assent(
        &self,
        epoch: Epoch,
        word: &OperatorAssent,
    ) -> Result<AssentStanding, ClientError> {
        json(self.server.post(&format!("/v1/epochs/{epoch}/assent")).json(word)).await
    }

    /// Receipts that it holds of an epoch and what lies beside them, from behind one of them on. Whether they may count is for the caller to
    /// check.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn taken(
        &self,
        epoch: Epoch,
        after: Option<&DeliveryReceipt>,
    ) -> Result<Vec<receipts::Element>, ClientError> {
        let request = self.server.get(&format!("/v1/epochs/{epoch}/taken"));
        let request = match after {
            Some(receipt) => request.query(&[("after", Cursor::behind(receipt))]),
            None => request,
        };
        let (url, body) = bytes(request).await?;
        // As many as an answer of bounded size can hold.
        receipts::decode(&body, body.len()).map_err(|source| ClientError::Batch { url, source })
    }

    /// Its counters, as Prometheus reads them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let (_, text) = bytes(self.server.get("/metrics")).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
