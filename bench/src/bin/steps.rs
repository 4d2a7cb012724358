//! The longest time that a sketch of the finest accuracy works without asking whether to go on, in each kind of work.

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};
use cvm_sketch::interval::{self, Confidence};
use cvm_sketch::{Accuracy, EncodedSketch, FramedSketch, Sketch, Surroundings, hash, operations, text};
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

fn main() {
    let capacity = Accuracy::new(0.001, 0.01).expect("the finest").capacity();
    let (last, longest) = (Cell::new(Instant::now()), Cell::new(Duration::ZERO));
    let watched = Watched {
        last: &last,
        longest: &longest,
    };
    println!("{:24} {:>12} {:>12}", "work", "in all, ms", "longest, ms");
    let start = || {
        longest.set(Duration::ZERO);
        last.set(Instant::now());
        Instant::now()
    };
    let report = |name: &str, started: Instant| {
        watched.check_for_interrupts();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{name:24} {:12.1} {:12.1}",
            milliseconds(started.elapsed()),
            milliseconds(longest.get())
        );
    };
    let build = |range: std::ops::Range<i64>| {
        let mut sketch = Sketch::new_in(capacity, 0, watched);
        for i in range {
            // Between two rows, the executor asks.
            sketch.accumulate(hash::integer(i, 0)).expect("ordinary memory");
            watched.check_for_interrupts();
        }
        sketch.settle().expect("ordinary memory");
        sketch
    };
    let n = i64::from(capacity);

    let started = start();
    let mut a = build(0..n - 1);
    report("growing", started);
    let started = start();
    a.accumulate(hash::integer(n, 0)).expect("ordinary memory");
    a.settle().expect("ordinary memory");
    report("thinning", started);
    let b = build(n / 2..n / 2 + n - 1);
    let started = start();
    let b_bytes = b.encode_in(0, watched).expect("ordinary memory");
    report("sorting, encoding", started);
    let a_bytes = a.encode();
    let started = start();
    let encoded = EncodedSketch::parse_in(&b_bytes, &watched).expect("a sketch");
    report("checking", started);
    let started = start();
    black_box(Sketch::decode_in(&encoded, watched).expect("ordinary memory"));
    report("decoding", started);
    let started = start();
    let mut copy = a.try_clone_in(watched).expect("ordinary memory");
    report("copying", started);
    let started = start();
    copy.merge(&b).expect("of one seed");
    report("merging", started);
    let mut copy = a.try_clone_in(watched).expect("ordinary memory");
    let started = start();
    copy.merge_framed(&FramedSketch::parse(&b_bytes).expect("a sketch"))
        .expect("of one seed");
    report("merging encoded", started);
    let other = EncodedSketch::parse(&a_bytes).expect("a sketch");
    let started = start();
    black_box(operations::union(&encoded, &other, 4, watched).expect("of one seed"));
    report("union", started);
    let started = start();
    black_box(operations::intersection(&encoded, &other, 4, watched).expect("of one seed"));
    report("intersection", started);
    let started = start();
    black_box(operations::difference(&encoded, &other, 4, watched).expect("of one seed"));
    report("difference", started);
    let started = start();
    black_box(operations::downsample(&encoded, capacity / 2, 4, watched).expect("it is smaller"));
    report("downsampling", started);
    let started = start();
    black_box(operations::with_hash(&other, other.header().kind(), 1, 4, watched).expect("it is not derived"));
    report("adding one", started);
    let started = start();
    let confidence = Confidence::new(0.95).expect("legal");
    black_box(interval::jaccard(&encoded, &other, confidence, &watched).expect("of one seed"));
    report("Jaccard index", started);
    let started = start();
    black_box(interval::bounds(other.header(), confidence));
    report("bounds", started);
    let started = start();
    let written = text::encode_in(&b_bytes, 1, watched).expect("ordinary memory");
    report("to text", started);
    let started = start();
    black_box(text::decode_in(&written[..written.len() - 1], 4, watched).expect("it is text"));
    report("from text", started);
    let started = start();
    let mut crafted = Sketch::new_in(capacity, 0, watched);
    for i in 0..n as u64 - 1 {
        crafted.accumulate(i << 16).expect("ordinary memory");
        watched.check_for_interrupts();
    }
    crafted.settle().expect("ordinary memory");
    black_box(crafted.encode_in(4, watched).expect("ordinary memory"));
    report("crafted hashes", started);
}
