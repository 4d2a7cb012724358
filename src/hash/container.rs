//! Values that hold others: arrays, ranges, rows.
//!
//! What is inside may be as deep as somebody likes, deeper than the stack would allow. So a value is read up to one that
//! holds others itself, and who called goes on with that. Few levels are walked by recursion, which costs least; those
//! inside of them by a list in memory of the values that are being read.

use crate::hash::rule::Rule;
use crate::pg::error::OrRaise;
use crate::pg::invalidation;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{
    self, ArrayType, Datum, HeapTupleData, HeapTupleHeader, Oid, RangeBound, TupleDesc, TypeCacheEntry,
};
use crate::pg::unguarded::{self, Aligned, check_interrupts};
use allocator_api2::vec::Vec;
use cvm_sketch::OutOfMemory;
use cvm_sketch::hash::Sequence;
use pgrx::PgTupleDesc;
use std::ffi::CStr;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// The rule for a type whose values hold others.
pub(crate) enum Container {
    Array(NonNull<Elements>),
    Range(NonNull<Bounds>),
    Multirange(NonNull<Bounds>),
    Row(Rows),
}

/// In front of the hash of a value inside of another, and of nothing where that is NULL.
const NULL: u8 = 0;
const NOT_NULL: u8 = 1;

/// How many values inside of one another are read by recursion.
const NEAR: usize = 8;

/// A value that holds others, to be read next: its rule, and itself.
type Inner = (NonNull<Container>, Datum);

impl Container {
    /// The hash of a value. As [`Rule::hash`].
    ///
    /// # Safety
    ///
    /// As [`Rule::hash`].
    pub(crate) unsafe fn hash<const LEARN: bool>(&mut self, value: Datum, seed: u64) -> Option<u64> {
        // SAFETY: the caller vouches for the value.
        unsafe { hash_near::<LEARN>((NonNull::from(self), value), seed, 0) }
    }
}

/// The hash of a value inside of so many others.
///
/// # Safety
///
/// As [`Rule::hash`], and nothing else refers to the rule.
unsafe fn hash_near<const LEARN: bool>((container, value): Inner, seed: u64, depth: usize) -> Option<u64> {
    // SAFETY: the caller vouches for the value and the rule.
    unsafe {
        unguarded::with_aligned(value, |value| {
            let mut sequence = Sequence::new(seed);
            let mut unread = Unread::of::<LEARN>((container, value), &mut sequence)?;
            while let Some(inner) = unread.read::<LEARN>(&mut sequence, seed)? {
                let hash = match depth < NEAR {
                    true => hash_near::<LEARN>(inner, seed, depth + 1)?,
                    false => hash_deep::<LEARN>(inner, seed)?,
                };
                sequence.push_word(NOT_NULL, hash);
            }
            Some(sequence.finish())
        })
    }
}

/// [`hash_near`] without recursion.
///
/// # Safety
///
/// As [`hash_near`].
#[cold]
#[inline(never)]
unsafe fn hash_deep<const LEARN: bool>(outermost: Inner, seed: u64) -> Option<u64> {
    // SAFETY: the caller vouches for value and rule. The list ends with this call.
    unsafe {
        let mut around = Vec::new_in(ContextAllocator::current());
        let hash = walk::<LEARN>(outermost, seed, &mut around);
        // Where there is no hash, some have not been read to the end.
        around.into_iter().for_each(|open: Open| open.value.free());
        hash
    }
}

/// Reads a value and those inside of it; `around` has those that are being read.
///
/// # Safety
///
/// As [`hash_near`].
unsafe fn walk<const LEARN: bool>(
    outermost: Inner,
    seed: u64,
    around: &mut Vec<Open, ContextAllocator>,
) -> Option<u64> {
    // SAFETY: the caller vouches for value and rule, and a value that is read for those inside of it.
    unsafe {
        let (mut container, mut value) = outermost;
        loop {
            match around.try_reserve(1) {
                Err(_) if LEARN => Err(OutOfMemory).or_raise(),
                reserved => reserved.ok()?,
            }
            let mut sequence = Sequence::new(seed);
            let aligned = Aligned::new(value);
            let Some(unread) = Unread::of::<LEARN>((container, aligned.value()), &mut sequence) else {
                aligned.free();
                return None;
            };
            around.push(Open {
                value: aligned,
                sequence,
                unread,
            });
            loop {
                let Open { sequence, unread, .. } = around.last_mut()?;
                if let Some(inner) = unread.read::<LEARN>(sequence, seed)? {
                    (container, value) = inner;
                    break;
                }
                let read = around.pop()?;
                read.value.free();
                let hash = read.sequence.finish();
                match around.last_mut() {
                    None => return Some(hash),
                    Some(parent) => parent.sequence.push_word(NOT_NULL, hash),
                }
            }
        }
    }
}

