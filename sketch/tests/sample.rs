//! Samples: against a model that keeps every row, in any order and any parts; their bytes, and one broken input for
//! each fault.

use allocator_api2::alloc::Global;
use cvm_sketch::capacity::DEFAULT_CAPACITY;
use cvm_sketch::sample::{DEFAULT_SIZE, MAX_OCCURRENCES, MAX_SIZE, MAX_TEXT_LEN, MAX_TEXTS_LEN, MIN_SIZE};
use cvm_sketch::sample_codec::{SAMPLE_HEADER_LEN, parse_sample_header};
use cvm_sketch::threshold::threshold;
use cvm_sketch::{
    DecodeError, EncodedSample, EncodedSketch, Kind, OperationError, Sample, SampleDecodeError, SampleError, Sketch,
    hash, operations, sample_operations,
};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A row: a value, of which there are two ways to write it, and a measure.
type Row = (u16, bool, Option<f64>);

fn hash_of(value: u16) -> u64 {
    hash::integer(i64::from(value), 0)
}

fn text_of(value: u16, is_long: bool) -> String {
    if is_long {
        format!("{value}.0")
    } else {
        value.to_string()
    }
}

fn sample_of(rows: &[Row], size: u32) -> Sample {
    let mut sample = Sample::new(size, 0);
    for &(value, is_long, measure) in rows {
        sample
            .insert(hash_of(value), &text_of(value, is_long), measure)
            .unwrap();
    }
    sample
}

/// What a sample says of one value: its text, its number of rows; the least, the greatest and the sum of its measures.
type Known = (String, u64, Option<(f64, f64, f64)>);

fn known(bytes: &[u8]) -> Vec<Known> {
    let mut known: Vec<Known> = EncodedSample::parse(bytes)
        .unwrap()
        .values()
        .map(|value| {
            let measures = value
                .total()
                .map(|total| (value.least().unwrap(), value.greatest().unwrap(), total));
            (value.text().to_string(), value.occurrences(), measures)
        })
        .collect();
    known.sort_by(|a, b| a.0.cmp(&b.0));
    known
}

/// The same from all rows, of the values that a sketch retains. Measures are small multiples of a power of 2, and so
/// are their sums: ordinary sums are exact.
fn expected(rows: &[Row], size: u32) -> Vec<Known> {
    let threshold = threshold_of(rows.iter().map(|row| hash_of(row.0)), size);
    known_of(rows, |value| hash_of(value) >> 8 < threshold)
}

/// The threshold of the smallest level to which fewer than `size` of the whole hashes belong.
fn threshold_of(hashes: impl Iterator<Item = u64>, size: u32) -> u64 {
    let all: BTreeSet<u64> = hashes.map(|hash| hash >> 8).collect();
    let mut thresholds = (0..).map_while(threshold);
    let is_enough = |&threshold: &u64| all.range(..threshold).count() < size as usize;
    thresholds.find(is_enough).expect("few hashes belong to the last level")
}

/// The same of the values that are asked for.
fn known_of(rows: &[Row], is_asked_for: impl Fn(u16) -> bool) -> Vec<Known> {
    let mut values: BTreeMap<u16, Known> = BTreeMap::new();
    for &(value, is_long, measure) in rows {
        if !is_asked_for(value) {
            continue;
        }
        let (text, count, measures) = values.entry(value).or_insert((text_of(value, is_long), 0, None));
        *text = text.clone().min(text_of(value, is_long));
        *count += 1;
        if let Some(number) = measure {
            let (least, greatest, sum) = measures.unwrap_or((number, number, 0.0));
            *measures = Some((least.min(number), greatest.max(number), sum + number));
        }
    }
    let mut known: Vec<Known> = values.into_values().collect();
    known.sort_by(|a, b| a.0.cmp(&b.0));
    known
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let measure = proptest::option::of((-1000_i32..1000).prop_map(|number| f64::from(number) / 8.0));
    proptest::collection::vec((0_u16..200, any::<bool>(), measure), 0..300)
}

/// The bytes of the sketch of the same values.
fn sketch_bytes(sample: &EncodedSample<'_>) -> Vec<u8> {
    operations::copy(&sample.sketch(&Global), 0, Global).unwrap().to_vec()
}

fn decoded(bytes: &[u8]) -> Sample {
    Sample::decode_in(&EncodedSample::parse(bytes).unwrap(), Global).unwrap()
}

