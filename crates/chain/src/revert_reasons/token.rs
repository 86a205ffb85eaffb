//! Errors of the token, its permits included.
//!
//! Invariant: every error has an arm of its own.

use tatum_primitives::Data;

use super::Token;
use super::library::NAME_MALFORMED;

pub(super) fn token(error: Token) -> String {
    match error {
        Token::ERC20InsufficientBalance(e) => {
            format!("{} holds {}, {} are needed", e.sender, Data(e.balance), Data(e.needed))
        }
        Token::ERC20InsufficientAllowance(e) => {
            format!("{} may take {}, {} are needed", e.spender, Data(e.allowance), Data(e.needed))
        }
        Token::ERC20InvalidReceiver(e) => format!("{} cannot receive tokens", e.receiver),
        Token::ERC20InvalidSender(e) => format!("{} cannot send tokens", e.sender),
        Token::ERC20InvalidApprover(e) => format!("{} cannot approve anything", e.approver),
        Token::ERC20InvalidSpender(e) => format!("{} cannot be approved", e.spender),
        Token::ERC2612ExpiredSignature(e) => {
            format!("the permit was good until {}, in seconds since 1970; sign another", e.deadline)
        }
        Token::ERC2612InvalidSigner(e) => format!(
            "the permit is {}'s, not {}'s: it was signed for something else, or was used before; sign another",
            e.signer, e.owner
        ),
        Token::InvalidAccountNonce(e) => format!(
            "{} signed for another turn than {}, which is its next",
            e.account, e.currentNonce
        ),
        Token::ECDSAInvalidSignature(_)
        | Token::ECDSAInvalidSignatureLength(_)
        | Token::ECDSAInvalidSignatureS(_) => "that is no signature of anybody's".to_owned(),
        Token::InvalidShortString(_) | Token::StringTooLong(_) => NAME_MALFORMED.to_owned(),
    }
}