/// A value that is being read.
struct Open {
    value: Aligned,
    /// What is hashed of it so far.
    sequence: Sequence,
    unread: Unread,
}

/// What has not been read yet of a value.
enum Unread {
    Elements {
        elements: NonNull<Elements>,
        /// The next one that is not NULL.
        at: *const u8,
        /// A bit for each element, if any is NULL.
        nulls: Option<NonNull<u8>>,
        next: usize,
        count: usize,
    },
    /// Bounds of a range, and further ranges of a multirange.
    Bounds {
        bounds: NonNull<Bounds>,
        lower: Option<Datum>,
        upper: Option<Datum>,
        ranges: Datum,
        next: u32,
        count: u32,
    },
    Columns {
        columns: NonNull<Columns>,
        next: usize,
    },
}

impl Unread {
    /// Begins to read a value: adds what tells its shape to what is hashed of it.
    ///
    /// # Safety
    ///
    /// As [`hash_near`]; the value has a header of four bytes.
    #[inline(always)]
    unsafe fn of<const LEARN: bool>((mut container, value): Inner, sequence: &mut Sequence) -> Option<Self> {
        check_interrupts();
        // SAFETY: the caller vouches for the value and the rule.
        unsafe {
            Some(match container.as_mut() {
                Container::Array(elements) => Elements::open(*elements, value, sequence),
                Container::Range(bounds) => Bounds::open_range(*bounds, value, sequence),
                Container::Multirange(bounds) => Bounds::open_multirange(*bounds, value, sequence),
                Container::Row(rows) => rows.open::<LEARN>(value, sequence)?,
            })
        }
    }

    /// Reads on, up to a value that holds others itself, or to the end.
    ///
    /// # Safety
    ///
    /// As [`hash_near`]; the value and its rule are those that this was [made](Self::of) for.
    #[inline(always)]
    unsafe fn read<const LEARN: bool>(&mut self, sequence: &mut Sequence, seed: u64) -> Option<Option<Inner>> {
        // SAFETY: the caller vouches for the value and the rule, of which nothing inside is being read any more.
        unsafe {
            match self {
                Unread::Elements {
                    elements,
                    at,
                    nulls,
                    next,
                    count,
                } => {
                    let Elements { layout, rule } = elements.as_mut();
                    // In registers.
                    let (mut place, nulls) = (*at, *nulls);
                    for i in *next..*count {
                        check_interrupts();
                        if nulls.is_some_and(|nulls| nulls.add(i / 8).read() >> (i % 8) & 1 == 0) {
                            sequence.push(&[NULL]);
                            continue;
                        }
                        let value = layout.read(place);
                        place = layout.after(place);
                        if let Some(inner) = put::<LEARN>(rule, value, sequence, seed)? {
                            (*at, *next) = (place, i + 1);
                            return Some(Some(inner));
                        }
                    }
                }
                Unread::Bounds {
                    bounds,
                    lower,
                    upper,
                    ranges,
                    next,
                    count,
                } => loop {
                    let rule = &mut bounds.as_mut().rule;
                    for bound in [&mut *lower, &mut *upper] {
                        if let Some(bound) = bound.take()
                            && let Some(inner) = put::<LEARN>(rule, bound, sequence, seed)?
                        {
                            return Some(Some(inner));
                        }
                    }
                    if *next == *count {
                        break;
                    }
                    check_interrupts();
                    let both = unguarded::multirange_bounds(bounds.as_ref().range_type, *ranges, *next);
                    *next += 1;
                    [*lower, *upper] = Bounds::put_flags(both, sequence);
                },
                Unread::Columns { columns, next } => {
                    let Columns {
                        rules, values, nulls, ..
                    } = columns.as_mut();
                    let columns = rules.iter_mut().zip(values).zip(nulls).enumerate();
                    for (i, ((rule, value), is_null)) in columns.skip(*next) {
                        let Some(rule) = rule else { continue };
                        if *is_null {
                            sequence.push(&[NULL]);
                        } else if let Some(inner) = put::<LEARN>(rule, *value, sequence, seed)? {
                            *next = i + 1;
                            return Some(Some(inner));
                        }
                    }
                }
            }
        }
        Some(None)
    }
}