proptest! {
    /// What is in a sample is exact, and so are its sketch and its way through bytes.
    #[test]
    fn a_sample_is_what_its_rows_say(rows in rows(), size in 8_u32..64) {
        let sample = sample_of(&rows, size);
        let bytes = sample.encode();
        prop_assert_eq!(known(&bytes), expected(&rows, size));
        prop_assert_eq!(decoded(&bytes).encode(), bytes.clone());
        let mut sketch = Sketch::new(size, 0);
        rows.iter().for_each(|row| sketch.insert_all(&[hash_of(row.0)]).unwrap());
        let encoded = EncodedSample::parse(&bytes).unwrap();
        prop_assert_eq!(sketch_bytes(&encoded), sketch.encode());
        prop_assert_eq!(*encoded.header(), sample.header());
        prop_assert_eq!(parse_sample_header(&bytes[..SAMPLE_HEADER_LEN]).unwrap(), sample.header());
    }

    #[test]
    fn a_sample_is_the_same_in_any_order_and_any_parts(
        rows in rows(), sizes in (8_u32..64, 8_u32..64), cut in any::<proptest::sample::Index>(), rotation: usize,
    ) {
        let smaller = sizes.0.min(sizes.1);
        let all = sample_of(&rows, smaller).encode();
        let mut reordered = rows.clone();
        reordered.reverse();
        reordered.rotate_left(rotation % rows.len().max(1));
        prop_assert_eq!(&sample_of(&reordered, smaller).encode(), &all);
        let (one, other) = rows.split_at(cut.index(rows.len() + 1));
        let (one, other) = (sample_of(one, sizes.0), sample_of(other, sizes.1));
        for (into, from) in [(&one, &other), (&other, &one)] {
            let mut merged = decoded(&into.encode());
            merged.merge(from).unwrap();
            prop_assert_eq!(&merged.encode(), &all);
            let bytes = from.encode();
            for mut merged in [decoded(&into.encode()), Sample::nothing_in(Global)] {
                let is_nothing = merged.header().is_nothing();
                merged.merge_encoded(&EncodedSample::parse(&bytes).unwrap()).unwrap();
                prop_assert_eq!(&merged.encode(), if is_nothing { &bytes } else { &all });
            }
            // What nobody has said anything of takes on what others say.
            let mut nothing = Sample::nothing_in(Global);
            nothing.merge(into).unwrap();
            nothing.merge(&Sample::nothing_in(Global)).unwrap();
            prop_assert_eq!(nothing.encode(), into.encode());
            prop_assert_eq!(into.try_clone_in(Global).unwrap().encode(), into.encode());
        }
    }

    /// The sample of the values that are in a sketch, or are not, is exact in what it says of each; its sketch is what
    /// the sketches give.
    #[test]
    fn a_sample_and_a_sketch(
        rows in rows(), others in proptest::collection::vec(0_u16..200, 0..300), more in rows(),
        sizes in (8_u32..64, 8_u32..64, 8_u32..64), is_difference: bool,
    ) {
        let bytes = sample_of(&rows, sizes.0).encode();
        let sample = EncodedSample::parse(&bytes).unwrap();
        let mut sketch = Sketch::new(sizes.1, 0);
        sketch.insert_all(&others.iter().map(|&value| hash_of(value)).collect::<Vec<_>>()).unwrap();
        let sketch = sketch.encode();
        let sketch = EncodedSketch::parse(&sketch).unwrap();
        let (result, of_sketches) = match is_difference {
            false => (sample_operations::intersection(&sample, &sketch, 3, Global), operations::intersection(&sample.sketch(&Global), &sketch, 0, Global)),
            true => (sample_operations::difference(&sample, &sketch, 3, Global), operations::difference(&sample.sketch(&Global), &sketch, 0, Global)),
        };
        let (result, of_sketches) = (result.unwrap()[3..].to_vec(), of_sketches.unwrap().to_vec());
        let encoded = EncodedSample::parse(&result).unwrap();
        prop_assert_eq!(sketch_bytes(&encoded), &of_sketches[..]);
        prop_assert_eq!(decoded(&result).header(), *encoded.header());
        let below = threshold(encoded.header().level()).unwrap();
        let expected = known_of(&rows, |value| hash_of(value) >> 8 < below && others.contains(&value) != is_difference);
        prop_assert_eq!(known(&result), expected);
        prop_assert_eq!(decoded(&result).encode(), result.clone());

        // United with others, it is derived as its sketch is, in any order.
        let other = sample_of(&more, sizes.2);
        let mut united = decoded(&result);
        united.merge(&other).unwrap();
        let mut reversed = decoded(&other.encode());
        reversed.merge(&decoded(&result)).unwrap();
        let (united, other) = (united.encode(), other.encode());
        prop_assert_eq!(&reversed.encode(), &united);
        let union = operations::union(&encoded.sketch(&Global), &EncodedSample::parse(&other).unwrap().sketch(&Global), 0, Global).unwrap();
        prop_assert_eq!(sketch_bytes(&EncodedSample::parse(&united).unwrap()), &union[..]);
        // And with what else comes of both, in any order of the three.
        let rest = sample_operations::difference(&EncodedSample::parse(&other).unwrap(), &sketch, 0, Global).unwrap();
        let unions = [[&result, &other, &rest.to_vec()], [&rest.to_vec(), &result, &other], [&other, &rest.to_vec(), &result]].map(|parts| {
            let mut union = Sample::nothing_in(Global);
            parts.iter().for_each(|part| union.merge(&decoded(part)).unwrap());
            union.encode()
        });
        prop_assert!(unions[0] == unions[1] && unions[1] == unions[2]);
    }

    /// Samples of every size that a group has, of which each value comes once or often, with short texts and long ones.
    #[test]
    fn a_sample_is_what_its_rows_say_at_any_size(
        rows in proptest::collection::vec((any::<proptest::sample::Index>(), any::<bool>(), proptest::option::of(-99_i32..99)), 0..2_600),
        values in prop_oneof![1_usize..40, 1_usize..1_200, Just(100_000)],
        // An empty sample of just the default capacity is one of nothing, which takes on the size of others.
        size in prop_oneof![8_u32..40, 990_u32..1_030, Just(DEFAULT_SIZE), Just(DEFAULT_CAPACITY + 1)],
        len in prop_oneof![Just(0_usize), 5_usize..20, 124_usize..130, 230_usize..260],
        measured in prop_oneof![Just(0_u32), Just(1), Just(2)],
    ) {
        let rows: Vec<LongRow> = rows
            .iter()
            .enumerate()
            .map(|(i, (value, is_long, number))| {
                let measure = number.filter(|_| measured == 2 || measured == 1 && i % 100 == 0);
                LongRow::new(value.index(values) as u64, len + usize::from(*is_long), measure.map(|number| f64::from(number) / 8.0))
            })
            .collect();
        check(&rows, size);
    }

    /// A value that is there already is counted the same without its text.
    #[test]
    fn counting_is_inserting(rows in rows(), size in 8_u32..64) {
        let rows: Vec<Row> = rows.into_iter().map(|(value, _, measure)| (value, false, measure)).collect();
        let mut sample = Sample::new(size, 0);
        for &(value, _, measure) in &rows {
            let hash = hash_of(value);
            if sample.belongs(hash) && !sample.count(hash, measure).unwrap() {
                sample.insert(hash, &text_of(value, false), measure).unwrap();
            }
        }
        prop_assert_eq!(sample.encode(), sample_of(&rows, size).encode());
    }

    /// Whatever is accepted is canonical: it encodes to the same bytes again.
    #[test]
    fn changed_bytes_are_refused_or_canonical(
        rows in rows(), changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = sample_of(&rows, 16).encode();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(encoded) = EncodedSample::parse(&bytes) {
            prop_assert_eq!(Sample::decode_in(&encoded, Global).unwrap().encode(), bytes);
        }
    }
}

