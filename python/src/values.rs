//! The values of a column so far: their sketch, and what type they are of.

use crate::error::{OrRaise, ValueError};
use crate::types::{self, Type, mixed};
use cvm_sketch::capacity::DEFAULT_CAPACITY;
use cvm_sketch::{Accuracy, Header, Kind, Sketch, hash};
use fearless_simd::{Level, dispatch};
use pyo3::prelude::*;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How many hashes are made before the sketch looks at them. The processor then works on several at once.
pub const BLOCK: usize = 1_024;

/// How long work goes on before Python is asked whether a signal came, such as that of Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// The most threads of a call.
const MAX_THREADS: i64 = 256;

/// The values of a column so far.
pub struct Values {
    sketch: Sketch,
    /// The kind that was asked for.
    wanted: Option<Kind>,
    /// The type as which the values are hashed, once there is one.
    found: Option<Type>,
}

impl Values {
    /// No values.
    pub fn new(epsilon: f64, delta: f64, seed: i64, kind: Option<&str>) -> PyResult<Self> {
        let accuracy = Accuracy::new(epsilon, delta).or_raise()?;
        let capacity = if accuracy == Accuracy::default() {
            DEFAULT_CAPACITY
        } else {
            accuracy.capacity()
        };
        let wanted = kind.map(|name| {
            name.parse::<Kind>()
                .map_err(|error| ValueError::new_err(format!("{error}, not \"{name}\"")))
        });
        Ok(Values {
            sketch: Sketch::new(capacity, seed as u64),
            wanted: wanted.transpose()?,
            found: None,
        })
    }

    /// No values, of which only the hashes count.
    pub fn with_seed(seed: i64) -> Self {
        Values {
            sketch: Sketch::new(DEFAULT_CAPACITY, seed as u64),
            wanted: None,
            found: None,
        }
    }

    /// The kind that was asked for.
    pub fn wanted(&self) -> Option<Kind> {
        self.wanted
    }

    /// The seed of the hashes.
    pub fn seed(&self) -> u64 {
        self.sketch.seed()
    }

    /// The type as which values of that type are hashed.
    ///
    /// # Errors
    ///
    /// TypeError when values before were of another. ValueError when they are not of the kind that was asked for.
    #[inline]
    pub fn type_for(&mut self, own: Type) -> PyResult<Type> {
        let as_type = own.of_kind(self.wanted)?;
        match self.found {
            Some(found) if found == as_type => {}
            Some(found) => return Err(mixed(found, as_type)),
            None => {
                self.found = Some(as_type);
                let empty = Sketch::new(self.sketch.capacity(), self.sketch.seed());
                self.sketch = std::mem::replace(&mut self.sketch, empty).of_kind(as_type.kind());
            }
        }
        Ok(as_type)
    }

    /// Whether values of any type may come.
    pub fn is_untyped(&self) -> bool {
        self.found.is_none()
    }

    /// Lets values of any type come, if there are none yet.
    pub fn forget_type_of_none(&mut self) -> PyResult<()> {
        self.sketch.settle().or_raise()?;
        if self.sketch.header().is_empty() {
            self.found = None;
        }
        Ok(())
    }

    /// Adds values of which bytes are hashed.
    #[inline(always)]
    pub fn add_bytes<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>) -> PyResult<()> {
        let seed = self.seed();
        self.add_blocks(values.map(|value| types::bytes(value, seed)), |_| {})
    }

    /// Adds values, each of which `hash` makes a hash of, given the seed, unless it is none of the type.
    #[inline(always)]
    pub fn try_add<T>(
        &mut self,
        values: impl Iterator<Item = T>,
        hash: impl Fn(T, u64) -> PyResult<u64>,
    ) -> PyResult<()> {
        let (seed, fault) = (self.seed(), Cell::new(Ok(())));
        self.add_blocks(
            values.map_while(|value| hash(value, seed).map_err(|error| fault.set(Err(error))).ok()),
            |_| {},
        )?;
        fault.into_inner()
    }

    /// Adds values that integers stand for.
    #[inline(always)]
    pub fn add_words(&mut self, words: impl Iterator<Item = i64>) -> PyResult<()> {
        let seed = self.seed();
        self.add_blocks(words.map(|word| word as u64), |words| {
            let hash = |word: &mut u64| *word = hash::integer(*word as i64, seed);
            // Compiled for each width that the vector instructions of processors have.
            dispatch!(Level::new(), _ => words.iter_mut().for_each(hash));
        })
    }

    /// As [`add_words`](Self::add_words), where a value may be none of the type.
    #[inline(always)]
    pub fn try_add_words(&mut self, words: impl Iterator<Item = PyResult<i64>>) -> PyResult<()> {
        let fault = Cell::new(Ok(()));
        self.add_words(words.map_while(|word| word.map_err(|error| fault.set(Err(error))).ok()))?;
        fault.into_inner()
    }

    /// Adds hashes, or what `finish` makes hashes of.
    #[inline(always)]
    fn add_blocks(&mut self, mut words: impl Iterator<Item = u64>, finish: impl Fn(&mut [u64])) -> PyResult<()> {
        let mut block = [0; BLOCK];
        loop {
            let mut count = 0;
            for (place, word) in block.iter_mut().zip(words.by_ref()) {
                *place = word;
                count += 1;
            }
            finish(&mut block[..count]);
            self.add_hashes(&block[..count])?;
            if count < BLOCK {
                return Ok(());
            }
        }
    }

    /// Adds values by their hashes.
    pub fn add_hashes(&mut self, hashes: &[u64]) -> PyResult<()> {
        self.sketch.accumulate_all(hashes).or_raise()
    }

    /// The estimated number of distinct values.
    pub fn estimate(&mut self) -> PyResult<u64> {
        self.sketch.settle().or_raise()?;
        Ok(self.sketch.estimate())
    }

    /// The bytes of the sketch. Of no values it is the sketch of nothing, as the server's aggregates have it.
    pub fn encode(&mut self) -> PyResult<Vec<u8>> {
        self.sketch.settle().or_raise()?;
        if self.sketch.header().is_empty() {
            return Ok(Sketch::new(Header::NOTHING.capacity(), Header::NOTHING.seed()).encode());
        }
        Ok(self.sketch.encode())
    }

    /// Has `work` add values to these, until it returns: on that many threads, each of which calls it with values of its
    /// own. They are united at the end. Python runs meanwhile.
    ///
    /// # Errors
    ///
    /// The first of `work`; KeyboardInterrupt, or whatever the handler of a signal raises.
    pub fn add_by(
        &mut self,
        py: Python<'_>,
        threads: usize,
        work: impl Fn(&mut Values, &mut Watch<'_>) -> PyResult<()> + Sync,
    ) -> PyResult<()> {
        if threads == 1 {
            return py.detach(|| work(self, &mut Watch::for_signals()));
        }
        let part = || Values {
            sketch: Sketch::new(self.sketch.capacity(), self.sketch.seed()),
            ..*self
        };
        let mut parts: Vec<Values> = (0..threads).map(|_| part()).collect();
        py.detach(|| work_apart(&mut parts, &work))?;
        for part in &mut parts {
            part.sketch.settle().or_raise()?;
            self.sketch.settle().or_raise()?;
            self.sketch.merge(&part.sketch).or_raise()?;
        }
        Ok(())
    }
}

