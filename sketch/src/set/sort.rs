//! Sorting of many hashes in steps, between which the surroundings may stop it.
//!
//! The finest sketches have millions of hashes, and sorting those takes most of a second. So rounds first part them by
//! their upper bits, in place, until the parts are small. (This is the "American flag sort" of McIlroy, Bostic and
//! McIlroy, "Engineering Radix Sort", Computing Systems 6, 1993.) Hashes that are not random take more rounds, at most
//! one for each byte.

use crate::host::{CHECK_EVERY, Surroundings};

/// How many hashes are sorted without a check.
const AT_ONCE: usize = 1 << 15;

/// From so many hashes on, they are parted before they are sorted. The more hashes, the more parts.
const MIN_PARTED: usize = 48;
const FEW_PARTED: usize = 256;
const MANY_PARTED: usize = 1_536;

/// How many hashes of one part are sorted by insertion at most.
const MAX_INSERTED: u16 = 48;

/// The bits that part the hashes in one round, and the number of parts.
const DIGIT_BITS: u32 = 8;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Sorts hashes in ascending order. Until it returns, the content of the slice means nothing.
///
/// Complexity: n log n, whatever the hashes are.
pub(crate) fn sort<S: Surroundings>(hashes: &mut [u64], surroundings: &S) {
    if hashes.len() <= AT_ONCE {
        return hashes.sort_unstable();
    }
    let all = hashes.iter().fold(0, |bits, hash| bits | hash);
    sort_by(hashes, u64::BITS - all.leading_zeros(), surroundings);
}

/// Puts hashes into `sorted`, which is as long, in ascending order.
///
/// Most are random. So they go to a place among many by their upper bits first, and few are left to compare. That takes
/// half the time of sorting them in place.
///
/// Complexity: linear for random hashes; n log n, whatever they are.
pub(crate) fn sort_into<S: Surroundings>(hashes: &[u64], sorted: &mut [u64], surroundings: &S) {
    match hashes.len() {
        ..MIN_PARTED => {
            sorted.copy_from_slice(hashes);
            sorted.sort_unstable();
        }
        MIN_PARTED..FEW_PARTED => sort_parts_into::<256>(hashes, sorted),
        FEW_PARTED..MANY_PARTED => sort_parts_into::<1024>(hashes, sorted),
        MANY_PARTED..=AT_ONCE => sort_parts_into::<4096>(hashes, sorted),
        _ => {
            sorted.copy_from_slice(hashes);
            sort(sorted, surroundings);
        }
    }
}

/// [`sort_into`] by way of so many parts, a power of two.
fn sort_parts_into<const PARTS: usize>(hashes: &[u64], sorted: &mut [u64]) {
    let all = hashes.iter().fold(0, |bits, hash| bits | hash);
    let shift = (u64::BITS - all.leading_zeros()).saturating_sub(PARTS.trailing_zeros());
    let part = |hash: u64| (hash >> shift) as usize % PARTS;
    let mut ends = [0_u16; PARTS];
    hashes.iter().for_each(|&hash| ends[part(hash)] += 1);
    let most = ends.iter().fold(0, |most, &count| most.max(count));
    let mut sum = 0;
    for end in &mut ends {
        (*end, sum) = (sum, sum + *end);
    }
    for &hash in hashes {
        let place = &mut ends[part(hash)];
        sorted[usize::from(*place)] = hash;
        *place += 1;
    }
    if most > MAX_INSERTED {
        return sorted.sort_unstable();
    }
    for end in 1..sorted.len() {
        let (hash, mut place) = (sorted[end], end);
        while place > 0 && sorted[place - 1] > hash {
            sorted[place] = sorted[place - 1];
            place -= 1;
        }
        sorted[place] = hash;
    }
}

/// Moves each hash that differs from the one before it to the front, and returns their number. In sorted hashes, these
/// are the distinct ones.
pub(crate) fn dedup(hashes: &mut [u64]) -> usize {
    let Some(&first) = hashes.first() else {
        return 0;
    };
    let (mut distinct, mut before) = (0, !first);
    for i in 0..hashes.len() {
        let hash = hashes[i];
        hashes[distinct] = hash;
        distinct += usize::from(hash != before);
        before = hash;
    }
    distinct
}