/// A row of a value whose texts are as long as is asked for.
#[derive(Clone)]
struct LongRow {
    hash: u64,
    text: String,
    measure: Option<f64>,
}

impl LongRow {
    fn new(value: u64, len: usize, measure: Option<f64>) -> Self {
        LongRow {
            hash: hash::integer(value as i64, 0),
            text: format!("{value}{:x>len$}", "", len = len),
            measure,
        }
    }
}

fn sample_of_long(rows: &[LongRow], size: u32) -> Sample {
    let mut sample = Sample::new(size, 0);
    for LongRow { hash, text, measure } in rows {
        sample.insert(*hash, text, *measure).unwrap();
    }
    sample
}

/// The sample of these rows is what they say; in any order, in parts, and through bytes.
fn check(rows: &[LongRow], size: u32) {
    let mut sketch = Sketch::new(size, 0);
    rows.iter().for_each(|row| sketch.insert_all(&[row.hash]).unwrap());
    let threshold = threshold_of(rows.iter().map(|row| row.hash), size);
    let mut values: BTreeMap<u64, Known> = BTreeMap::new();
    for LongRow { hash, text, measure } in rows.iter().filter(|row| row.hash >> 8 < threshold) {
        let (least, count, measures) = values.entry(*hash).or_insert((text.clone(), 0, None));
        *least = least.clone().min(text.clone());
        *count += 1;
        if let Some(number) = *measure {
            let (least, greatest, sum) = measures.unwrap_or((number, number, 0.0));
            *measures = Some((least.min(number), greatest.max(number), sum + number));
        }
    }
    let mut expected: Vec<Known> = values.into_values().collect();
    expected.sort_by(|a, b| a.0.cmp(&b.0));

    let sample = sample_of_long(rows, size);
    let bytes = sample.encode();
    assert!(known(&bytes) == expected, "{} rows of {size}", rows.len());
    let encoded = EncodedSample::parse(&bytes).unwrap();
    assert_eq!(sketch_bytes(&encoded), sketch.encode());
    assert_eq!(*encoded.header(), sample.header());
    let reversed: Vec<LongRow> = rows.iter().rev().cloned().collect();
    assert!(sample_of_long(&reversed, size).encode() == bytes);
    assert!(decoded(&bytes).encode() == bytes);
    assert!(sample.try_clone_in(Global).unwrap().encode() == bytes);
    let (one, other) = rows.split_at(rows.len() / 3);
    let (one, other) = (sample_of_long(one, size), sample_of_long(other, size + 1));
    for (into, from) in [(&one, &other), (&other, &one)] {
        let mut merged = decoded(&into.encode());
        merged.merge(from).unwrap();
        assert!(merged.encode() == bytes);
        let mut merged = into.try_clone_in(Global).unwrap();
        merged
            .merge_encoded(&EncodedSample::parse(&from.encode()).unwrap())
            .unwrap();
        assert!(merged.encode() == bytes);
    }
}

