//! The keys that a batch's claims name.
//!
//! Invariant: each key has one number, however often it comes.

use std::collections::BTreeMap;

use secp256k1::PublicKey;

use crate::field::Field;
use crate::point::Affine;

/// The keys of a batch, each once.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// In the order they came, x and y each.
    pub(crate) order: Vec<[u8; 64]>,
    numbers: BTreeMap<[u8; 64], usize>,
    last: Option<(PublicKey, usize)>,
}

impl Keys {
    /// The number of a key.
    pub(crate) fn number(&mut self, key: PublicKey) -> usize {
        // Claims often come sorted by key.
        if let Some((last, number)) = self.last
            && last.eq_fast_unstable(&key)
        {
            return number;
        }
        let [_, bytes @ ..] = key.serialize_uncompressed();
        let number = *self.numbers.entry(bytes).or_insert(self.order.len());
        if number == self.order.len() {
            self.order.push(bytes);
        }
        self.last = Some((key, number));
        number
    }
}

/// The point of a key.
pub(crate) fn point_of<F: Field>(key: &[u8; 64]) -> Affine<F> {
    let [x, y] = [0, 32].map(|start| core::array::from_fn(|i| key[start + i]));
    Affine::of_key(&x, &y).unwrap_or(Affine::NONE)
}