/// Moves the distinct hashes of a few, in any order, to the front, and returns their number. The hashes keep their
/// order.
///
/// Chance decides which are repeated, and no branch predictor foresees it. So each hash is compared with all before it.
///
/// Complexity: the square of the number of hashes.
pub(crate) fn dedup_few<const COUNT: usize>(hashes: &mut [u64; COUNT]) -> usize {
    let all = *hashes;
    let mut distinct = 0;
    for (i, &hash) in all.iter().enumerate() {
        let is_new = all[..i].iter().fold(true, |is_new, &before| is_new & (before != hash));
        hashes[distinct] = hash;
        distinct += usize::from(is_new);
    }
    distinct
}

/// Sorts hashes that agree in all but the low `bits`.
fn sort_by<S: Surroundings>(hashes: &mut [u64], bits: u32, surroundings: &S) {
    if hashes.len() <= AT_ONCE || bits == 0 {
        hashes.sort_unstable();
        surroundings.check_for_interrupts();
        return;
    }
    let shift = bits.saturating_sub(DIGIT_BITS);
    let mut rest = hashes;
    for length in part(rest, shift, surroundings) {
        let (one, others) = rest.split_at_mut(length);
        sort_by(one, shift, surroundings);
        rest = others;
    }
}

/// Orders hashes by the digit at `shift`, and returns how many have each digit.
fn part<S: Surroundings>(hashes: &mut [u64], shift: u32, surroundings: &S) -> [usize; DIGITS] {
    let digit = |hash: u64| (hash >> shift) as usize % DIGITS;
    let mut lengths = [0; DIGITS];
    for step in hashes.chunks(CHECK_EVERY) {
        step.iter().for_each(|&hash| lengths[digit(hash)] += 1);
        surroundings.check_for_interrupts();
    }
    let mut ends = lengths;
    let mut sum = 0;
    let mut places = lengths.map(|length| {
        sum += length;
        sum - length
    });
    for (end, place) in ends.iter_mut().zip(places) {
        *end += place;
    }

    let mut left = CHECK_EVERY;
    for wanted in 0..DIGITS {
        while places[wanted] < ends[wanted] {
            // Each hash goes to its digit's part and pushes another out, until one comes that belongs in the gap.
            let mut hash = hashes[places[wanted]];
            while digit(hash) != wanted {
                let place = &mut places[digit(hash)];
                std::mem::swap(&mut hash, &mut hashes[*place]);
                *place += 1;
                left -= 1;
                if left == 0 {
                    left = CHECK_EVERY;
                    surroundings.check_for_interrupts();
                }
            }
            hashes[places[wanted]] = hash;
            places[wanted] += 1;
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocator_api2::alloc::Global;
    use std::collections::BTreeSet;

    /// All rows of seven hashes out of seven values.
    #[test]
    fn few_hashes_are_known_by_comparing_all() {
        for number in 0..7_u64.pow(7) {
            let mut hashes: [u64; 7] = std::array::from_fn(|place| number / 7_u64.pow(place as u32) % 7);
            let expected: BTreeSet<u64> = hashes.iter().copied().collect();
            let distinct = dedup_few(&mut hashes);
            assert_eq!(distinct, expected.len());
            assert_eq!(hashes[..distinct].iter().copied().collect::<BTreeSet<u64>>(), expected);
        }
    }

    #[test]
    fn any_hashes_are_sorted() {
        let random = |i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8;
        let kinds: [&dyn Fn(u64) -> u64; 9] = [
            &random,
            &|i| random(i) >> 30,
            &|i| i,
            &|i| u64::MAX - i,
            &|i| i << 30,
            &|i| i << 44,
            &|i| i % 3,
            &|_| 7,
            &|i| if i % 2 == 0 { i } else { random(i) },
        ];
        for count in [
            0,
            1,
            2,
            MIN_PARTED - 1,
            MIN_PARTED,
            FEW_PARTED - 1,
            FEW_PARTED,
            5_000,
            AT_ONCE,
            AT_ONCE + 1,
            10 * AT_ONCE + 17,
        ] {
            for kind in kinds {
                let mut hashes: Vec<u64> = (0..count as u64).map(kind).collect();
                let mut expected = hashes.clone();
                expected.sort();
                let mut sorted = vec![0; hashes.len()];
                sort_into(&hashes, &mut sorted, &Global);
                assert!(sorted == expected);
                sort(&mut hashes, &Global);
                assert!(hashes == expected);
            }
        }
    }
}