/// A small sample becomes another in memory at so many bytes, values or repetitions. Next to each of these numbers, and
/// to the size, it is what its rows say.
#[test]
fn a_sample_is_what_its_rows_say_next_to_every_border() {
    const ROOMS: [usize; 5] = [2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10];
    let next_to = |border: usize| border.saturating_sub(2)..=border + 2;
    let rows = |count: usize, len: usize, measure| -> Vec<LongRow> {
        // All values have three digits.
        (0..count).map(|i| LongRow::new(100 + i as u64, len, measure)).collect()
    };
    for (len, measure) in [(0, None), (4, Some(0.5)), (123, None), (124, None), (400, Some(-1.0))] {
        let bytes = 8 + 3 + len + 8 * usize::from(measure.is_some());
        for count in ROOMS
            .into_iter()
            .flat_map(|room| next_to(room / bytes))
            .filter(|&count| count <= 900)
        {
            check(&rows(count, len, measure), DEFAULT_SIZE);
        }
    }
    for size in [8, 9, 16, 900] {
        for count in next_to(size / 2).chain(next_to(size)).filter(|&count| count <= 900) {
            check(&rows(count, 0, None), size as u32);
        }
    }
    // Values of four digits are more than a small sample has.
    for count in next_to(1_000).chain(next_to(1_024)) {
        let rows: Vec<LongRow> = (0..count).map(|i| LongRow::new(i as u64, 2, None)).collect();
        for size in [1_000, 1_022, 1_023, 1_024, 1_025, 3_000] {
            check(&rows, size);
        }
    }
    // One text that alone takes all room, or more, before or after others.
    for len in ROOMS.into_iter().flat_map(|room| next_to(room - 3 - 12)) {
        let mut rows = rows(20, 3, None);
        rows.insert(5, LongRow::new(100, len, None));
        check(&rows, DEFAULT_SIZE);
        rows.rotate_left(5);
        check(&rows, DEFAULT_SIZE);
    }
    // Rows of few values, as many as wear a small sample out.
    for values in [1, 15, 16, 17, 40] {
        for rows in (200..1_600).step_by(67) {
            let rows: Vec<LongRow> = (0..rows)
                .map(|i| LongRow::new(i % values, (i % 2) as usize, None))
                .collect();
            check(&rows, DEFAULT_SIZE);
        }
    }
    // Sums of numbers that are far apart are longer than their rows.
    let numbers = [1e300, -1e-300, 5e-324, f64::MAX, 0.0, 1.0];
    let far_apart = (0..400).map(|i| LongRow::new(i % 20, 3, Some(numbers[i as usize * 7 % numbers.len()])));
    let far_apart: Vec<LongRow> = far_apart.collect();
    let reversed: Vec<LongRow> = far_apart.iter().rev().cloned().collect();
    let bytes = sample_of_long(&far_apart, 100).encode();
    assert!(bytes == sample_of_long(&reversed, 100).encode() && bytes == decoded(&bytes).encode());
    let mut parts = Sample::nothing_in(Global);
    far_apart
        .chunks(7)
        .for_each(|part| parts.merge(&sample_of_long(part, 100)).unwrap());
    assert!(bytes == parts.encode());
}

/// Groups of a GROUP BY have few values and are many.
#[test]
fn a_small_sample_takes_little_memory() {
    for (values, most) in [(5, 400), (16, 400), (100, 2_000)] {
        let (steps, bytes) = (Cell::new(0), Cell::new(0));
        let surroundings = counting::Counting {
            steps: &steps,
            bytes: &bytes,
        };
        let mut sample = Sample::new_in(DEFAULT_SIZE, 0, Kind::Integer, surroundings);
        for i in 0..values {
            let row = LongRow::new(1_000_000 + i, 0, None);
            sample.insert(row.hash, &row.text, None).unwrap();
        }
        let taken = size_of_val(&sample) + bytes.get();
        assert!(taken <= most, "{values}: {taken}");
    }
}

