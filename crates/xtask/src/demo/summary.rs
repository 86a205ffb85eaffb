//! The demo's last words: a table for people, `summary.json` for machines, and every check by name.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use tatum_primitives::{Nano, U256};
use tatum_test_utils::testnet::{AuditedEpoch, Delivery, PaidByChannel, PaidOperator, Recomputed};

/// What came of the demo.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    messages_published: usize,
    messages_delivered: usize,
    messages_lost: usize,
    receipts_accepted: u64,
    receipts_rejected: u64,
    epochs: Vec<AuditedEpoch>,
    operators: Vec<PaidOperator>,
    channels: PaidByChannel,
    checks: Vec<Check>,
}

/// One thing that must hold.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
}

impl Summary {
    /// Draws everything together and checks it.
    pub(crate) fn new(
        delivery: &Delivery,
        epochs: Vec<AuditedEpoch>,
        operators: Vec<PaidOperator>,
        channels: PaidByChannel,
        recomputed: &Recomputed,
    ) -> Self {
        let mut checks = checks(delivery, &epochs, &operators, recomputed);
        checks.extend(channel_checks(delivery, &channels, recomputed));
        Self {
            messages_published: delivery.published,
            messages_delivered: delivery.delivered,
            messages_lost: delivery.lost,
            receipts_accepted: recomputed.receipts_accepted,
            receipts_rejected: recomputed.receipts_rejected,
            epochs,
            operators,
            channels,
            checks,
        }
    }

    /// Whether every check holds.
    pub(crate) fn all_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    /// Writes it down.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
    }

    fn print_channels(&self) {
        let data = |wei| Nano::from_wei_down(wei).map_or_else(|_| "?".into(), |n| n.to_string());
        let PaidByChannel { payer, messages, cost_wei, operators } = &self.channels;
        println!(
            "\nby channel: {payer} was delivered {messages} messages for {} DATA",
            data(*cost_wei)
        );
        println!(
            "\noperator  messages in evidence  bytes  of them on time  lanes  redeemed (DATA)"
        );
        for paid in operators {
            println!(
                "{:>8}  {:>20}  {:>5}  {:>15}  {:>5}  {:>15}",
                paid.operator,
                paid.messages,
                paid.bytes,
                paid.bytes_on_time,
                paid.lanes,
                data(paid.redeemed_wei),
            );
        }
    }

    /// Prints it for people.
    pub(crate) fn print(&self) {
        println!(
            "\n{} messages published, {} delivered, {} lost; {} receipts accepted, {} rejected\n",
            self.messages_published,
            self.messages_delivered,
            self.messages_lost,
            self.receipts_accepted,
            self.receipts_rejected,
        );
        println!(
            "operator  messages relayed  receipts  earned (DATA)  claimed (DATA)  balance (DATA)"
        );
        for operator in &self.operators {
            println!(
                "{:>8}  {:>16}  {:>8}  {:>13}  {:>14}  {:>14}",
                operator.id,
                operator.messages_relayed,
                operator.receipts,
                operator.earned_nano.to_string(),
                operator.claimed_nano.to_string(),
                operator.balance(),
            );
        }
        self.print_channels();
        println!("\n   epoch  pot (DATA)     distributed    carried (DATA)  audit  root");
        for epoch in &self.epochs {
            println!(
                "{:>8}  {:<13}  {:<13}  {:<14}  {:<5}  {}",
                epoch.epoch,
                epoch.pot_nano.to_string(),
                epoch.distributed_nano.to_string(),
                epoch.carried_nano.to_string(),
                epoch.audit,
                epoch.root,
            );
        }
        println!();
        for check in &self.checks {
            println!("{}  {}", if check.ok { "ok    " } else { "FAILED" }, check.name);
        }
    }
}

fn channel_checks(
    delivery: &Delivery,
    channels: &PaidByChannel,
    recomputed: &Recomputed,
) -> [Check; 3] {
    let by_stake = delivery.delivered.saturating_sub(channels.messages);
    [
        Check {
            name: "receipts of the pool state exactly the messages that were delivered to whose stakes pay",
            ok: recomputed.messages_to_subscribers == by_stake as u64,
        },
        Check {
            name: "who pays by channel paid the price of every message it was delivered, and no more",
            ok: channels.messages > 0 && channels.redeemed_wei() == channels.cost_wei,
        },
        Check {
            name: "the aggregator has evidence of each message that was delivered by channel",
            ok: channels.messages_in_evidence() == U256::from(channels.messages),
        },
    ]
}

fn checks(
    delivery: &Delivery,
    epochs: &[AuditedEpoch],
    operators: &[PaidOperator],
    recomputed: &Recomputed,
) -> Vec<Check> {
    let check = |name, ok| Check { name, ok };
    let earned: u64 = operators.iter().map(|operator| operator.earned_nano.0).sum();
    let pots: u64 = epochs.iter().map(|epoch| epoch.pot_nano.0).sum();
    let carried = epochs.last().map_or(0, |epoch| epoch.carried_nano.0);
    let paid = |operator: &PaidOperator| {
        recomputed.earned_nano(operator.id).is_some_and(|most| operator.claimed_nano <= most)
    };
    let with_receipts = epochs.iter().filter(|epoch| epoch.receipts > 0).count();
    vec![
        check("at least 20 000 messages were published", delivery.published >= 20_000),
        check(
            "every published message reached every subscriber of its stream, once and unchanged",
            delivery.lost == 0 && delivery.surplus == 0,
        ),
        check("every subscriber got its stream's messages in order", delivery.in_order),
        check("receipts of at least two epochs were paid", with_receipts >= 2),
        check("no operator was paid more than its receipts earn", operators.iter().all(paid)),
        check(
            "every operator claimed what it earned, and holds it",
            operators.iter().all(PaidOperator::is_paid_in_full),
        ),
        check(
            "the web API told of every operator what it could claim",
            operators.iter().all(|operator| operator.claimable_nano == operator.claimed_nano),
        ),
        check(
            "payouts sum to the pots less what is carried on and what proposers got",
            earned == pots.saturating_sub(carried + recomputed.proposers_nano),
        ),
        check("audit equals chain for every epoch", epochs.iter().all(|epoch| epoch.audit == "ok")),
    ]
}
