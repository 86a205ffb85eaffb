//! The gas relay of a web API: whether it is on, and whether its purse holds what it may have to pay.

use alloy::primitives::utils::format_ether;
use tatum_primitives::U256;
use tatum_protocol::client::ApiClient;
use tatum_protocol::web::RelayTerms;

use super::report::{Report, in_full};

/// Asks the API, which asks the chain what its purse holds.
pub(super) async fn look(url: &str, report: &mut Report) {
    let asked = match ApiClient::new(url) {
        Ok(api) => api.relay().await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(told) => match told.relay {
            Some(terms) => purse(&terms, report),
            None => report.ok("gas relay", "it is off: everybody pays for their own gas"),
        },
        Err(error) => report.problem(
            "gas relay",
            in_full(error),
            "check the address, `GET /ready` there, and that its --rpc answers: nobody's gas is paid before",
        ),
    }
}

/// What is open is charged to the hour at the most that it can cost, so a purse that holds an hour's budget can pay for all that is taken.
fn purse(terms: &RelayTerms, report: &mut Report) {
    let budget_wei = U256::from(terms.wei_per_hour);
    let found = format!(
        "{} has {} of the chain's coin, of {} that it may pay in an hour; {} of that is left",
        terms.account,
        format_ether(terms.purse_wei),
        format_ether(budget_wei),
        format_ether(U256::from(terms.left_wei)),
    );
    if terms.purse_wei.is_zero() {
        report.problem("gas relay", found, "send it some: it can pay for nothing");
    } else if terms.purse_wei < budget_wei {
        report.warn(
            "gas relay",
            found,
            "send it more, or lower --relay-coin-per-hour to what it has",
        );
    } else if terms.left_wei == 0 {
        report.warn("gas relay", found, "wait for the hour, or raise --relay-coin-per-hour");
    } else {
        report.ok("gas relay", found);
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::Address;

    use super::*;
    use crate::output::Output;

    fn found(purse_wei: u64, left_wei: u128) -> String {
        let terms = RelayTerms {
            account: Address::repeat_byte(7),
            purse_wei: U256::from(purse_wei),
            left_wei,
            wei_per_hour: 50_000_000_000_000_000,
            wei_per_address_hour: 2_000_000_000_000_000,
            least_wei: U256::ZERO,
        };
        let mut report = Report::new(Output::new(false));
        purse(&terms, &mut report);
        report.told()
    }

    #[test]
    fn a_purse_that_cannot_pay_an_hours_budget_is_named() {
        let full = found(50_000_000_000_000_000, 40_000_000_000_000_000);
        assert!(full.starts_with("gas relay: ok ") && full.contains("has 0.05"), "{full}");
        assert!(full.contains("0.04") && full.contains("of that is left"), "{full}");
        let poor = found(49_999_999_999_999_999, 50_000_000_000_000_000);
        assert!(poor.starts_with("gas relay: warning") && poor.contains("send it more"), "{poor}");
        let empty = found(0, 50_000_000_000_000_000);
        assert!(empty.starts_with("gas relay: PROBLEM") && empty.contains("nothing"), "{empty}");
        let spent = found(60_000_000_000_000_000, 0);
        assert!(spent.starts_with("gas relay: warning") && spent.contains("the hour"), "{spent}");
    }
}