/// The rows of one value are counted to the last, also where each is only written down.
#[test]
fn rows_of_several_samples_are_counted_to_the_last() {
    let sample_with = |hash: u64, occurrences: &[u8]| {
        let whole = hash >> 8;
        let bytes = [&before_the_values(8, whole..whole + 1)[..], occurrences, &[2, b'a']].concat();
        decoded(&bytes)
    };
    let most = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
    let all_but_one = [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
    let mut same = sample_with(1 << 8, &all_but_one);
    same.merge(&sample_with(1 << 8, &[1])).unwrap();
    assert_eq!(known(&same.encode()), [("a".to_string(), MAX_OCCURRENCES, None)]);
    assert_eq!(same.merge(&sample_with(1 << 8, &[1])), Err(SampleError::Occurrences));
    // Two values have that many each.
    let mut two = sample_with(1 << 8, &most);
    two.merge(&sample_with(2 << 8, &most)).unwrap();
    assert!(known(&two.encode()).iter().all(|known| known.1 == MAX_OCCURRENCES));
}

fn totals_of(numbers: &[f64]) -> (f64, f64, f64) {
    let orders = [numbers.to_vec(), numbers.iter().rev().copied().collect()];
    let [one, other] = orders.map(|numbers: Vec<f64>| {
        let mut sample = Sample::new(8, 0);
        numbers
            .iter()
            .for_each(|&number| sample.insert(1, "a", Some(number)).unwrap());
        sample.encode()
    });
    assert_eq!(one, other, "{numbers:?}");
    // In two parts, through bytes.
    for cut in 0..=numbers.len() {
        let mut parts = numbers.split_at(cut);
        let mut whole = Sample::new(8, 0);
        for part in [&mut parts.0, &mut parts.1] {
            let mut sample = Sample::new(8, 0);
            part.iter()
                .for_each(|&number| sample.insert(1, "a", Some(number)).unwrap());
            whole.merge(&decoded(&sample.encode())).unwrap();
        }
        assert_eq!(whole.encode(), one, "{numbers:?} cut at {cut}");
    }
    let encoded = EncodedSample::parse(&one).unwrap();
    let value = encoded.values().next().unwrap();
    (
        value.least().unwrap(),
        value.greatest().unwrap(),
        value.total().unwrap(),
    )
}

#[test]
fn sums_that_cancel_are_exact_and_what_is_not_finite_is_kept() {
    assert_eq!(totals_of(&[1e308, 1e308, 1.5, -1e308, -1e308]), (-1e308, 1e308, 1.5));
    assert_eq!(totals_of(&[1e100, 1.0, -1e100, 5e-324]), (-1e100, 1e100, 1.0));
    assert_eq!(totals_of(&[0.1; 10]), (0.1, 0.1, 1.0));
    assert_eq!(totals_of(&[f64::INFINITY, 1.0]), (1.0, f64::INFINITY, f64::INFINITY));
    assert_eq!(
        totals_of(&[1.0, f64::NEG_INFINITY]),
        (f64::NEG_INFINITY, 1.0, f64::NEG_INFINITY)
    );
    let (least, greatest, total) = totals_of(&[f64::INFINITY, 3.0, f64::NEG_INFINITY]);
    assert!((least, greatest) == (f64::NEG_INFINITY, f64::INFINITY) && total.is_nan());
    let (least, greatest, total) = totals_of(&[1.0, -f64::NAN, f64::INFINITY]);
    assert!(least == 1.0 && greatest.is_nan() && total.is_nan());
    let (least, _, total) = totals_of(&[-0.0, 0.0]);
    assert!(least.is_sign_positive() && total.is_sign_positive());
    let mut sample = Sample::new(8, 0);
    for _ in 0..2 {
        sample.insert(1, "a", Some(f64::MAX)).unwrap();
    }
    let bytes = sample.encode();
    let value = EncodedSample::parse(&bytes).unwrap().values().next().unwrap();
    assert!(value.has_overflowed() && value.total() == Some(f64::INFINITY));
}

#[test]
fn what_cannot_be_is_refused() {
    let mut sample = Sample::new(8, 0);
    let long = "x".repeat(MAX_TEXT_LEN);
    sample.insert(1, &long, None).unwrap();
    let error = sample.insert(2 << 60, &format!("{long}x"), None).unwrap_err();
    assert_eq!(error, SampleError::TextLength(MAX_TEXT_LEN + 1));
    assert!(error.to_string().contains("at most 1048576 bytes as text, not 1048577"));
    // Texts of the largest length, as many as there may be, and one byte more.
    let mut full = Sample::new(1_000, 0);
    for i in 0..(MAX_TEXTS_LEN / MAX_TEXT_LEN) as u64 {
        full.insert(i << 8, &long, None).unwrap();
    }
    assert_eq!(full.insert(u64::MAX, "x", None), Err(SampleError::TextsLength));
    let mut other = Sample::new(1_000, 0);
    other.insert(u64::MAX, "x", None).unwrap();
    assert_eq!(other.merge(&full), Err(SampleError::TextsLength));

    let mut seeded = Sample::new(8, 5);
    seeded.insert(1, "a", None).unwrap();
    assert_eq!(sample.merge(&seeded), Err(SampleError::Seeds(0, 5)));
    let [mut integers, texts] = [Kind::Integer, Kind::Text].map(|kind| Sample::new_in(8, 0, kind, Global));
    assert_eq!(
        integers.merge(&texts),
        Err(SampleError::Kinds(Kind::Integer, Kind::Text))
    );
    integers.merge(&Sample::new(8, 0)).unwrap();
    assert_eq!(integers.kind(), Kind::Integer);

    // Occurrences are counted to the last, and then are an error.
    let mut bytes = before_the_values(8, 1..2);
    bytes.extend([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 2, b'a']);
    let mut most = decoded(&bytes);
    assert_eq!(most.insert(1 << 8, "a", None), Err(SampleError::Occurrences));
    assert_eq!(most.count(1 << 8, None), Err(SampleError::Occurrences));
    let mut one = Sample::new(8, 0);
    one.insert(1 << 8, "a", None).unwrap();
    assert_eq!(one.merge(&decoded(&bytes)), Err(SampleError::Occurrences));
    assert_eq!(MAX_OCCURRENCES, i64::MAX as u64);
}

#[test]
fn samples_and_sketches_of_other_things_are_refused() {
    let sample = sample_of(&[(1, false, None)], 8).encode();
    let sample = EncodedSample::parse(&sample).unwrap();
    let seeded = Sketch::new(8, 5).encode();
    let seeded = EncodedSketch::parse(&seeded).unwrap();
    let mut texts = Sample::new_in(8, 0, Kind::Text, Global);
    texts.insert(1, "a", None).unwrap();
    let texts = texts.encode();
    let texts = EncodedSample::parse(&texts).unwrap();
    let integers = Sketch::new(8, 0).of_kind(Kind::Integer).encode();
    let integers = EncodedSketch::parse(&integers).unwrap();
    for operation in [sample_operations::intersection, sample_operations::difference] {
        let seeds = operation(&sample, &seeded, 0, Global).unwrap_err();
        assert_eq!(seeds, OperationError::Seeds(0, 5));
        let kinds = operation(&texts, &integers, 0, Global).unwrap_err();
        assert_eq!(kinds, OperationError::Kinds(Kind::Text, Kind::Integer));
    }
}

/// Of a value that is written in several ways the least is kept, at its own length.
#[test]
fn the_least_text_is_kept() {
    let mut sample = Sample::new(8, 0);
    for text in ["b", "abc", "ab", "abc"] {
        sample.insert(7, text, None).unwrap();
    }
    assert_eq!(known(&sample.encode()), [("ab".to_string(), 4, None)]);
}

/// An allocator that counts what is worked on: the steps between two checks for interrupts, and the bytes it gives out.
mod counting {
    use allocator_api2::alloc::{AllocError, Allocator, Global};
    use cvm_sketch::Surroundings;
    use std::alloc::Layout;
    use std::cell::Cell;
    use std::ptr::NonNull;

    #[derive(Clone, Copy)]
    pub struct Counting<'a> {
        pub steps: &'a Cell<usize>,
        pub bytes: &'a Cell<usize>,
    }

    impl Surroundings for Counting<'_> {
        fn check_for_interrupts(&self) {
            self.steps.set(self.steps.get() + 1);
        }
    }

    // SAFETY: every block comes from, and goes back to, the global allocator.
    unsafe impl Allocator for Counting<'_> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.bytes.set(self.bytes.get() + layout.size());
            Global.allocate(layout)
        }
        unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
            unsafe { Global.deallocate(block, layout) }
        }
    }
}

