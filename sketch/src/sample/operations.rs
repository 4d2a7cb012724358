//! Encoded samples and sketches: the sample of those values that are in a sketch, or are not.
//!
//! What a sample says of one value is exact, whatever else is in the sample. So its sketch goes through the [operation
//! of sketches](crate::sketch::operations). What is known of a value stays if its hash does. The result is derived
//! where that of the sketches is.

use crate::host::{OutOfMemory, Surroundings, checking, zeros};
use crate::sample::codec::{EncodedSample, SAMPLE_FORMAT_VERSION, append, write_value};
use crate::sketch::codec::EncodedSketch;
use crate::sketch::error::OperationError;
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
    let kept = operations::intersection(sample.sketch(), sketch, 0, allocator.clone())?;
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
    let kept = operations::difference(sample.sketch(), sketch, 0, allocator.clone())?;
    Ok(keep(sample, &kept, prefix, allocator)?)
}

/// The sample of the values whose hashes the encoded sketch `kept` has. The sample must have all of them.
fn keep<A: Surroundings>(
    sample: &EncodedSample<'_>,
    kept: &[u8],
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OutOfMemory> {
    let mut bytes = zeros(prefix + 1, allocator.clone())?;
    bytes[prefix] = SAMPLE_FORMAT_VERSION;
    append(kept, &mut bytes)?;
    let kept = EncodedSketch::parse_in(kept, &allocator).expect("the result of an operation is a sketch");
    let mut hashes = kept.hashes().peekable();
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
