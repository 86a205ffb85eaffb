//! One file per subcommand.

pub(crate) mod key;
pub(crate) mod operator;
pub(crate) mod session;
pub(crate) mod stake;