/// How many walks over `values` values the work takes, and how many bytes.
fn work(values: usize, work: impl FnOnce(counting::Counting<'_>)) -> (usize, usize) {
    let (steps, bytes) = (Cell::new(0), Cell::new(0));
    work(counting::Counting {
        steps: &steps,
        bytes: &bytes,
    });
    (steps.get() / (values / 2048), bytes.get())
}

/// A sample of many values with nothing to write, which a row of one value must not walk over.
#[test]
fn a_text_that_is_replaced_time_and_again_costs_no_walk_over_the_values_each_time() {
    const VALUES: u64 = 100_000;
    let mut empty_texts = Sample::new(MAX_SIZE, 0);
    for value in 1..=VALUES {
        empty_texts.insert(value << 8, "", None).unwrap();
    }
    let rows: Vec<String> = (1..=600).rev().map(|len| "x".repeat(len)).collect();
    let mut all = Sample::new(MAX_SIZE, 0);
    rows.iter().for_each(|text| all.insert(0, text, None).unwrap());
    all.merge(&empty_texts).unwrap();
    let all = all.encode();

    let bytes = empty_texts.encode();
    for is_merged in [false, true] {
        let (walks, _) = work(VALUES as usize, |surroundings| {
            let mut sample = Sample::decode_in(&EncodedSample::parse(&bytes).unwrap(), surroundings).unwrap();
            for text in &rows {
                if is_merged {
                    let mut one = Sample::new(MAX_SIZE, 0);
                    one.insert(0, text, None).unwrap();
                    sample.merge(&one).unwrap();
                } else {
                    sample.insert(0, text, None).unwrap();
                }
            }
            assert!(sample.encode() == all);
        });
        // To decode, sort and encode them, once.
        assert!(walks < 30, "{walks}");
    }
    // The row that is replaced is there before the others.
    let (walks, _) = work(VALUES as usize, |surroundings| {
        let mut sample = Sample::new_in(MAX_SIZE, 0, Kind::Unknown, surroundings);
        sample.insert(0, &rows[0], None).unwrap();
        sample.merge(&empty_texts).unwrap();
        rows[1..].iter().for_each(|text| sample.insert(0, text, None).unwrap());
        assert_eq!(known(&sample.encode())[VALUES as usize].1, 599 + 1);
    });
    assert!(walks < 30, "{walks}");
}

/// The values of whoever chooses them belong to all levels but for one each, or to all of many levels.
#[test]
fn levels_that_drop_next_to_nothing_cost_next_to_nothing() {
    const SIZE: u32 = 20_000;
    const LEVELS: u16 = 100;
    const STAYING: u64 = SIZE as u64 - 1 - LEVELS as u64;
    let leaving: Vec<u64> = (0..LEVELS)
        .map(|level| threshold(level + 1).unwrap() << 8)
        .rev()
        .collect();
    fn filled<'a>(leaving: &[u64], surroundings: counting::Counting<'a>) -> Sample<counting::Counting<'a>> {
        let mut sample = Sample::new_in(SIZE, 0, Kind::Unknown, surroundings);
        for &hash in leaving {
            sample.insert(hash, "leaves", Some(1.0)).unwrap();
        }
        for value in 0..STAYING {
            sample.insert(value << 8, "stays", Some(1.0)).unwrap();
        }
        assert_eq!(
            (sample.header().level(), sample.header().retained()),
            (0, SIZE as usize - 1)
        );
        sample
    }
    let more = |sample: &mut Sample<counting::Counting<'_>>| {
        for round in 1..=LEVELS {
            let value = STAYING + u64::from(round);
            sample.insert(value << 8, "stays", Some(1.0)).unwrap();
            assert_eq!(
                (sample.header().level(), sample.header().retained()),
                (round, SIZE as usize - 1)
            );
        }
    };
    let (_, alone) = work(SIZE as usize, |surroundings| drop(filled(&leaving, surroundings)));
    let (_, together) = work(SIZE as usize, |surroundings| {
        let mut sample = filled(&leaving, surroundings);
        more(&mut sample);
        let bytes = sample.encode_in(0, Global).unwrap();
        let texts = known(&bytes);
        assert!(texts.len() == SIZE as usize - 1 && texts.iter().all(|known| known.0 == "stays" && known.1 == 1));
        assert!(decoded(&bytes).encode() == *bytes);
    });
    // Memory for the values that come, and for the positions once or twice.
    assert!(together < alone + 4_000_000, "{together}, {alone} before");

    let (walks, _) = work(SIZE as usize, |surroundings| {
        let mut sample = Sample::new_in(SIZE, 0, Kind::Unknown, surroundings);
        for value in 0..u64::from(SIZE) {
            sample.insert(value << 8, "", None).unwrap();
        }
        assert!(sample.header().level() > 200);
    });
    assert!(walks < 60, "{walks}");
}

