//! Encoded sketches as sets: union, intersection, difference, and how many hashes two have in common. Also a single
//! sketch with one value more, with a declared kind, or at a smaller capacity.
//!
//! The hashes of an encoded sketch ascend. So each operation is one walk through its operands, and builds no table.
//!
//! An operation brings both operands to the higher level. Both samples are then samples of the same hashes, and what
//! holds for the sets holds for the samples. So the intersection of the samples is the sample of the intersection.
//! Unlike inclusion-exclusion on HyperLogLog, that is unbiased while values are [few](#common-by-chance), and the
//! number retained says how good the estimate is.
//!
//! An intersection or difference keeps the level of its operands, since the hashes above its threshold are gone. So it
//! may have few hashes, and is marked as [derived](Header::is_derived). It does not keep the promise of its capacity,
//! only the bounds of [`interval`](crate::bounds::interval).
//!
//! # Common by chance
//!
//! Above level 0, what samples have in common are cells, and two values may [share one](crate::set::width). Of two sets
//! some |A| |B| 2^-40 cells are common by chance, 0.1 % of either at 10^9 values each. So an intersection has too many
//! values, and a difference lacks as many. That is a tenth of the typical error at 3 x 10^9 values in each of two sets
//! that have half in common, and at 10^8 where they have a hundredth. A sketch does not know what it was made of. So it
//! cannot correct that, and [`between`](crate::between) does.
//!
//! For the same reason, an intersection of three may depend on the order. Two values that differ in 48 bits are told
//! apart at level 0, and are one at a higher level where they share 40. That a pair of n values does has a chance of
//! some n^2 2^-41. Unions do not depend on it.
//!
//! # Operands in turn
//!
//! It may be an operand of further unions, intersections and differences. They hand the mark on where it still applies.
//! Adding values and downsampling refuse it: both promise the sketch that the values alone would give. At level 0 no
//! hash is gone, and nothing is marked.

use crate::hash::kind::Kind;
use crate::host::{OutOfMemory, Surroundings, checking};
use crate::set::sort::dedup;
use crate::set::threshold::truncate;
use crate::set::width::{cell, cells, cut, threshold};
use crate::sketch::agreement::{Common, common_kind};
use crate::sketch::codec::EncodedSketch;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use allocator_api2::vec::Vec;

/// The sketch of all values in `a` or `b`: what [`Sketch::merge`](crate::Sketch::merge) makes of them. Its bytes are in
/// memory of `allocator`, after `prefix` bytes left to the caller.
///
/// Complexity: linear in the number of hashes. That holds for all operations here.
///
/// # Errors
///
/// [`OperationError::Seeds`], [`OperationError::Kinds`], [`OperationError::OutOfMemory`].
pub fn union<A: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OperationError> {
    for (one, other) in [(a, b), (b, a)] {
        if one.header().is_nothing() {
            return Ok(copy(other, prefix, allocator)?);
        }
    }
    let common = Common::of(a.header(), b.header())?;
    let mut hashes = with_room(a.header().retained() + b.header().retained(), allocator.clone())?;
    walk(common.level, a, b, &allocator, |hash, _, _| hashes.push(hash));
    let level = thin(&mut hashes, common.level, common.capacity);
    let header = Header::new(
        common.capacity,
        common.seed,
        common.kind,
        level,
        hashes.len(),
        common.is_union_derived(level),
    );
    Ok(header.encode_in(&hashes, prefix, allocator)?)
}

/// The sketch of all values in `a` and `b`. It is derived, unless both are exact. [`union`] explains the arguments.
///
/// # Errors
///
/// [`OperationError::Seeds`], [`OperationError::Kinds`], [`OperationError::OutOfMemory`].
pub fn intersection<A: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OperationError> {
    // An exact intersection that is empty may have the bytes of the sketch of nothing. So this treats the sketch of
    // nothing as an empty one with the other's seed, kind and level. Else a & b & c would depend on the order.
    for (one, other) in [(a.header(), b.header()), (b.header(), a.header())] {
        if one.is_nothing() {
            let capacity = one.capacity().min(other.capacity());
            let header = Header::new(capacity, other.seed(), other.kind(), other.level(), 0, true);
            return Ok(header.encode_in(&[], prefix, allocator)?);
        }
    }
    let room = a.header().retained().min(b.header().retained());
    select(a, b, room, |in_a, in_b| in_a && in_b, prefix, allocator)
}

