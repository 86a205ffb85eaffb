//! How texts that are no plain strings look, for the OpenAPI description.

use utoipa::ToSchema;

/// An Ethereum address: 20 bytes as hex with `0x`.
#[derive(Debug, ToSchema)]
#[schema(
    title = "Address",
    pattern = "^0x[0-9a-fA-F]{40}$",
    example = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
)]
pub struct AddressText(pub String);

/// 32 bytes as hex with `0x`.
#[derive(Debug, ToSchema)]
#[schema(title = "Word", pattern = "^0x[0-9a-fA-F]{64}$")]
pub struct WordText(pub String);

/// A stream's name: 1 to 255 bytes of printable ASCII without `#` or spaces. Capitals of an owner's address have to be its checksum.
#[derive(Debug, ToSchema)]
#[schema(title = "StreamId", pattern = r#"^[!"$-~]{1,255}$"#)]
pub struct StreamIdText(pub String);

/// Bytes as hex with `0x`.
#[derive(Debug, ToSchema)]
#[schema(title = "Hex", pattern = "^0x([0-9a-fA-F]{2})*$", max_length = 262_146)]
pub struct HexText(pub String);

/// A whole number in decimal, of at most 256 bits: JSON numbers stop being exact at 2^53.
#[derive(Debug, ToSchema)]
#[schema(title = "Decimal", pattern = "^(0|[1-9][0-9]{0,77})$", example = "10000000000000000000")]
pub struct DecimalText(pub String);

/// An amount as it is asked for: a whole number in decimal, of which the token has fewer in all.
#[derive(Debug, ToSchema)]
#[schema(title = "Amount", pattern = "^(0|[1-9][0-9]{0,37})$", example = "10000000000000000000")]
pub struct AmountText(pub String);

/// A number of bytes as it is asked for: a whole number in decimal.
#[derive(Debug, ToSchema)]
#[schema(title = "Bytes", pattern = "^(0|[1-9][0-9]{0,18})$", example = "500000000000")]
pub struct BytesText(pub String);

/// An epoch's number, or another count that starts at 0.
#[derive(Debug, ToSchema)]
#[schema(title = "Number", minimum = 0, maximum = 9_223_372_036_854_775_807_u64)]
pub struct Number(pub u64);

/// An operator's id.
#[derive(Debug, ToSchema)]
#[schema(title = "OperatorId", minimum = 0, maximum = 4_294_967_295_u64)]
pub struct OperatorNumber(pub u64);

/// A secp256k1 signature: 65 bytes `r ‖ s ‖ v` as hex with `0x`.
#[derive(Debug, ToSchema)]
#[schema(title = "Signature", pattern = "^0x[0-9a-fA-F]{130}$")]
pub struct SignatureText(pub String);
