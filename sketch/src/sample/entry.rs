//! What some rows say of one value, in whichever form it comes to a sample.

use crate::host::OutOfMemory;
use crate::sample::codec::{EncodedMeasures, write_value};
use crate::sample::measures::Measures;
use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

/// A value, and what some of its rows say of it.
pub(crate) struct Entry<'a, A: Allocator> {
    pub(crate) hash: u64,
    pub(crate) occurrences: u64,
    pub(crate) text: &'a [u8],
    pub(crate) measured: Option<Measured<'a, A>>,
}

/// The measures of some rows.
pub(crate) enum Measured<'a, A: Allocator> {
    /// That of one row.
    One(f64),
    Of(&'a Measures<A>),
    Encoded(&'a EncodedMeasures),
}

impl<A: Allocator> Entry<'_, A> {
    /// Appends the entry, without its hash, as it stands in an encoded sample.
    pub(crate) fn write<B: Allocator + Clone>(&self, bytes: &mut Vec<u8, B>) -> Result<(), OutOfMemory> {
        let (occurrences, text) = (self.occurrences, self.text);
        match &self.measured {
            None => write_value(occurrences, text, None, bytes),
            Some(Measured::One(number)) => {
                let measures = Measures::of(*number, bytes.allocator().clone())?;
                write_value(occurrences, text, Some(&measures.encoded()), bytes)
            }
            Some(Measured::Of(measures)) => write_value(occurrences, text, Some(&measures.encoded()), bytes),
            Some(Measured::Encoded(measures)) => write_value(occurrences, text, Some(measures), bytes),
        }
    }
}

impl<A: Allocator> Measured<'_, A> {
    /// The measures, in memory of `allocator`.
    pub(crate) fn to_measures_in<B: Allocator>(&self, allocator: B) -> Result<Measures<B>, OutOfMemory> {
        match self {
            Measured::One(number) => Measures::of(*number, allocator),
            Measured::Of(measures) => measures.try_clone_in(allocator),
            Measured::Encoded(measures) => measures.decode_in(allocator),
        }
    }

    /// Adds these measures to others.
    pub(crate) fn add_to<B: Allocator>(&self, measures: &mut Measures<B>, allocator: B) -> Result<(), OutOfMemory> {
        match self {
            Measured::One(number) => measures.add(*number),
            Measured::Of(others) => measures.merge(others),
            Measured::Encoded(others) => measures.merge(&others.decode_in(allocator)?),
        }
    }
}
