//! Sketches as bytes, for their way between workers and to disk. `docs/format.md` describes each byte.
//!
//! Equal sketches have equal bytes. Decoding treats its input as hostile: it checks everything before it allocates
//! anything. An [`EncodedSketch`] is made only from bytes that passed.

use crate::host::{CHECK_EVERY_BYTES, OutOfMemory, Surroundings, checking, zeros};
use crate::set::threshold::HASH_BITS;
use crate::set::width::{cell, cells};
use crate::sketch::elias_fano::Layout;
pub use crate::sketch::header::{DecodeError, FORMAT_VERSION, HEADER_LEN, Header, WHOLE_FORMAT_VERSION};
use allocator_api2::alloc::Global;
use allocator_api2::vec::Vec;

impl Header {
    /// The length of the whole encoded sketch in bytes.
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + self.layout().bytes()
    }

    fn layout(&self) -> Layout {
        Layout::new(self.retained(), self.bound())
    }

    /// Writes the sketch with this header and these hashes into `bytes`.
    ///
    /// The hashes ascend, and the header has their number. The length of `bytes` is [`encoded_len`](Self::encoded_len).
    pub(crate) fn encode_into<S: Surroundings>(&self, hashes: &[u64], bytes: &mut [u8], surroundings: &S) {
        debug_assert!(hashes.len() == self.retained() && bytes.len() == self.encoded_len());
        for step in bytes.chunks_mut(CHECK_EVERY_BYTES) {
            step.fill(0);
            surroundings.check_for_interrupts();
        }
        self.encode_into_zeros(hashes, bytes, surroundings);
    }

    fn encode_into_zeros<S: Surroundings>(&self, hashes: &[u64], bytes: &mut [u8], surroundings: &S) {
        let (head, payload) = bytes.split_at_mut(HEADER_LEN);
        self.write(head);
        let dropped = HASH_BITS - self.width();
        let hashes = checking(hashes.iter().map(|hash| hash >> dropped), surroundings.clone());
        self.layout().encode(hashes, payload);
    }

    /// [Encodes](Self::encode_into) into new memory of `allocator`, after `prefix` bytes left to the caller.
    pub(crate) fn encode_in<A: Surroundings>(
        &self,
        hashes: &[u64],
        prefix: usize,
        allocator: A,
    ) -> Result<Vec<u8, A>, OutOfMemory> {
        let mut bytes = zeros(prefix + self.encoded_len(), allocator.clone())?;
        self.encode_into_zeros(hashes, &mut bytes[prefix..], &allocator);
        Ok(bytes)
    }
}

/// A sketch in its encoded form, with a valid header and the right length. Each hash is checked when it is read, for
/// callers that read only some of them.
///
/// The hashes of [format version 1](WHOLE_FORMAT_VERSION) are read as their cells at the sketch's level.
#[derive(Clone, Copy, Debug)]
pub struct FramedSketch<'a> {
    /// What the bytes say.
    stored: Header,
    layout: Layout,
    payload: &'a [u8],
}

