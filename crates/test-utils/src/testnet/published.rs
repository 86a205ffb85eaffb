//! What the aggregator publishes, read over HTTP.

use anyhow::Context;
use serde_json::Value;
use tatum_primitives::{Epoch, Nano, OperatorId};
use tatum_protocol::Evidence;
use tatum_protocol::client::AggregatorClient;
use tatum_receipt::SignedReceipt;

use super::Network;

impl Network {
    /// Asks the aggregator for JSON.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).with_context(|| format!("reading the answer to {path}"))
    }

    /// Asks the aggregator for text.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("{}{path}", self.aggregator_url());
        let answer = reqwest::get(&url).await.with_context(|| format!("asking {url}"))?;
        let answer = answer.error_for_status().with_context(|| format!("asking {url}"))?;
        answer.text().await.with_context(|| format!("reading the answer of {url}"))
    }

    /// What the web API says that an operator can claim, of the distribution that is final.
    pub async fn claimable(&self, operator: OperatorId) -> anyhow::Result<Nano> {
        let url = format!("{}/v1/operators/{operator}", self.api_url());
        let answer = reqwest::get(&url).await?.error_for_status()?;
        let told: Value = answer.json().await.with_context(|| format!("asking {url}"))?;
        let claimable = told.pointer("/earned/claimable_nano").and_then(Value::as_str);
        Ok(Nano(claimable.with_context(|| format!("{url}: {told}"))?.parse()?))
    }

    /// The receipts that an epoch was paid by.
    pub async fn receipts(&self, epoch: Epoch) -> anyhow::Result<Vec<SignedReceipt>> {
        let aggregator = AggregatorClient::new(self.aggregator_url())?;
        let mut receipts = Vec::new();
        let mut offset = 0;
        loop {
            let page = aggregator.receipts(epoch, offset, 1000).await?;
            let counted = page.receipts.into_iter();
            receipts.extend(
                counted.map(|c| SignedReceipt { receipt: c.receipt, signature: c.signature }),
            );
            match page.next_offset {
                Some(next) => offset = next,
                None => return Ok(receipts),
            }
        }
    }

    /// What the aggregator holds as evidence of what channels pay for, of each epoch until `last`.
    pub async fn evidence(&self, last: Epoch) -> anyhow::Result<Vec<Evidence>> {
        let aggregator = AggregatorClient::new(self.aggregator_url())?;
        let mut evidence = Vec::new();
        for epoch in 0..=last.0 {
            evidence.push(aggregator.evidence(Epoch(epoch)).await?);
        }
        Ok(evidence)
    }

    /// How many receipts the aggregator accepted and rejected, from its metrics.
    pub async fn receipt_counts(&self) -> anyhow::Result<(u64, u64)> {
        let text = AggregatorClient::new(self.aggregator_url())?.metrics().await?;
        let sum = |prefix: &str| {
            let lines = text.lines().filter(|line| line.starts_with(prefix));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
        };
        let accepted = sum("tatum_receipts_total{outcome=\"accepted\"}");
        Ok((accepted, sum("tatum_receipts_rejected_total{")))
    }
}
