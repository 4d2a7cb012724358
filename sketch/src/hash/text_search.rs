//! Documents to be searched and queries for them, as PostgreSQL's `tsvector` and `tsquery` compare them.

use crate::hash::sequence::Sequence;

/// The hash of a `tsvector`, as its lexemes come, in the order of their bytes. Neither allocates nor panics.
pub struct VectorTokens(Sequence);

impl VectorTokens {
    /// A vector that takes so many bytes in the server, since its `=` compares that too. `docs/hashes.md` says how many
    /// these are.
    #[inline]
    pub fn new(stored: u32, seed: u64) -> Self {
        let mut sequence = Sequence::new(seed);
        sequence.push(&stored.to_le_bytes());
        VectorTokens(sequence)
    }

    /// Adds a lexeme without positions.
    #[inline]
    pub fn lexeme(&mut self, lexeme: &[u8]) {
        self.0.push_text(b'l', lexeme);
    }

    /// Adds a lexeme with positions. Each is an integer of two bytes, little-endian, with its weight in the upper two
    /// bits.
    #[inline]
    pub fn placed_lexeme(&mut self, lexeme: &[u8], positions: &[[u8; 2]]) {
        self.0.push_text(b'p', lexeme);
        self.0.push(&(positions.len() as u16).to_le_bytes());
        positions.iter().for_each(|position| self.0.push(position));
    }

    /// The hash of the vector, after its last lexeme.
    #[inline]
    pub fn finish(self) -> u64 {
        self.0.finish()
    }
}

/// The hash of a `tsquery`, as its tokens come.
///
/// An operator comes before its right operand, and that before the left one. So the order tells the tree. Neither
/// allocates nor panics.
pub struct QueryTokens(Sequence);

impl QueryTokens {
    /// A query without tokens.
    #[inline]
    pub fn new(seed: u64) -> Self {
        QueryTokens(Sequence::new(seed))
    }

    /// Adds a word.
    #[inline]
    pub fn word(&mut self, word: &[u8]) {
        self.0.push_text(b'v', word);
    }

    /// Adds the operator of one operand, that this is not there.
    #[inline]
    pub fn not(&mut self) {
        self.0.push(b"!");
    }

    /// Adds the operator that both operands are there.
    #[inline]
    pub fn and(&mut self) {
        self.0.push(b"&");
    }

    /// Adds the operator that either operand is there.
    #[inline]
    pub fn or(&mut self) {
        self.0.push(b"|");
    }

    /// Adds the operator that the right operand follows the left one at a distance.
    #[inline]
    pub fn followed_by(&mut self, distance: u16) {
        self.0.push(b"<");
        self.0.push(&distance.to_le_bytes());
    }

    /// The hash of the query, after its last token.
    #[inline]
    pub fn finish(self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::function::bytes;

    #[test]
    fn a_vector_of_docs_hashes_md() {
        // a:1A b
        let mut vector = VectorTokens::new(19, 0);
        vector.placed_lexeme(b"a", &[(3_u16 << 14 | 1).to_le_bytes()]);
        vector.lexeme(b"b");
        assert_eq!(vector.finish(), -8_288_593_324_499_226_525_i64 as u64);
    }

    #[test]
    fn a_query_of_docs_hashes_md() {
        // !a <2> b
        let mut query = QueryTokens::new(0);
        query.followed_by(2);
        query.word(b"b");
        query.not();
        query.word(b"a");
        assert_eq!(query.finish(), 1_170_976_351_452_566_151);
    }

    #[test]
    fn operators_are_their_bytes() {
        let mut query = QueryTokens::new(3);
        query.and();
        query.or();
        assert_eq!(query.finish(), bytes(b"&|", 3));
    }
}
