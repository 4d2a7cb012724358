//! Encoded samples and sketches: the sample of those values that are in a sketch, or are not.
//!
//! What a sample says of one value is exact, whatever else is in the sample. So its sketch goes through the [operation
//! of sketches](crate::sketch::operations). What is known of a value stays if its hash does. The result is derived
//! where that of the sketches is.

use crate::host::{OutOfMemory, Surroundings, checking};
use crate::sample::codec::{EncodedSample, SAMPLE_FORMAT_VERSION, write_value};
use crate::set::threshold::threshold;
use crate::set::width::cell;
use crate::sketch::codec::EncodedSketch;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use crate::sketch::operations;
use allocator_api2::vec::Vec;

/// The sample of those of its values that are in `sketch` too. Its sketch is the
/// [intersection](operations::intersection) of both.
///
/// The bytes are in memory of `allocator`, after `prefix` bytes left to the caller.
///
/// Complexity: linear in the length of the sample and the number of hashes in the sketch.
///
/// # Errors
///
/// [`OperationError::Seeds`], [`OperationError::Kinds`], [`OperationError::OutOfMemory`].
pub fn intersection<A: Surroundings>(
    sample: &EncodedSample<'_>,
    sketch: &EncodedSketch<'_>,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OperationError> {
    let kept = operations::intersection(&sample.sketch(&allocator), sketch, 0, allocator.clone())?;
    Ok(keep(sample, &kept, prefix, allocator)?)
}

/// The sample of those of its values that are not in `sketch`. Its sketch is the [difference](operations::difference)
/// of both. The arguments are those of [`intersection`].
///
/// # Errors
///
/// [`OperationError::Seeds`], [`OperationError::Kinds`], [`OperationError::OutOfMemory`].
pub fn difference<A: Surroundings>(
    sample: &EncodedSample<'_>,
    sketch: &EncodedSketch<'_>,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OperationError> {
    let kept = operations::difference(&sample.sketch(&allocator), sketch, 0, allocator.clone())?;
    Ok(keep(sample, &kept, prefix, allocator)?)
}

/// The sample of the values whose hashes have their cells in the encoded sketch `kept`. The sample must have all of
/// these cells.
fn keep<A: Surroundings>(
    sample: &EncodedSample<'_>,
    kept: &[u8],
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OutOfMemory> {
    let kept = EncodedSketch::parse_in(kept, &allocator).expect("the result of an operation is a sketch");
    let header = kept.header();
    let mut cells = kept.hashes().peekable();
    let mut hashes = Vec::new_in(allocator.clone());
    hashes
        .try_reserve_exact(sample.header().retained())
        .map_err(|_| OutOfMemory)?;
    for value in checking(sample.values(), allocator.clone()) {
        let cell = cell(value.hash, header.level());
        while cells.next_if(|&kept| kept < cell).is_some() {}
        if cells.peek() == Some(&cell) {
            hashes.push(value.hash);
        }
    }
    // Values may share a cell. Then they may be too many where their cells are not.
    let mut level = header.level().max(sample.header().level());
    while hashes.len() >= header.capacity() as usize {
        level += 1;
        let bound = threshold(level).expect("fewer hashes than any size belong to the last level");
        hashes.truncate(hashes.partition_point(|&hash| hash < bound));
    }
    let is_derived = header.is_derived() && level == header.level().max(sample.header().level());
    let header = Header::of_whole(
        header.capacity(),
        header.seed(),
        header.kind(),
        level,
        hashes.len(),
        is_derived,
    );

    let mut bytes = header.encode_in(&hashes, prefix + 1, allocator.clone())?;
    bytes[prefix] = SAMPLE_FORMAT_VERSION;
    let mut hashes = hashes.into_iter().peekable();
    for value in checking(sample.values(), allocator) {
        if hashes.next_if_eq(&value.hash).is_some() {
            write_value(
                value.occurrences(),
                value.text().as_bytes(),
                value.measures(),
                &mut bytes,
            )?;
        }
    }
    Ok(bytes)
}