/// The sketch of all values in `a` but not in `b`. It is derived, unless both are exact. [`union`] explains the
/// arguments.
///
/// # Errors
///
/// [`OperationError::Seeds`], [`OperationError::Kinds`], [`OperationError::OutOfMemory`].
pub fn difference<A: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OperationError> {
    if a.header().is_nothing() || b.header().is_nothing() {
        return Ok(copy(a, prefix, allocator)?);
    }
    select(
        a,
        b,
        a.header().retained(),
        |in_a, in_b| in_a && !in_b,
        prefix,
        allocator,
    )
}

/// The sketch with the 64-bit hash of one value more, of that kind. `None` when the sketch stays the same.
///
/// # Errors
///
/// [`OperationError::Derived`], [`OperationError::Kinds`], [`OperationError::OutOfMemory`].
pub fn with_hash<A: Surroundings>(
    sketch: &EncodedSketch<'_>,
    kind: Kind,
    hash: u64,
    prefix: usize,
    allocator: A,
) -> Result<Option<Vec<u8, A>>, OperationError> {
    let header = sketch.header();
    if header.is_derived() {
        return Err(OperationError::Derived);
    }
    let kind = common_kind(header.kind(), kind)?;
    let hash = cell(truncate(hash), header.level());
    // A sketch that learns its kind changes, whether or not it retains the hash.
    let says_the_same = kind == header.kind();
    if hash >= header.threshold() && says_the_same {
        return Ok(None);
    }
    let mut hashes = sorted(sketch, 1, allocator.clone())?;
    match hashes.binary_search(&hash) {
        Err(place) if hash < header.threshold() => hashes.insert(place, hash),
        _ if says_the_same => return Ok(None),
        _ => {}
    }
    let level = thin(&mut hashes, header.level(), header.capacity());
    let header = Header::new(header.capacity(), header.seed(), kind, level, hashes.len(), false);
    Ok(Some(header.encode_in(&hashes, prefix, allocator)?))
}

/// The same sketch, with its values declared to be of that kind. `None` when the sketch stays the same.
///
/// The [sketch of nothing](Header::NOTHING) has no kind, and stays itself.
///
/// # Errors
///
/// [`OperationError::Kinds`] when the sketch is known to be of another kind, [`OperationError::OutOfMemory`].
pub fn of_kind<A: Surroundings>(
    sketch: &EncodedSketch<'_>,
    kind: Kind,
    prefix: usize,
    allocator: A,
) -> Result<Option<Vec<u8, A>>, OperationError> {
    let header = sketch.header();
    let kind = common_kind(header.kind(), kind)?;
    if kind == header.kind() || header.is_nothing() {
        return Ok(None);
    }
    let hashes = sorted(sketch, 0, allocator.clone())?;
    let (capacity, seed, level) = (header.capacity(), header.seed(), header.level());
    let header = Header::new(capacity, seed, kind, level, hashes.len(), header.is_derived());
    Ok(Some(header.encode_in(&hashes, prefix, allocator)?))
}

/// The sketch that the same values would have built at a smaller capacity. The [sketch of nothing](Header::NOTHING) has
/// no capacity of its own, and stays itself.
///
/// # Errors
///
/// [`OperationError::Capacity`], [`OperationError::Derived`], [`OperationError::OutOfMemory`].
pub fn downsample<A: Surroundings>(
    sketch: &EncodedSketch<'_>,
    capacity: u32,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OperationError> {
    let header = sketch.header();
    if header.is_derived() {
        return Err(OperationError::Derived);
    }
    if header.is_nothing() {
        return Ok(copy(sketch, prefix, allocator)?);
    }
    if capacity > header.capacity() {
        return Err(OperationError::Capacity {
            is: header.capacity(),
            asked: capacity,
        });
    }
    let mut hashes = sorted(sketch, 0, allocator.clone())?;
    let level = thin(&mut hashes, header.level(), capacity);
    let header = Header::new(capacity, header.seed(), header.kind(), level, hashes.len(), false);
    Ok(header.encode_in(&hashes, prefix, allocator)?)
}

/// How many hashes two samples share, and how many each has alone, at the higher level of the two.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overlap {
    /// The higher level of the two.
    pub(crate) level: u16,
    /// Hashes in both.
    pub(crate) both: u64,
    /// Hashes in the first only.
    pub(crate) only_a: u64,
    /// Hashes in the second only.
    pub(crate) only_b: u64,
}

