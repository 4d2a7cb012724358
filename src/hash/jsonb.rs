//! The tokens of a `jsonb`, read from its bytes.
//!
//! (PostgreSQL's `src/include/utils/jsonb.h`. The layout is that of the disk, and has been the same since 9.4.) A
//! container is a header, an entry of 32 bits for each child, and the children's bytes. The children of an object are
//! all keys, then all values in the same order. That order depends on nothing but the keys.
#![forbid(unsafe_code)]

use crate::hash::numeric;
use allocator_api2::vec::Vec;
use cvm_sketch::hash::JsonTokens;
use cvm_sketch::{OutOfMemory, Surroundings};

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

/// How many containers inside of one another recursion reads. A list in memory has those further in.
const NEAR: usize = 16;

/// The hash of the document in the bytes after the varlena's header; `None` if they are none. It does not panic.
///
/// It uses little of the stack for any document. For more than [`NEAR`] containers inside of one another, `allocator`
/// gives memory for a list of them. It calls `check` before each container in another, and at times in long ones.
pub(crate) fn hash<A: Surroundings>(
    bytes: &[u8],
    seed: u64,
    check: fn(),
    allocator: A,
) -> Option<Result<u64, OutOfMemory>> {
    let mut document = Document {
        tokens: JsonTokens::new(seed),
        seed,
        check,
        allocator,
        is_out_of_memory: false,
    };
    match document.container(bytes, 0) {
        Some(()) => Some(Ok(document.tokens.finish())),
        None => document.is_out_of_memory.then_some(Err(OutOfMemory)),
    }
}

/// A document while it is read.
struct Document<A: Surroundings> {
    tokens: JsonTokens,
    seed: u64,
    check: fn(),
    allocator: A,
    is_out_of_memory: bool,
}

impl<A: Surroundings> Document<A> {
    /// Reads a container inside of so many others.
    fn container(&mut self, bytes: &[u8], depth: usize) -> Option<()> {
        let mut container = self.open(bytes)?;
        while let Some(child) = self.children(&mut container.children)? {
            (self.check)();
            match depth < NEAR {
                true => self.container(child, depth + 1)?,
                false => self.deep_container(child)?,
            }
        }
        self.close(&container);
        Some(())
    }

    /// The same without recursion.
    fn deep_container(&mut self, bytes: &[u8]) -> Option<()> {
        let mut container = self.open(bytes)?;
        let mut parents = Vec::new_in(self.allocator.clone());
        loop {
            if let Some(child) = self.children(&mut container.children)? {
                (self.check)();
                if parents.try_reserve(1).is_err() {
                    self.is_out_of_memory = true;
                    return None;
                }
                parents.push(std::mem::replace(&mut container, self.open(child)?));
            } else {
                self.close(&container);
                let Some(parent) = parents.pop() else {
                    return Some(());
                };
                container = parent;
            }
        }
    }

    /// Begins to read a container: of an object, its keys.
    #[inline(always)] // As `children` is. Then the compiler keeps what is left to read in registers.
    fn open<'a>(&mut self, bytes: &'a [u8]) -> Option<Container<'a>> {
        let (&header, rest) = bytes.split_first_chunk()?;
        let header = u32::from_le_bytes(header);
        let count = (header & COUNT) as usize;
        match header & (IS_SCALAR | IS_OBJECT | IS_ARRAY) {
            IS_OBJECT => {
                let mut children = Children::new(rest, 2 * count)?;
                self.tokens.begin_object();
                for _ in 0..count {
                    self.pause(&children);
                    let (_, key) = children.next()?;
                    self.tokens.key(key);
                }
                Some(Container {
                    children,
                    end: Some(End::Object),
                })
            }
            IS_ARRAY => {
                let children = Children::new(rest, count)?;
                self.tokens.begin_array();
                Some(Container {
                    children,
                    end: Some(End::Array),
                })
            }
            // PostgreSQL keeps a document that is a scalar as an array of one element.
            kind if kind == IS_SCALAR | IS_ARRAY => Some(Container {
                children: Children::new(rest, count)?,
                end: None,
            }),
            _ => None,
        }
    }

    /// Reads children up to one that is a container, whose bytes are the result, or up to the end.
    #[inline(always)]
    fn children<'a>(&mut self, children: &mut Children<'a>) -> Option<Option<&'a [u8]>> {
        while children.remaining() > 0 {
            self.pause(children);
            let (kind, child) = children.next()?;
            match kind {
                NULL => self.tokens.null(),
                FALSE => self.tokens.boolean(false),
                TRUE => self.tokens.boolean(true),
                STRING => self.tokens.string(child),
                NUMERIC => self.tokens.number(numeric::hash(varlena_bytes(child)?, self.seed)?),
                CONTAINER => return Some(Some(child)),
                _ => return None,
            }
        }
        Some(None)
    }

    fn close(&mut self, container: &Container<'_>) {
        match container.end {
            Some(End::Object) => self.tokens.end_object(),
            Some(End::Array) => self.tokens.end_array(),
            None => {}
        }
    }

    fn pause(&self, children: &Children<'_>) {
        if children.remaining().is_multiple_of(UNCHECKED) {
            (self.check)();
        }
    }
}

/// A container that is being read.
struct Container<'a> {
    children: Children<'a>,
    /// What ends with it. A document that is a scalar has no such token.
    end: Option<End>,
}

enum End {
    Object,
    Array,
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
        // Numbers and containers are aligned. Padding in front of them counts as a part of them.
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
