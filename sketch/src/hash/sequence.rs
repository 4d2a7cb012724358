//! Bytes that come in pieces, hashed as one row of bytes.

use crate::hash::function::{bytes, mixed};
use xxhash_rust::xxh3::Xxh3;

/// The hash of bytes that come in pieces: that of [`bytes`] of all pieces, one after the other.
///
/// Whoever writes the pieces lets them tell where they end. Then different sequences have different bytes. So values
/// that are swapped, repeated or moved between neighbours have different hashes. They would not if the hashes of the
/// parts were added, or combined by exclusive or.
///
/// Allocates nothing.
pub(crate) struct Sequence {
    seed: u64,
    length: usize,
    buffer: [u8; Sequence::ROOM],
    /// What did not fit into the buffer. Most sequences are short and need no more.
    long: Option<Xxh3>,
}

impl Sequence {
    const ROOM: usize = 256;

    /// The sequence of no bytes.
    #[inline]
    pub(crate) fn new(seed: u64) -> Self {
        Sequence {
            seed,
            length: 0,
            buffer: [0; Self::ROOM],
            long: None,
        }
    }

    /// The seed that the sequence is hashed under, and so what is inside.
    #[inline]
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Adds a piece of fixed length, so that no byte has to say the length.
    #[inline]
    pub(crate) fn push<const N: usize>(&mut self, piece: &[u8; N]) {
        const { assert!(N <= Self::ROOM) }
        if self.length + N > Self::ROOM {
            self.spill();
        }
        if let Some(place) = self.buffer.get_mut(self.length..self.length + N) {
            place.copy_from_slice(piece);
            self.length += N;
        }
    }

    /// Adds a word, a hash or a value of eight bytes, after a mark that says which.
    #[inline]
    pub(crate) fn push_word(&mut self, mark: u8, word: u64) {
        let mut piece = [mark; 1 + size_of::<u64>()];
        piece[1..].copy_from_slice(&word.to_le_bytes());
        self.push(&piece);
    }

    /// Adds the hash of a text, after a mark.
    #[inline(always)]
    pub(crate) fn push_text(&mut self, mark: u8, text: &[u8]) {
        self.push_word(mark, bytes(text, self.seed));
    }

    #[cold]
    fn spill(&mut self) {
        let (seed, buffer) = (self.seed, &self.buffer[..self.length.min(Self::ROOM)]);
        self.long
            .get_or_insert_with(|| Xxh3::with_seed(mixed(seed)))
            .update(buffer);
        self.length = 0;
    }

    /// The hash of all bytes added.
    #[inline]
    pub(crate) fn finish(mut self) -> u64 {
        if self.long.is_some() {
            self.spill();
        }
        match &self.long {
            Some(long) => long.digest(),
            None => bytes(&self.buffer[..self.length.min(Self::ROOM)], self.seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sequence_is_its_bytes(
            pieces in proptest::collection::vec((any::<u8>(), any::<u64>()), 0..200),
            seed: u64,
        ) {
            let mut sequence = Sequence::new(seed);
            let mut all = Vec::new();
            for (mark, hash) in pieces {
                sequence.push_word(mark, hash);
                all.push(mark);
                all.extend(hash.to_le_bytes());
            }
            prop_assert_eq!(sequence.finish(), bytes(&all, seed));
        }
    }
}