fn golden_cases() -> Vec<(&'static str, Sample)> {
    let of_integers = |n: u16, size, seed| {
        let mut sample = Sample::new_in(size, seed, Kind::Integer, Global);
        for i in 0..n {
            for row in 0..=i % 5 {
                let hash = hash::integer(i64::from(i), seed);
                let measure = (i % 3 > 0).then(|| f64::from(row) / 10.0 - f64::from(i));
                sample.insert(hash, &i.to_string(), measure).unwrap();
            }
        }
        sample
    };
    let mut special = Sample::new_in(100, u64::MAX, Kind::Text, Global);
    for (text, measures) in [
        ("", &[0.1, 0.2][..]),
        ("zero", &[-0.0]),
        ("cancels", &[1e300, -1e300]),
        ("not a number", &[f64::NAN, 1.0]),
        ("infinite", &[f64::INFINITY, 1.0]),
        ("both", &[f64::INFINITY, f64::NEG_INFINITY]),
        ("largest", &[f64::MAX, f64::MAX]),
        ("least", &[f64::MIN, -5e-324]),
        ("räksmörgås 🦐", &[]),
    ] {
        let hash = hash::bytes(text.as_bytes(), u64::MAX);
        special.insert(hash, text, None).unwrap();
        measures
            .iter()
            .for_each(|&number| special.insert(hash, text, Some(number)).unwrap());
    }
    vec![
        ("v1-nothing", Sample::nothing_in(Global)),
        ("v1-one", of_integers(1, DEFAULT_SIZE, 0)),
        ("v1-exact", of_integers(50, DEFAULT_SIZE, 0)),
        ("v1-thinned", of_integers(10_000, 100, 0)),
        ("v1-smallest", of_integers(5_000, MIN_SIZE, 7)),
        ("v1-special", special),
    ]
}

/// `CVM_WRITE_GOLDEN=1` writes the files that are missing. A file that is there is never rewritten: format version 1 is
/// what these bytes say it is.
#[test]
fn golden_files_read_and_write() {
    for (name, sample) in golden_cases() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden_samples/{name}.bin"));
        if std::env::var_os("CVM_WRITE_GOLDEN").is_some() && !path.exists() {
            std::fs::write(&path, sample.encode()).unwrap();
        }
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(sample.encode() == golden, "{name}: the bytes written have changed");
        assert_eq!(decoded(&golden).encode(), golden, "{name}");
    }
    assert_eq!(Sample::nothing_in(Global).size(), DEFAULT_CAPACITY);
}

