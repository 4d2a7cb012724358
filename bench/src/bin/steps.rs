//! The longest time that a sketch of the finest accuracy works without asking whether to go on, in each kind of work.

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use cvm_sketch::interval::{self, Confidence};
use cvm_sketch::{
    Accuracy, EncodedSketch, FramedSketch, Kind, MovingSketch, MovingUnion, Sketch, Surroundings, between, hash,
    operations, text,
};
use std::cell::Cell;
use std::hint::black_box;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// Ordinary memory, and a record of when it was asked last, and of the longest time between two questions.
#[derive(Clone, Copy)]
struct Watched<'a> {
    last: &'a Cell<Instant>,
    longest: &'a Cell<Duration>,
}

impl Surroundings for Watched<'_> {
    fn check_for_interrupts(&self) {
        let now = Instant::now();
        self.longest.set(self.longest.get().max(now - self.last.replace(now)));
    }
}

// SAFETY: every block comes from, and goes back to, the global allocator.
unsafe impl Allocator for Watched<'_> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Global.allocate(layout)
    }
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { Global.deallocate(block, layout) }
    }
}

/// The end of a piece of work, whose result has to be freed only here.
fn finish<T>(watched: Watched<'_>, result: T) {
    watched.check_for_interrupts();
    black_box(result);
}

fn main() {
    let capacity = Accuracy::new(0.001, 0.01).expect("the finest").capacity();
    let (last, longest) = (Cell::new(Instant::now()), Cell::new(Duration::ZERO));
    let watched = Watched {
        last: &last,
        longest: &longest,
    };
    println!("{:24} {:>12} {:>12}", "work", "in all, ms", "longest, ms");
    let build = |range: std::ops::Range<i64>, hash: fn(i64) -> u64| {
        let mut sketch = Sketch::new_in(capacity, 0, watched);
        for i in range {
            // Between two rows, the executor asks.
            watched.check_for_interrupts();
            sketch.accumulate(hash(i)).expect("ordinary memory");
        }
        sketch.settle().expect("ordinary memory");
        sketch
    };
    let n = i64::from(capacity);
    let hash = |i| hash::integer(i, 0);
    let (a, b) = (build(0..n - 1, hash), build(n / 2..n / 2 + n, hash));
    let (a_bytes, b_bytes) = (a.encode(), b.encode());
    let [x, y] = [&a_bytes, &b_bytes].map(|bytes| EncodedSketch::parse(bytes).expect("a sketch"));
    let framed = FramedSketch::parse(&b_bytes).expect("a sketch");
    let written = text::encode_in(&b_bytes, 0, Global).expect("ordinary memory");
    let confidence = Confidence::new(0.95).expect("legal");
    let copy = || a.try_clone_in(watched).expect("ordinary memory");

    let measure = |name: &str, work: &dyn Fn(&mut Sketch<Watched<'_>>)| {
        // The least of the longest: what takes long once and not again is the machine.
        let mut least = (Duration::MAX, Duration::MAX);
        for _ in 0..3 {
            let mut sketch = copy();
            longest.set(Duration::ZERO);
            let started = Instant::now();
            last.set(started);
            work(&mut sketch);
            least = (least.0.min(started.elapsed()), least.1.min(longest.get()));
        }
        let [all, longest] = [least.0, least.1].map(|time| time.as_secs_f64() * 1e3);
        println!("{name:24} {all:12.1} {longest:12.1}");
    };
    measure("accumulating", &|_| finish(watched, build(0..n - 1, hash)));
    measure("accumulating, crafted", &|_| {
        finish(watched, build(0..n - 1, |i| (i as u64) << 38))
    });
    measure("thinning", &|sketch| {
        sketch.insert_all(&[hash(n)]).expect("ordinary memory");
        finish(watched, sketch);
    });
    measure("copying", &|sketch| {
        finish(watched, sketch.try_clone_in(watched).expect("ordinary memory"))
    });
    measure("sorting and encoding", &|sketch| {
        finish(watched, sketch.encode_in(4, watched).expect("ordinary memory"))
    });
    measure("checking", &|_| {
        finish(watched, EncodedSketch::parse_in(&b_bytes, &watched).expect("a sketch"))
    });
    measure("decoding", &|_| {
        finish(watched, Sketch::decode_in(&y, watched).expect("ordinary memory"))
    });
    measure("merging", &|sketch| {
        sketch.merge(&b).expect("of one seed");
        finish(watched, sketch);
    });
    measure("merging encoded", &|sketch| {
        sketch.merge_framed(&framed).expect("of one seed");
        finish(watched, sketch);
    });
    // A frame with as many values as it can hold the hashes of, which then slides by as many.
    measure("a frame of values", &|_| {
        let mut frame = MovingSketch::new_in(capacity, 0, Kind::Unknown, watched);
        for i in 0..4 * n {
            watched.check_for_interrupts();
            frame.enter(hash(i)).expect("ordinary memory");
            if i >= 2 * n {
                assert!(frame.leave(hash(i - 2 * n)), "it does not shrink");
            }
        }
        finish(watched, frame.encode_in(4, watched).expect("ordinary memory"))
    });
    measure("a frame of sketches", &|_| {
        let mut frame = MovingUnion::new_in(watched);
        for bytes in [&a_bytes, &b_bytes, &a_bytes] {
            let sketch = FramedSketch::parse(bytes).expect("a sketch");
            frame.enter(&sketch).expect("of one seed");
            watched.check_for_interrupts();
        }
        let sketch = FramedSketch::parse(&a_bytes).expect("a sketch");
        assert!(frame.leave(&sketch).expect("of one seed"), "it was there twice");
        finish(watched, frame.encode_in(4, watched).expect("ordinary memory"))
    });
    measure("union", &|_| {
        finish(watched, operations::union(&x, &y, 4, watched).expect("of one seed"))
    });
    measure("intersection", &|_| {
        finish(
            watched,
            operations::intersection(&x, &y, 4, watched).expect("of one seed"),
        )
    });
    measure("difference", &|_| {
        finish(
            watched,
            operations::difference(&x, &y, 4, watched).expect("of one seed"),
        )
    });
    measure("downsampling", &|_| {
        finish(
            watched,
            operations::downsample(&x, capacity / 2, 4, watched).expect("it is smaller"),
        )
    });
    measure("one value more", &|_| {
        finish(
            watched,
            operations::with_hash(&x, Kind::Unknown, 1, 4, watched).expect("a sketch of values"),
        )
    });
    measure("Jaccard index", &|_| {
        finish(
            watched,
            between::jaccard(&x, &y, confidence, &watched).expect("of one seed"),
        )
    });
    measure("intersection bounds", &|_| {
        finish(
            watched,
            between::intersection(&x, &y, confidence, &watched).expect("of one seed"),
        )
    });
    measure("bounds", &|_| finish(watched, interval::bounds(y.header(), confidence)));
    measure("to text", &|_| {
        finish(watched, text::encode_in(&b_bytes, 1, watched).expect("ordinary memory"))
    });
    measure("from text", &|_| {
        finish(watched, text::decode_in(&written, 4, watched).expect("it is text"))
    });
}
