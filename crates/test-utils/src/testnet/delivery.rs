//! Did every record reach every subscriber of its stream, once and unchanged?

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;

use super::RecordedStream;

/// What the subscribers printed, against what was published.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Records published on all streams.
    pub published: usize,
    /// Records that reached a subscriber, counted for each.
    pub delivered: usize,
    /// Records that did not reach a subscriber, counted for each.
    pub lost: usize,
    /// Lines that nobody published, or that came twice.
    pub surplus: usize,
    /// Whether every subscriber got exactly its stream's records, in their order.
    pub in_order: bool,
}

/// Compares what each subscriber wrote to its file with its stream's records.
pub fn compare(streams: &[RecordedStream], out: &Path) -> anyhow::Result<Delivery> {
    let mut delivery = Delivery { in_order: true, ..Delivery::default() };
    for stream in streams {
        delivery.published += stream.records.len();
        for file in files(stream, out)? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("reading {}", file.display()))?;
            delivery.add(stream, text.lines());
        }
    }
    Ok(delivery)
}

impl Delivery {
    fn add<'a>(&mut self, stream: &RecordedStream, lines: impl Iterator<Item = &'a str> + Clone) {
        let mut missing: HashMap<&str, usize> = HashMap::new();
        for record in &stream.records {
            *missing.entry(record).or_default() += 1;
        }
        for line in lines.clone() {
            match missing.get_mut(line) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    self.delivered += 1;
                }
                _ => self.surplus += 1,
            }
        }
        self.lost += missing.values().sum::<usize>();
        self.in_order &= lines.eq(stream.records.iter().map(String::as_str));
    }
}

/// Where a subscriber's messages go.
pub(super) fn file(out: &Path, subscriber: &str) -> std::path::PathBuf {
    out.join("received").join(format!("{subscriber}.jsonl"))
}

fn files(stream: &RecordedStream, out: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let folder = out.join("received");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("looking into {}", folder.display()))?;
    let prefix = format!("{}-subscriber-", stream.name);
    let of_stream =
        |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&prefix);
    Ok(entries.flatten().filter(of_stream).map(|entry| entry.path()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(lines: &[&str]) -> Delivery {
        let records = ["a", "b", "b", "c"].map(str::to_owned).to_vec();
        let stream = RecordedStream::new("s", records).unwrap();
        let mut delivery = Delivery { in_order: true, ..Delivery::default() };
        delivery.add(&stream, lines.iter().copied());
        delivery
    }

    #[test]
    fn losses_and_surplus_are_told_apart() {
        let all = compared(&["a", "b", "b", "c"]);
        assert_eq!((all.delivered, all.lost, all.surplus, all.in_order), (4, 0, 0, true));
        let swapped = compared(&["b", "a", "b", "c"]);
        assert_eq!((swapped.lost, swapped.surplus, swapped.in_order), (0, 0, false));
        let wrong = compared(&["a", "b", "d", "a"]);
        assert_eq!((wrong.delivered, wrong.lost, wrong.surplus), (2, 2, 2));
    }
}