#[test]
fn the_documented_example_is_true() {
    // docs/format.md walks through these bytes.
    let mut sample = Sample::new_in(8, 5, Kind::Text, Global);
    for (hash, text, measure) in [
        (0x40 << 56, "a", None),
        (0xC0 << 56 | 0x300, "é", Some(1.5)),
        (0xC0 << 56 | 0x300, "é", Some(-2.0)),
        (0xC0 << 56 | 0x300, "é", None),
    ] {
        sample.insert(hash, text, measure).unwrap();
    }
    let mut expected = vec![1, 1, 8, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    expected.extend([0, 0, 0, 0, 0, 0, 0xC0, 1, 0, 0, 0, 0, 0, 0x20, 5]);
    expected.extend([1, 2, b'a']);
    expected.extend([
        3, 5, 0xC3, 0xA9, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F,
    ]);
    // -0.5 is -2^1073 times 2^-1074: bit 1 of byte 134 and all above it.
    expected.extend([0x86, 1, 1, 0xFE]);
    assert_eq!(sample.encode(), expected);
}

/// The bytes of a sample of these whole hashes, up to the values.
fn before_the_values(size: u32, hashes: std::ops::Range<u64>) -> Vec<u8> {
    let mut sample = Sample::new(size, 0);
    let count = hashes.clone().count();
    hashes.for_each(|hash| sample.insert(hash << 8, "", None).unwrap());
    let mut bytes = sample.encode();
    // Each occurs once, and has a text without bytes.
    assert!(bytes.ends_with(&[1, 0].repeat(count)));
    bytes.truncate(bytes.len() - 2 * count);
    bytes
}

/// The sample of one value, whose entry is `entry`, and the fault that parsing names.
fn fault_of_entry(entry: &[u8]) -> String {
    let mut bytes = before_the_values(8, 1..2);
    bytes.extend(entry);
    EncodedSample::parse(&bytes)
        .map(drop)
        .expect_err("the fault passed")
        .to_string()
}

#[test]
fn every_fault_is_named() {
    let parse = |bytes: &[u8]| EncodedSample::parse(bytes).map(drop);
    assert_eq!(parse(&[]), Err(SampleDecodeError::Empty));
    assert_eq!(parse(&[2]), Err(SampleDecodeError::Version(2)));
    assert_eq!(parse(&[1, 2]), Err(SampleDecodeError::SketchVersion(2)));
    // A sketch is no sample, and a sample no sketch.
    let sample = sample_of(&[(1, false, Some(1.0)), (2, true, None)], 8).encode();
    let sketch = sketch_bytes(&EncodedSample::parse(&sample).unwrap());
    assert!(parse(&sketch).is_err() && EncodedSketch::parse(&sample).is_err());

    let header = |flags: u8, level: u8, size: u32| {
        let mut bytes = vec![1, 1, flags, level, 0];
        bytes.extend(size.to_le_bytes());
        bytes.extend([0; 12]);
        bytes
    };
    assert_eq!(parse(&header(1, 1, 8)), Ok(()));
    assert_eq!(
        parse(&header(1, 0, 8)),
        Err(SampleDecodeError::Sketch(DecodeError::DerivedAtLevelZero))
    );
    assert_eq!(
        parse(&header(0, 0, MAX_SIZE + 1)),
        Err(SampleDecodeError::Size(MAX_SIZE + 1))
    );
    assert_eq!(
        parse(&header(0, 0, MAX_SIZE + 1)).unwrap_err().to_string(),
        "size must be at most 1000000, not 1000001"
    );
    assert_eq!(parse(&header(0, 0, MAX_SIZE)), Ok(()));
    let mut long = sample.clone();
    long.push(0);
    assert_eq!(parse(&long), Err(SampleDecodeError::TooLong(1)));

    let at_0 = |fault: &str| format!("the value at position 0 {fault}");
    let integer = at_0("has an integer that is cut off or longer than it needs to be");
    let (one, minus_one) = ([0, 0, 0, 0, 0, 0, 0xF0, 0x3F], [0, 0, 0, 0, 0, 0, 0xF0, 0xBF]);
    let measured = |least: [u8; 8], greatest: [u8; 8], sum: &[u8]| [&[1, 3, b'a'], &least[..], &greatest, sum].concat();
    for (entry, fault) in [
        (vec![], integer.clone()),
        (vec![0x80, 0], integer.clone()),
        (vec![1], integer.clone()),
        (
            vec![0, 2, b'a'],
            at_0("must occur between 1 and 9223372036854775807 times, not 0"),
        ),
        (
            vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 2, b'a'],
            at_0("must occur between 1 and 9223372036854775807 times, not 9223372036854775808"),
        ),
        (
            vec![1, 0x82, 0x80, 0x80, 1, b'a'],
            at_0("must have at most 1048576 bytes, not 1048577"),
        ),
        (vec![1, 4, b'a'], at_0("is cut off")),
        (vec![1, 2, 0xFF], at_0("is not UTF-8")),
        (vec![1, 6, b'a', 0, b'b'], at_0("has a zero byte")),
        (vec![1, 3, b'a', 1, 2, 3], at_0("is cut off")),
        (
            measured([0, 0, 0, 0, 0, 0, 0, 0x80], one, &[0, 0]),
            at_0("has a measure that is -0 or not the usual NaN"),
        ),
        (
            measured(one, [1, 0, 0, 0, 0, 0, 0xF8, 0x7F], &[]),
            at_0("has a measure that is -0 or not the usual NaN"),
        ),
        (
            measured(one, minus_one, &[0, 0]),
            at_0("has a least measure above the greatest"),
        ),
        (measured(one, one, &[]), integer.clone()),
        (measured(one, one, &[0, 5]), at_0("is cut off")),
        (
            measured(one, one, &[1, 0]),
            at_0("has a sum that its measures cannot have"),
        ),
        (
            measured(one, one, &[0, 2, 0, 1]),
            at_0("has a sum that its measures cannot have"),
        ),
        (
            measured(one, one, &[0, 2, 1, 0]),
            at_0("has a sum that its measures cannot have"),
        ),
        (
            measured(one, one, &[0x8F, 2, 1, 1]),
            at_0("has a sum that its measures cannot have"),
        ),
        (
            measured(
                one,
                one,
                &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 1, 1],
            ),
            at_0("has a sum that its measures cannot have"),
        ),
        // Two values, where the sketch has one.
        (
            vec![1, 2, b'a', 1, 2, b'b'],
            "there must be 0 bytes after the last value, not 3".to_string(),
        ),
    ] {
        assert_eq!(fault_of_entry(&entry), fault, "{entry:?}");
    }
    // Infinity has no finite sum, and NaN is above it.
    let infinity = [0, 0, 0, 0, 0, 0, 0xF0, 0x7F];
    assert_eq!(
        fault_of_entry(&measured(one, infinity, &[0, 0])),
        "there must be 0 bytes after the last value, not 2"
    );

    let mut bytes = before_the_values(1_000, 0..(MAX_TEXTS_LEN / MAX_TEXT_LEN) as u64 + 1);
    for _ in 0..=MAX_TEXTS_LEN / MAX_TEXT_LEN {
        bytes.extend([1, 0x80, 0x80, 0x80, 1]);
        bytes.extend(std::iter::repeat_n(b'x', MAX_TEXT_LEN));
    }
    assert_eq!(
        parse(&bytes),
        Err(SampleDecodeError::Texts(MAX_TEXTS_LEN + MAX_TEXT_LEN))
    );
}
