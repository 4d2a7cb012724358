//! The tokens of a `jsonb`, read from its bytes.
//!
//! (PostgreSQL's `src/include/utils/jsonb.h`. The layout is that of the disk, and has been the same since 9.4.) A container
//! is a header, an entry of 32 bits for each child, and the children's bytes. Of an object the children are all keys, in the
//! order in which jsonb keeps them, which depends on nothing but the keys; then all values, in the same order.
#![forbid(unsafe_code)]

use crate::numeric;
use cvm_sketch::hash::{self, Sequence};

const COUNT: u32 = 0x0FFF_FFFF;
const IS_SCALAR: u32 = 0x1000_0000;
const IS_OBJECT: u32 = 0x2000_0000;
const IS_ARRAY: u32 = 0x4000_0000;

/// An entry's low bits are where its child ends, counted from the first child's start, or how long it is.
const END_OR_LENGTH: u32 = 0x0FFF_FFFF;
const HAS_END: u32 = 0x8000_0000;
const KIND: u32 = 0x7000_0000;
const STRING: u32 = 0x0000_0000;
const NUMERIC: u32 = 0x1000_0000;
const FALSE: u32 = 0x2000_0000;
const TRUE: u32 = 0x3000_0000;
const NULL: u32 = 0x4000_0000;
const CONTAINER: u32 = 0x5000_0000;

/// How many children are read before the next look at interrupts.
const UNCHECKED: usize = 1_024;

/// The hash of the document in the bytes after the varlena's header; `None` if they are none. Allocates nothing and does not
/// panic. `check` is called before each container in another, which is read deeper in the stack, and at times in long ones.
pub(crate) fn hash(bytes: &[u8], seed: u64, check: fn()) -> Option<u64> {
    let mut document = Document {
        tokens: Sequence::new(seed),
        seed,
        check,
    };
    document.container(bytes)?;
    Some(document.tokens.finish())
}

/// A document while it is read.
struct Document {
    tokens: Sequence,
    seed: u64,
    check: fn(),
}

impl Document {
    fn container(&mut self, bytes: &[u8]) -> Option<()> {
        let (&header, rest) = bytes.split_first_chunk()?;
        let header = u32::from_le_bytes(header);
        let count = (header & COUNT) as usize;
        match header & (IS_SCALAR | IS_OBJECT | IS_ARRAY) {
            IS_OBJECT => {
                let mut children = Children::new(rest, 2 * count)?;
                self.tokens.push(b"{");
                for i in 0..count {
                    self.pause(i);
                    let (_, key) = children.next()?;
                    self.tokens.push_word(b'k', hash::bytes(key, self.seed));
                }
                self.children(children)?;
                self.tokens.push(b"}");
            }
            IS_ARRAY => {
                let children = Children::new(rest, count)?;
                self.tokens.push(b"[");
                self.children(children)?;
                self.tokens.push(b"]");
            }
            // A document that is a scalar is kept as an array of one element.
            kind if kind == IS_SCALAR | IS_ARRAY => self.children(Children::new(rest, count)?)?,
            _ => return None,
        }
        Some(())
    }

    fn children(&mut self, mut children: Children<'_>) -> Option<()> {
        for i in 0..children.remaining() {
            self.pause(i);
            let (kind, child) = children.next()?;
            match kind {
                NULL => self.tokens.push(b"n"),
                FALSE => self.tokens.push(b"f"),
                TRUE => self.tokens.push(b"t"),
                STRING => self.tokens.push_word(b's', hash::bytes(child, self.seed)),
                NUMERIC => {
                    let number = numeric::hash(varlena_bytes(child)?, self.seed)?;
                    self.tokens.push_word(b'd', number);
                }
                CONTAINER => {
                    (self.check)();
                    self.container(child)?;
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn pause(&self, position: usize) {
        if position % UNCHECKED == UNCHECKED - 1 {
            (self.check)();
        }
    }
}

/// The children of a container that have not been read yet.
struct Children<'a> {
    entries: &'a [[u8; 4]],
    data: &'a [u8],
    position: usize,
}

impl<'a> Children<'a> {
    fn new(bytes: &'a [u8], count: usize) -> Option<Self> {
        let (entries, data) = bytes.split_at_checked(4 * count)?;
        Some(Children {
            entries: entries.as_chunks().0,
            data,
            position: 0,
        })
    }

    fn remaining(&self) -> usize {
        self.entries.len()
    }

    /// The kind and the bytes of the next child.
    fn next(&mut self) -> Option<(u32, &'a [u8])> {
        let (&entry, rest) = self.entries.split_first()?;
        let entry = u32::from_le_bytes(entry);
        let end_or_length = (entry & END_OR_LENGTH) as usize;
        let end = if entry & HAS_END == 0 {
            self.position + end_or_length
        } else {
            end_or_length
        };
        let kind = entry & KIND;
        // Numbers and containers are aligned, and padding in front of them counts as a part of them.
        let start = match kind {
            NUMERIC | CONTAINER => self.position.next_multiple_of(4),
            _ => self.position,
        };
        let child = self.data.get(start..end)?;
        self.entries = rest;
        self.position = end;
        Some((kind, child))
    }
}

/// The bytes after the header of a varlena that is neither compressed nor stored out of line.
fn varlena_bytes(varlena: &[u8]) -> Option<&[u8]> {
    match varlena.first()? & 3 {
        0 => varlena.get(4..),
        1 | 3 if varlena[0] != 1 => varlena.get(1..),
        _ => None,
    }
}