/// Adds a value to what is hashed of the one that holds it, its word or its hash; or returns it if it holds others
/// itself.
///
/// # Safety
///
/// As [`Rule::hash`].
#[inline(always)]
unsafe fn put<const LEARN: bool>(
    rule: &mut Rule,
    value: Datum,
    sequence: &mut Sequence,
    seed: u64,
) -> Option<Option<Inner>> {
    // SAFETY: the caller vouches for the value.
    let word = unsafe {
        match rule {
            Rule::Container(container) => return Some(Some((NonNull::from(container), value))),
            Rule::Plain(plain) => plain.word(value),
            _ => None,
        }
    };
    let word = match word {
        Some(word) => word as u64,
        // SAFETY: as above.
        None => unsafe { rule.hash::<LEARN>(value, seed)? },
    };
    sequence.push_word(NOT_NULL, word);
    Some(None)
}

/// How the values of a type lie in memory one after the other.
struct Layout {
    length: i16,
    is_by_value: bool,
    alignment: usize,
}

impl Layout {
    fn of_type(of: Oid) -> Self {
        let (mut length, mut is_by_value, mut alignment) = (0, false, 0);
        // SAFETY: a type that does not exist raises an ERROR.
        unsafe { pg_sys::get_typlenbyvalalign(of, &mut length, &mut is_by_value, &mut alignment) };
        Layout {
            length,
            is_by_value,
            alignment: match alignment as u8 {
                pg_sys::TYPALIGN_CHAR => 1,
                pg_sys::TYPALIGN_SHORT => 2,
                pg_sys::TYPALIGN_INT => 4,
                _ => 8,
            },
        }
    }

    /// The value at an address.
    ///
    /// # Safety
    ///
    /// There is one.
    #[inline]
    unsafe fn read(&self, at: *const u8) -> Datum {
        // SAFETY: the caller vouches for the value, and values by value are aligned as integers of their length are.
        unsafe {
            match (self.is_by_value, self.length) {
                (false, _) => Datum::from(at),
                (true, 1) => Datum::from(i64::from(at.cast::<i8>().read())),
                (true, 2) => Datum::from(i64::from(at.cast::<i16>().read())),
                (true, 4) => Datum::from(i64::from(at.cast::<i32>().read())),
                (true, _) => Datum::from(at.cast::<i64>().read()),
            }
        }
    }

    /// The address after the value at an address, where the next one may be.
    ///
    /// # Safety
    ///
    /// There is a value.
    #[inline]
    unsafe fn after(&self, at: *const u8) -> *const u8 {
        // SAFETY: the caller vouches for the value, and what it says of its length.
        unsafe {
            let length = match self.length {
                -1 => pgrx::varlena::varsize_any(at.cast()),
                -2 => CStr::from_ptr(at.cast()).count_bytes() + 1,
                length => length as usize,
            };
            let end = at.add(length);
            end.add(end.align_offset(self.alignment))
        }
    }
}

/// The elements of an array.
pub(crate) struct Elements {
    layout: Layout,
    pub(crate) rule: Rule,
}

impl Elements {
    /// Elements of a type, without their rule.
    pub(crate) fn new(of_type: Oid) -> Self {
        Elements {
            layout: Layout::of_type(of_type),
            rule: Rule::NONE,
        }
    }

