//! Numbers of bytes as people type and read them: whole numbers with a unit, decimal (kB) or binary (KiB).
//!
//! Invariant: what is printed with a unit is exact, or says that it is not.

const UNITS: [(&str, u64); 11] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("kB", 1_000),
    ("B", 1),
    ("", 1),
];

/// Parses "500GiB", "2MB" or "1024" as a number of bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
    number.checked_mul(*bytes).ok_or_else(|| "that is more bytes than anybody can count".to_owned())
}

/// Prints a number of bytes with the largest binary unit of which there are at least ten.
pub(crate) fn format_bytes(bytes: u64) -> String {
    let unit = UNITS.iter().take(4).find(|(_, size)| bytes / size >= 10);
    let Some((name, size)) = unit else { return format!("{bytes} bytes") };
    let about = if bytes.is_multiple_of(*size) { "" } else { "about " };
    format!("{about}{} {name}", bytes / size)
}

fn wrong() -> String {
    "a number of bytes looks like 1024, 64KiB or 500GiB".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_are_read_with_their_unit() {
        assert_eq!(parse_bytes("500GiB"), Ok(500 << 30));
        assert_eq!(parse_bytes("2 MB"), Ok(2_000_000));
        assert_eq!(parse_bytes("1024"), Ok(1024));
        assert_eq!(parse_bytes("7B"), Ok(7));
        for wrong in ["", "GiB", "-1", "1.5GB", "1 gib", "1e3", "20000000TiB"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_printed_says_whether_it_is_exact() {
        assert_eq!(format_bytes(500 << 30), "500 GiB");
        assert_eq!(format_bytes((500 << 30) + 1), "about 500 GiB");
        assert_eq!(format_bytes(3 << 20), "3072 KiB");
        assert_eq!(format_bytes(9), "9 bytes");
    }
}
