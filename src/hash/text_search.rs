//! The tokens of a `tsvector` and of a `tsquery`, read from their bytes.
//!
//! (PostgreSQL's `src/include/tsearch/ts_type.h`. The layouts are those of the disk.) What goes in is what their `=`
//! compares, no less and no more: `silly_cmp_tsvector` in `tsvector_op.c`, `CompareTSQ` in `tsquery_op.c`.
#![forbid(unsafe_code)]

use cvm_sketch::hash::{QueryTokens, VectorTokens};

/// How many tokens are read before the next look at interrupts.
const UNCHECKED: usize = 1_024;

/// The hash of the `tsvector` in the bytes after the varlena's header; `None` if they are none. It does not panic.
/// It calls `check` at times in long ones.
///
/// An entry of 32 bits for each lexeme says where its bytes are, how many, and whether positions follow. These are
/// aligned to two bytes: their number, then they themselves, two bytes each. Two vectors that differ only in the room
/// they take are not equal. Their padding may differ if somebody sent the lexemes in another order than theirs.
pub(crate) fn hash_vector(bytes: &[u8], seed: u64, check: fn()) -> Option<u64> {
    const HAS_POSITIONS: u32 = 1;
    const LENGTH_BITS: u32 = 11;
    let (&count, rest) = bytes.split_first_chunk()?;
    let (entries, data) = rest.split_at_checked(4 * usize::try_from(i32::from_le_bytes(count)).ok()?)?;

    let mut tokens = VectorTokens::new(bytes.len() as u32, seed);
    for (index, &entry) in entries.as_chunks().0.iter().enumerate() {
        if index.is_multiple_of(UNCHECKED) {
            check();
        }
        let entry = u32::from_le_bytes(entry);
        let length = (entry >> 1 & ((1 << LENGTH_BITS) - 1)) as usize;
        let start = (entry >> (1 + LENGTH_BITS)) as usize;
        let lexeme = data.get(start..start + length)?;
        if entry & HAS_POSITIONS == 0 {
            tokens.lexeme(lexeme);
            continue;
        }
        let positions = data.get((start + length).next_multiple_of(2)..)?;
        let (&count, positions) = positions.split_first_chunk()?;
        let positions = positions.get(..2 * usize::from(u16::from_le_bytes(count)))?;
        tokens.placed_lexeme(lexeme, positions.as_chunks().0);
    }
    Some(tokens.finish())
}

/// The hash of the `tsquery` in the bytes after the varlena's header; `None` if they are none. It does not panic.
/// It calls `check` at times in long ones.
///
/// It is a tree in Polish notation: an operator stands before its right operand, and that before the left one. So the
/// order tells the tree, however deep, and an operator's offset of its left operand adds nothing. Of an operand, `=`
/// compares the word, but neither the weights nor whether it is a prefix. It also compares a checksum of the word.
pub(crate) fn hash_query(bytes: &[u8], seed: u64, check: fn()) -> Option<u64> {
    const ITEM_LEN: usize = 12;
    const OPERAND: u8 = 1;
    const OPERATOR: u8 = 2;
    const NOT: u8 = 1;
    const AND: u8 = 2;
    const OR: u8 = 3;
    const PHRASE: u8 = 4;
    const LENGTH_BITS: u32 = 12;
    let (&count, rest) = bytes.split_first_chunk()?;
    let count = usize::try_from(i32::from_le_bytes(count)).ok()?;
    let (items, words) = rest.split_at_checked(ITEM_LEN * count)?;

    let mut tokens = QueryTokens::new(seed);
    for (index, item) in items.as_chunks::<ITEM_LEN>().0.iter().enumerate() {
        if index.is_multiple_of(UNCHECKED) {
            check();
        }
        let &[kind, operator, distance @ .., _, _, _, _, _, _, _, _] = item;
        match (kind, operator) {
            (OPERAND, _) => {
                let place = u32::from_le_bytes(*item.last_chunk()?);
                let length = (place & ((1 << LENGTH_BITS) - 1)) as usize;
                let start = (place >> LENGTH_BITS) as usize;
                tokens.word(words.get(start..start + length)?);
            }
            (OPERATOR, NOT) => tokens.not(),
            (OPERATOR, AND) => tokens.and(),
            (OPERATOR, OR) => tokens.or(),
            (OPERATOR, PHRASE) => tokens.followed_by(u16::from_le_bytes(distance)),
            _ => return None,
        }
    }
    Some(tokens.finish())
}