    /// Number of dimensions, their lengths, their lower bounds; then comes each element.
    ///
    /// # Safety
    ///
    /// `array` is an array of such elements with a header of four bytes.
    #[inline(always)]
    unsafe fn open(elements: NonNull<Self>, array: Datum, sequence: &mut Sequence) -> Unread {
        // SAFETY: the caller vouches for the array, and PostgreSQL for what it says of itself: after its head the
        // lengths of the dimensions and the lower bounds, a bit for each element if any is NULL, and the elements that
        // are not.
        unsafe {
            let head: *mut ArrayType = array.cast_mut_ptr();
            let dimensions = (*head).ndim as usize;
            let shape = std::slice::from_raw_parts(head.add(1).cast::<i32>(), 2 * dimensions);
            let count = match dimensions {
                0 => 0,
                _ => shape[..dimensions].iter().map(|&length| length as usize).product(),
            };
            let start: *mut u8 = head.cast();
            // Offsets are aligned, not addresses: an array may start at any multiple of its own alignment.
            let head_len = size_of::<ArrayType>() + size_of_val(shape);
            let (nulls, at) = match (*head).dataoffset {
                0 => (
                    None,
                    start.add(head_len.next_multiple_of(pg_sys::MAXIMUM_ALIGNOF as usize)),
                ),
                offset => (NonNull::new(start.add(head_len)), start.add(offset as usize)),
            };
            sequence.push(&(dimensions as u32).to_le_bytes());
            shape.iter().for_each(|number| sequence.push(&number.to_le_bytes()));
            Unread::Elements {
                elements,
                at,
                nulls,
                next: 0,
                count,
            }
        }
    }
}

/// The bounds of a range.
pub(crate) struct Bounds {
    range_type: *mut TypeCacheEntry,
    pub(crate) rule: Rule,
}

impl Bounds {
    const EMPTY: u8 = 1;
    const LOWER_INFINITE: u8 = 2;
    const LOWER_INCLUSIVE: u8 = 4;
    const UPPER_INFINITE: u8 = 8;
    const UPPER_INCLUSIVE: u8 = 16;

    /// Bounds of ranges of a type, without their rule.
    pub(crate) fn new(range_type: *mut TypeCacheEntry) -> Self {
        Bounds {
            range_type,
            rule: Rule::NONE,
        }
    }

    /// Flags; then comes each bound that there is.
    ///
    /// # Safety
    ///
    /// `range` is a range of that type with a header of four bytes.
    #[inline(always)]
    unsafe fn open_range(bounds: NonNull<Self>, range: Datum, sequence: &mut Sequence) -> Unread {
        // SAFETY: the caller vouches for the range.
        let both = unsafe { unguarded::range_bounds(bounds.as_ref().range_type, range) };
        let [lower, upper] = match both {
            Some(both) => Self::put_flags(both, sequence),
            None => {
                sequence.push(&[Self::EMPTY]);
                [None, None]
            }
        };
        Unread::Bounds {
            bounds,
            lower,
            upper,
            ranges: range,
            next: 0,
            count: 0,
        }
    }

    /// The number of ranges; then comes of each what is hashed of a range.
    ///
    /// # Safety
    ///
    /// `ranges` is a multirange of that type with a header of four bytes.
    #[inline(always)]
    unsafe fn open_multirange(bounds: NonNull<Self>, ranges: Datum, sequence: &mut Sequence) -> Unread {
        // SAFETY: the caller vouches for the multirange.
        let count = unsafe { unguarded::multirange_len(ranges) };
        sequence.push(&count.to_le_bytes());
        Unread::Bounds {
            bounds,
            lower: None,
            upper: None,
            ranges,
            next: 0,
            count,
        }
    }

    /// Adds the flags of a range that is not empty, and returns the bounds that there are.
    #[inline(always)]
    fn put_flags([lower, upper]: [RangeBound; 2], sequence: &mut Sequence) -> [Option<Datum>; 2] {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        sequence.push(&[flag(lower.infinite, Self::LOWER_INFINITE)
            | flag(lower.inclusive, Self::LOWER_INCLUSIVE)
            | flag(upper.infinite, Self::UPPER_INFINITE)
            | flag(upper.inclusive, Self::UPPER_INCLUSIVE)]);
        [lower, upper].map(|bound| (!bound.infinite).then_some(bound.val))
    }
}

/// Rows. Each says itself of which type it is, and in one place there may be anonymous ones of several types.
pub(crate) struct Rows {
    known: Vec<Columns, ContextAllocator>,
    /// The position of the type of the last row, which most likely is that of the next.
    last: usize,
}