/// Has each part be worked on by a thread, while this one waits for signals.
fn work_apart(
    parts: &mut [Values],
    work: &(impl Fn(&mut Values, &mut Watch<'_>) -> PyResult<()> + Sync),
) -> PyResult<()> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (ends, ended) = channel();
        let mut first = Ok(());
        for part in parts {
            let (ends, is_over) = (ends.clone(), &is_over);
            // As much as a thread of Python has, since it may run there.
            let spawned = thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, move || {
                // The other end waits until all are gone.
                let _ = ends.send(work(part, &mut Watch::of(is_over)));
            });
            if let Err(error) = spawned {
                is_over.store(true, Ordering::Relaxed);
                first = Err(error.into());
                break;
            }
        }
        drop(ends);
        loop {
            match ended.recv_timeout(PATIENCE) {
                Ok(end) if first.is_ok() => first = end,
                Ok(_) => {}
                // A signal counts, whatever failed before.
                Err(RecvTimeoutError::Timeout) => first = Python::attach(|py| py.check_signals()).and(first),
                Err(RecvTimeoutError::Disconnected) => return first,
            }
            if first.is_err() {
                is_over.store(true, Ordering::Relaxed);
            }
        }
    })
}

/// Says to work whether to go on.
pub struct Watch<'a> {
    /// Whether another thread has ended it all; `None` on the thread that looks for signals itself.
    is_over: Option<&'a AtomicBool>,
    looked: Instant,
}

impl<'a> Watch<'a> {
    fn of(is_over: &'a AtomicBool) -> Self {
        Watch {
            is_over: Some(is_over),
            looked: Instant::now(),
        }
    }

    /// Looks for signals now and then.
    pub fn for_signals() -> Self {
        Watch {
            is_over: None,
            looked: Instant::now(),
        }
    }

    /// Whether to go on; to be asked every few milliseconds.
    ///
    /// # Errors
    ///
    /// What the handler of a signal raised.
    pub fn check(&mut self) -> PyResult<bool> {
        match self.is_over {
            Some(is_over) => return Ok(!is_over.load(Ordering::Relaxed)),
            None if self.looked.elapsed() < PATIENCE => {}
            None => {
                Python::attach(|py| py.check_signals())?;
                self.looked = Instant::now();
            }
        }
        Ok(true)
    }
}

/// How long work goes on that holds Python's lock, before other threads of Python get their turn: as long as Python's own does.
const TURN: Duration = Duration::from_millis(5);

/// Gives other threads of Python their turn, and looks for signals, while work needs Python's lock.
pub struct Turns {
    since: Instant,
}

impl Turns {
    /// Work begins.
    pub fn new() -> Self {
        Turns { since: Instant::now() }
    }

    /// To be called every few microseconds.
    ///
    /// # Errors
    ///
    /// What the handler of a signal raised.
    pub fn give(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.since.elapsed() >= TURN {
            py.detach(|| {});
            py.check_signals()?;
            self.since = Instant::now();
        }
        Ok(())
    }
}

/// The number of threads that was asked for.
///
/// # Errors
///
/// ValueError when it is not between 1 and 256.
pub fn threads(asked: Option<i64>) -> PyResult<usize> {
    match asked.unwrap_or(1) {
        threads @ 1..=MAX_THREADS => Ok(threads as usize),
        threads => Err(ValueError::new_err(format!(
            "threads must be between 1 and {MAX_THREADS}, not {threads}"
        ))),
    }
}
