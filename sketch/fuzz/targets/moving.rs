//! Moving frames of values and of any legal sketches, of either format version: after every step, the sketch is that of the frame.
#![no_main]

use allocator_api2::alloc::Global;
use cvm_sketch::capacity::MIN_CAPACITY;
use cvm_sketch::codec::WHOLE_FORMAT_VERSION;
use cvm_sketch::{EncodedSketch, FramedSketch, Header, Kind, MovingSketch, MovingUnion, Sketch};
use fuzz::Reader;
use libfuzzer_sys::fuzz_target;
use std::collections::VecDeque;

type Bytes = Vec<u8>;

fn framed(bytes: &Bytes) -> FramedSketch<'_> {
    FramedSketch::parse(bytes).expect("it is legal")
}

/// Which member of the frame leaves: the oldest, most of the time.
fn leaving(reader: &mut Reader<'_>, count: usize) -> usize {
    match reader.number(1) {
        any @ 0..64 => any as usize % count,
        _ => 0,
    }
}

fn values(reader: &mut Reader<'_>) {
    let capacity = MIN_CAPACITY + reader.number(1) as u32 % 64;
    let anew = || MovingSketch::new_in(capacity, 5, Kind::Text, Global);
    let (mut moving, mut frame) = (anew(), VecDeque::new());
    while !reader.0.is_empty() {
        let step = reader.number(1);
        for _ in 0..step % 32 {
            // Few values or many, some of high levels. Of the few, some share the 40 or 48 upper bits.
            let hash = match reader.number(1) {
                few @ 0..64 => few.wrapping_mul(0x9E37_79B9_7F4A_7C15),
                near @ 64..96 => {
                    let bit = [4, 12, 18, 22][near as usize / 8 % 4];
                    (near % 8).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 1 << bit
                }
                shift => (reader.number(1) << 56) >> (shift % 64),
            };
            frame.push_back(hash);
            moving.enter(hash).expect("there is memory");
        }
        for _ in 0..step / 8 {
            if frame.is_empty() {
                break;
            }
            let position = leaving(reader, frame.len());
            let gone = frame.remove(position).expect("it is there");
            if !moving.leave(gone) {
                moving = anew();
                frame
                    .iter()
                    .for_each(|&hash| moving.enter(hash).expect("there is memory"));
            }
        }
        let mut sketch = Sketch::new(capacity, 5).of_kind(Kind::Text);
        sketch.insert_all(frame.make_contiguous()).expect("there is memory");
        let header = if frame.is_empty() {
            Header::NOTHING
        } else {
            sketch.header()
        };
        assert_eq!(moving.header(), header);
        if !frame.is_empty() {
            let bytes = moving.encode_in(0, Global).expect("there is memory");
            assert_eq!(bytes.as_slice(), sketch.encode());
        }
    }
}

fn sketches(reader: &mut Reader<'_>) {
    // Whatever does not fit together ends the frame, so most are made to fit.
    let fits = reader.number(1) % 8 != 0;
    let mut parts: Vec<Bytes> = vec![];
    while !reader.0.is_empty() && parts.len() < 32 {
        let mut part = reader.parts();
        part.kind = reader.kind();
        if fits {
            part.seed = 0;
            part.kind = if part.kind == Kind::Unknown {
                Kind::Unknown
            } else {
                Kind::Text
            };
            part.is_derived &= part.hashes.len() % 8 == 0;
            part.capacity = if part.hashes.len() % 8 == 1 { part.capacity } else { 40 };
        }
        if part.hashes.len() % 4 == 2 {
            part.version = WHOLE_FORMAT_VERSION;
        }
        part.legalize();
        parts.push(part.encode());
    }
    let rows = 1 + parts.len() / 4;
    let anew = || MovingUnion::new_in(Global);
    let (mut moving, mut is_known) = (anew(), true);
    for end in 0..parts.len() {
        let frame = &parts[(end + 1).saturating_sub(rows)..=end];
        if end >= rows && is_known {
            is_known = moving.leave(&framed(&parts[end - rows])).expect("it is legal");
        }
        let entered = if is_known {
            moving.enter(&framed(&parts[end]))
        } else {
            moving = anew();
            frame.iter().try_for_each(|part| moving.enter(&framed(part)))
        };
        let mut union = Sketch::new(Header::NOTHING.capacity(), 0);
        let expected = frame.iter().try_for_each(|part| union.accumulate_framed(&framed(part)));
        assert_eq!(entered, expected);
        is_known = entered.is_ok();
        if is_known {
            union.settle().expect("there is memory");
            let bytes = moving.encode_in(0, Global).expect("there is memory");
            assert_eq!(bytes.as_slice(), union.encode());
            assert_eq!(
                moving.header(),
                *EncodedSketch::parse(&bytes).expect("it is legal").header()
            );
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut reader = Reader(input);
    match reader.number(1) % 2 {
        0 => values(&mut reader),
        _ => sketches(&mut reader),
    }
});