impl Rows {
    pub(crate) fn new_in(allocator: ContextAllocator) -> Self {
        invalidation::watch();
        Rows {
            known: Vec::new_in(allocator),
            last: 0,
        }
    }

    /// The number of columns; then comes each. As of [`Rule::hash`], `None` if the type of the row is not known.
    ///
    /// # Safety
    ///
    /// `row` is a row with a header of four bytes. As of [`Rule::hash`].
    #[inline(always)]
    unsafe fn open<const LEARN: bool>(&mut self, row: Datum, sequence: &mut Sequence) -> Option<Unread> {
        // SAFETY: the caller vouches for the row, which as a datum has its type in its head. Of its tuple no more is
        // read than its length and its data.
        unsafe {
            let row: HeapTupleHeader = row.cast_mut_ptr();
            let head = (*row).t_choice.t_datum;
            let is_of_type =
                |columns: &Columns| columns.type_id == head.datum_typeid && columns.typmod == head.datum_typmod;
            if !self.known.get(self.last).is_some_and(is_of_type) {
                match self.known.iter().position(is_of_type) {
                    Some(position) => self.last = position,
                    None if LEARN => self.learn(head.datum_typeid, head.datum_typmod),
                    None => return None,
                }
            }
            let columns = self.known.get_mut(self.last)?;
            sequence.push(&columns.count.to_le_bytes());
            let mut tuple: HeapTupleData = std::mem::zeroed();
            tuple.t_len = pgrx::varlena::varsize_4b(row.cast()) as u32;
            tuple.t_data = row;
            unguarded::deform(&mut tuple, columns.descriptor, &mut columns.values, &mut columns.nulls);
            Some(Unread::Columns {
                columns: NonNull::from(columns),
                next: 0,
            })
        }
    }

    /// Gets to know a type of rows.
    ///
    /// # Safety
    ///
    /// As [`Rule::new`].
    #[cold]
    unsafe fn learn(&mut self, type_id: Oid, typmod: i32) {
        // SAFETY: the caller vouches for the lifetime.
        let columns = unsafe { Columns::new(type_id, typmod, *self.known.allocator()) };
        self.known.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
        self.last = self.known.len();
        self.known.push(columns);
    }
}

/// The columns of a type of rows.
struct Columns {
    type_id: Oid,
    typmod: i32,
    descriptor: TupleDesc,
    /// Of columns that have been dropped, none.
    rules: Vec<Option<Rule>, ContextAllocator>,
    count: u32,
    /// Room for the columns of a row while it is hashed.
    values: Vec<Datum, ContextAllocator>,
    nulls: Vec<bool, ContextAllocator>,
}

impl Columns {
    /// # Safety
    ///
    /// As [`Rule::new`].
    unsafe fn new(type_id: Oid, typmod: i32, allocator: ContextAllocator) -> Self {
        // SAFETY: the caller vouches for the lifetime. The descriptor is a copy in the same memory context, of which
        // PostgreSQL keeps no count; an ERROR on the way makes another context current.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(allocator.context());
            let descriptor = pg_sys::lookup_rowtype_tupdesc_copy(type_id, typmod);
            pg_sys::MemoryContextSwitchTo(before);
            let count = (*descriptor).natts as usize;
            let mut columns = Columns {
                type_id,
                typmod,
                descriptor,
                rules: with_room(count, allocator),
                count: 0,
                values: with_room(count, allocator),
                nulls: with_room(count, allocator),
            };
            // Not dropped, since there is no count of it to take back.
            let attributes = ManuallyDrop::new(PgTupleDesc::from_pg_unchecked(descriptor));
            for attribute in attributes.iter() {
                let rule = (!attribute.attisdropped).then(|| {
                    Rule::new(attribute.atttypid, attribute.attcollation, allocator)
                        .or_raise()
                        .0
                });
                columns.count += u32::from(rule.is_some());
                columns.rules.push(rule);
                columns.values.push(Datum::null());
                columns.nulls.push(false);
            }
            columns
        }
    }
}

fn with_room<T>(count: usize, allocator: ContextAllocator) -> Vec<T, ContextAllocator> {
    let mut room = Vec::new_in(allocator);
    room.try_reserve_exact(count).map_err(|_| OutOfMemory).or_raise();
    room
}
