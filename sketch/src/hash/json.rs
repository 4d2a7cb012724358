//! JSON documents, as PostgreSQL's `jsonb` compares them.

use crate::hash::sequence::Sequence;
use std::cmp::Ordering;

/// The hash of a JSON document, as its tokens come.
///
/// Of an object all keys come first, in the order of [`compare_keys`] and each once, then their values in that order.
/// A document that is a scalar is its one token.
///
/// Neither allocates nor panics.
///
/// ```
/// use cvm_sketch::hash::{JsonTokens, scaled_decimal};
///
/// // {"bb": 1.0, "a": "x"}
/// let mut document = JsonTokens::new(0);
/// document.begin_object();
/// document.key(b"a");
/// document.key(b"bb");
/// document.string(b"x");
/// document.number(scaled_decimal(1, 0, 0));
/// document.end_object();
/// assert_eq!(document.finish(), 4_170_241_090_591_624_191);
/// ```
pub struct JsonTokens(Sequence);

/// The order of the keys of an object: shorter ones first, those of one length by their bytes.
pub fn compare_keys(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl JsonTokens {
    /// A document without tokens.
    #[inline]
    pub fn new(seed: u64) -> Self {
        JsonTokens(Sequence::new(seed))
    }

    /// Adds a null.
    #[inline(always)]
    pub fn null(&mut self) {
        self.0.push(b"n");
    }

    /// Adds a truth value.
    #[inline(always)]
    pub fn boolean(&mut self, value: bool) {
        self.0.push(if value { b"t" } else { b"f" });
    }

    /// Adds a number by its hash as a decimal, under the same seed.
    #[inline(always)]
    pub fn number(&mut self, hash: u64) {
        self.0.push_word(b'd', hash);
    }

    /// Adds a string.
    #[inline(always)]
    pub fn string(&mut self, string: &[u8]) {
        self.0.push_text(b's', string);
    }

    /// Begins an array. Its elements follow.
    #[inline(always)]
    pub fn begin_array(&mut self) {
        self.0.push(b"[");
    }

    /// Ends an array.
    #[inline(always)]
    pub fn end_array(&mut self) {
        self.0.push(b"]");
    }

    /// Begins an object. Its keys follow, then its values.
    #[inline(always)]
    pub fn begin_object(&mut self) {
        self.0.push(b"{");
    }

    /// Adds a key.
    #[inline(always)]
    pub fn key(&mut self, key: &[u8]) {
        self.0.push_text(b'k', key);
    }

    /// Ends an object.
    #[inline(always)]
    pub fn end_object(&mut self) {
        self.0.push(b"}");
    }

    /// The hash of the document, after its last token.
    #[inline]
    pub fn finish(self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::decimal::scaled_decimal;
    use crate::hash::function::bytes;

    /// The hashes are those of docs/hashes.md.
    fn assert_hash(hash: i64, put: impl Fn(&mut JsonTokens)) {
        let mut document = JsonTokens::new(0);
        put(&mut document);
        assert_eq!(document.finish(), hash as u64);
    }

    #[test]
    fn documents_of_docs_hashes_md() {
        assert_hash(-3_771_184_802_297_902_326, JsonTokens::null);
        assert_hash(-9_002_321_747_907_662_742, |document| {
            document.begin_array();
            document.end_array();
        });
        assert_hash(-2_259_512_298_129_292_633, |document| {
            document.begin_array();
            document.number(scaled_decimal(1, 0, 0));
            document.begin_array();
            document.boolean(true);
            document.end_array();
            document.end_array();
        });
        assert_hash(4_170_241_090_591_624_191, |document| {
            document.begin_object();
            document.key(b"a");
            document.key(b"bb");
            document.string(b"x");
            document.number(scaled_decimal(10, 1, 0));
            document.end_object();
        });
    }

    #[test]
    fn tokens_are_their_bytes() {
        let mut document = JsonTokens::new(3);
        document.boolean(false);
        document.string(b"x");
        let mut all = b"fs".to_vec();
        all.extend(bytes(b"x", 3).to_le_bytes());
        assert_eq!(document.finish(), bytes(&all, 3));
    }

    #[test]
    fn keys_are_in_the_order_of_their_length() {
        let mut keys = ["b", "aa", "", "é", "a", "ab", "z"];
        keys.sort_by(|a, b| compare_keys(a.as_bytes(), b.as_bytes()));
        assert_eq!(keys, ["", "a", "b", "z", "aa", "ab", "é"]);
    }
}
