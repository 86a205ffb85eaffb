//! Messages of as many blocks, padded, word by word.
//!
//! Invariant: all have the same number of blocks, so that they can go through the sponge together. Source: Keccak's pad10*1 without
//! the suffix that SHA-3 added: a bit behind the message, and the last bit of the block.

/// Bytes that a block takes in.
pub(super) const RATE_BYTES: usize = 136;
/// The same in words.
pub(super) const RATE_WORDS: usize = RATE_BYTES / 8;

/// `L` messages.
#[derive(Debug)]
pub(super) struct Padded<'a, const L: usize> {
    messages: [&'a [u8]; L],
    /// Blocks before the last, padded one.
    whole: usize,
    last: [[u8; RATE_BYTES]; L],
}

/// Blocks of a message that are full before padding.
const fn whole_blocks(message: &[u8]) -> usize {
    message.len() / RATE_BYTES
}

impl<'a, const L: usize> Padded<'a, L> {
    /// The first messages that have as many blocks, at most `L`, and how many they are. Places that are left repeat the first.
    pub(super) fn first_of<M: AsRef<[u8]>>(messages: &'a [M]) -> Option<(Self, usize)> {
        let first = messages.first()?.as_ref();
        let whole = whole_blocks(first);
        let alike = messages.iter().take(L).map(AsRef::as_ref);
        let alike = alike.take_while(|message| whole_blocks(message) == whole);
        let mut taken = [first; L];
        let count = taken.iter_mut().zip(alike).map(|(place, message)| *place = message).count();
        let last = taken.map(|message| {
            let end = &message[whole * RATE_BYTES..];
            let mut block = [0; RATE_BYTES];
            block[..end.len()].copy_from_slice(end);
            block[end.len()] = 1;
            block[RATE_BYTES - 1] |= 0x80;
            block
        });
        Some((Self { messages: taken, whole, last }, count))
    }

    /// Blocks of each message, the padded one included.
    pub(super) const fn blocks(&self) -> usize {
        self.whole + 1
    }

    /// The words of a block, each of all messages.
    #[inline(always)]
    pub(super) fn block(&self, nth: usize) -> [[u64; L]; RATE_WORDS] {
        let blocks: [&[u8; RATE_BYTES]; L] = core::array::from_fn(|lane| {
            let block = self.messages[lane].get(nth * RATE_BYTES..);
            block.and_then(<[u8]>::first_chunk).unwrap_or(&self.last[lane])
        });
        core::array::from_fn(|word| {
            let bytes = |lane: usize| core::array::from_fn(|at| blocks[lane][8 * word + at]);
            core::array::from_fn(|lane| u64::from_le_bytes(bytes(lane)))
        })
    }
}