impl<'a> FramedSketch<'a> {
    /// Checks the header of `bytes`, and that the length fits it.
    ///
    /// Complexity: constant.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let stored = Header::parse(bytes)?;
        if bytes.len() != stored.encoded_len() {
            return Err(DecodeError::Length {
                is: bytes.len(),
                should_be: stored.encoded_len(),
            });
        }
        Ok(FramedSketch {
            stored,
            layout: stored.layout(),
            payload: &bytes[HEADER_LEN..],
        })
    }

    /// As [`parse`](Self::parse), and checks all hashes too.
    pub(crate) fn parse_checked<S: Surroundings>(bytes: &'a [u8], surroundings: &S) -> Result<Self, DecodeError> {
        let framed = Self::parse(bytes)?;
        framed.check_bits()?;
        checking(framed.stored_hashes(), surroundings.clone()).try_for_each(|hash| hash.map(drop))?;
        Ok(framed)
    }

    /// All but the hashes. Of version 1, some hashes may be one when they are read, and so there may be fewer than the
    /// header says.
    pub fn header(&self) -> Header {
        self.stored.as_read()
    }

    /// What the bytes say of themselves.
    pub(crate) fn stored_header(&self) -> &Header {
        &self.stored
    }

    /// The retained hashes in ascending order, each below the threshold of the level.
    ///
    /// The first hash that breaks this rule gives its fault instead. What comes after a fault means nothing. The number
    /// of hashes is checked only at the end.
    pub fn hashes(&self) -> impl Iterator<Item = Result<u64, DecodeError>> + 'a {
        let (level, threshold) = (self.header().level(), self.header().threshold());
        let is_whole = self.stored.is_whole();
        let (mut stored, mut last) = (self.stored_hashes(), None);
        std::iter::from_fn(move || {
            loop {
                let hash = match stored.next()? {
                    Ok(hash) if is_whole => hash,
                    as_it_is => return Some(as_it_is),
                };
                if hash >= threshold {
                    return None;
                }
                let cell = cell(hash, level);
                if last.replace(cell) != Some(cell) {
                    return Some(Ok(cell));
                }
            }
        })
    }

    /// As [`hashes`](Self::hashes), but as they are stored: those of version 1 are whole.
    pub(crate) fn stored_hashes(&self) -> impl Iterator<Item = Result<u64, DecodeError>> + 'a {
        let sketch = *self;
        let (threshold, dropped) = (sketch.stored.threshold(), HASH_BITS - sketch.stored.width());
        let mut row = sketch.layout.decode(sketch.payload);
        let mut is_at_end = false;
        let mut position = 0;
        let mut before = None;
        std::iter::from_fn(move || {
            let Some(hash) = row.next().map(|hash| hash << dropped) else {
                let is_read_before = std::mem::replace(&mut is_at_end, true);
                if is_read_before || row.is_whole() {
                    return None;
                }
                return sketch.check_bits().err().map(Err);
            };
            let checked = match before.replace(hash) {
                Some(before) if before == hash => Err(DecodeError::Repeated(position)),
                Some(before) if before > hash => Err(DecodeError::Order(position)),
                _ if hash >= threshold => Err(DecodeError::NotOfLevel(position)),
                _ => Ok(hash),
            };
            position += 1;
            Some(checked)
        })
    }

    /// Checks what can be checked before any hash is read: the padding, and the number of hashes.
    fn check_bits(&self) -> Result<(), DecodeError> {
        if !self.layout.is_padded_with_zeros(self.payload) {
            return Err(DecodeError::Padding);
        }
        let ones = self.layout.ones(self.payload);
        if ones != self.stored.retained() {
            return Err(DecodeError::Count {
                is: ones,
                should_be: self.stored.retained() as u32,
            });
        }
        Ok(())
    }

    /// The hashes as they are stored, in ascending order. All must have been checked.
    pub(crate) fn checked_hashes(&self) -> impl Iterator<Item = u64> + 'a {
        let dropped = HASH_BITS - self.stored.width();
        self.layout.decode(self.payload).map(move |hash| hash << dropped)
    }
}

/// A sketch in its encoded form, known to be valid. Its bytes are exactly those that
/// [`Sketch::encode`](crate::Sketch::encode) writes for it, or those that a release before 0.3.0 wrote.
#[derive(Clone, Copy, Debug)]
pub struct EncodedSketch<'a> {
    framed: FramedSketch<'a>,
    /// What the sketch is read as.
    header: Header,
}

impl<'a> EncodedSketch<'a> {
    /// Checks all of `bytes`. Allocates nothing.
    ///
    /// Complexity: linear in the length.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::parse_in(bytes, &Global)
    }

    /// [Parses](Self::parse) where `surroundings` may stop it. They provide no memory.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse_in<S: Surroundings>(bytes: &'a [u8], surroundings: &S) -> Result<Self, DecodeError> {
        Ok(Self::of_checked(
            FramedSketch::parse_checked(bytes, surroundings)?,
            surroundings,
        ))
    }

    /// The sketch whose bits and hashes have all been checked.
    pub(crate) fn of_checked<S: Surroundings>(framed: FramedSketch<'a>, surroundings: &S) -> Self {
        let mut header = framed.header();
        if framed.stored.is_whole() {
            let retained = cells(checking(framed.checked_hashes(), surroundings.clone()), header.level()).count();
            header = header.with_retained(retained);
        }
        EncodedSketch { framed, header }
    }

    /// All but the hashes.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The retained hashes in ascending order.
    pub fn hashes(&self) -> impl Iterator<Item = u64> + 'a {
        cells(self.uncut_hashes(), self.header.level())
    }

    /// As [`hashes`](Self::hashes), for whoever cuts them. Those of version 1 are whole.
    pub(crate) fn uncut_hashes(&self) -> impl Iterator<Item = u64> + 'a {
        self.framed.checked_hashes()
    }
}