impl Overlap {
    /// Complexity: linear in the number of hashes.
    ///
    /// # Errors
    ///
    /// [`OperationError::Seeds`], [`OperationError::Kinds`].
    pub(crate) fn of<S: Surroundings>(
        a: &EncodedSketch<'_>,
        b: &EncodedSketch<'_>,
        surroundings: &S,
    ) -> Result<Self, OperationError> {
        // The sketch of nothing goes with any seed and any kind.
        if a.header().is_nothing() || b.header().is_nothing() {
            return Ok(Overlap {
                level: a.header().level().max(b.header().level()),
                both: 0,
                only_a: a.header().retained() as u64,
                only_b: b.header().retained() as u64,
            });
        }
        let level = Common::of(a.header(), b.header())?.level;
        let mut overlap = Overlap {
            level,
            ..Overlap::default()
        };
        walk(level, a, b, surroundings, |_, in_a, in_b| match (in_a, in_b) {
            (true, true) => overlap.both += 1,
            (true, false) => overlap.only_a += 1,
            (false, _) => overlap.only_b += 1,
        });
        Ok(overlap)
    }

    /// The threshold of the level.
    pub(crate) fn threshold(&self) -> u64 {
        threshold(self.level).expect("a sketch's level is legal")
    }

    /// Hashes in at least one of the two.
    pub(crate) fn either(&self) -> u64 {
        self.both + self.only_a + self.only_b
    }
}

/// Calls `visit` with every cell of the level, in ascending order, and with whether `a` and `b` have it.
fn walk<S: Surroundings>(
    level: u16,
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    surroundings: &S,
    mut visit: impl FnMut(u64, bool, bool),
) {
    let [mut a, mut b] = [a, b].map(|sketch| cells(checking(sketch.uncut_hashes(), surroundings.clone()), level));
    let (mut next_a, mut next_b) = (a.next(), b.next());
    loop {
        let hash = match (next_a, next_b) {
            (Some(a), Some(b)) => a.min(b),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return,
        };
        let (in_a, in_b) = (next_a == Some(hash), next_b == Some(hash));
        visit(hash, in_a, in_b);
        if in_a {
            next_a = a.next();
        }
        if in_b {
            next_b = b.next();
        }
    }
}

/// The derived sketch of the hashes that `belongs` selects, at most `room` of them.
fn select<A: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    room: usize,
    belongs: impl Fn(bool, bool) -> bool,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OperationError> {
    let common = Common::of(a.header(), b.header())?;
    let mut hashes = with_room(room, allocator.clone())?;
    walk(common.level, a, b, &allocator, |hash, in_a, in_b| {
        if belongs(in_a, in_b) {
            hashes.push(hash);
        }
    });
    let level = thin(&mut hashes, common.level, common.capacity);
    // If the result was thinned for its capacity, it has the smallest possible level, and is not derived.
    let is_derived = common.level > 0 && level == common.level;
    let header = Header::new(
        common.capacity,
        common.seed,
        common.kind,
        level,
        hashes.len(),
        is_derived,
    );
    Ok(header.encode_in(&hashes, prefix, allocator)?)
}

fn with_room<A: Surroundings>(room: usize, allocator: A) -> Result<Vec<u64, A>, OutOfMemory> {
    let mut hashes = Vec::new_in(allocator);
    hashes.try_reserve_exact(room).map_err(|_| OutOfMemory)?;
    Ok(hashes)
}

fn sorted<A: Surroundings>(sketch: &EncodedSketch<'_>, more: usize, allocator: A) -> Result<Vec<u64, A>, OutOfMemory> {
    let mut hashes = with_room(sketch.header().retained() + more, allocator.clone())?;
    hashes.extend(checking(sketch.hashes(), allocator));
    Ok(hashes)
}

/// The same sketch, encoded anew, in the current [format version](crate::codec::FORMAT_VERSION).
///
/// # Errors
///
/// [`OutOfMemory`] when the allocator has no more.
pub fn copy<A: Surroundings>(
    sketch: &EncodedSketch<'_>,
    prefix: usize,
    allocator: A,
) -> Result<Vec<u8, A>, OutOfMemory> {
    let hashes = sorted(sketch, 0, allocator.clone())?;
    sketch.header().encode_in(&hashes, prefix, allocator)
}

/// Raises the level until fewer than `capacity` of the ascending hashes belong. Drops the others, cuts the rest, and
/// returns the level.
fn thin<A: Surroundings>(hashes: &mut Vec<u64, A>, mut level: u16, capacity: u32) -> u16 {
    while hashes.len() >= capacity as usize {
        level += 1;
        let bound = threshold(level).expect("fewer hashes than any capacity belong to the last level");
        hashes.truncate(hashes.partition_point(|&hash| hash < bound));
        if level == 1 {
            cut(hashes, level);
            let distinct = dedup(hashes);
            hashes.truncate(distinct);
        }
    }
    level
}
