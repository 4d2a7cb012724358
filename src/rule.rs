//! The rule by which the values of a type are hashed, down to the values inside of values.
//!
//! Two values that `=` calls equal must hash alike, else they are counted twice; two that it does not must not, else
//! they are counted once. PostgreSQL's own hash functions only promise the first, since who uses them compares the
//! values then. So all types of PostgreSQL have rules of ours. `docs/hashes.md` lists them, with the bytes that go in.

use crate::catalog_changes;
use crate::enum_labels::Labels;
use crate::error::{OrRaise, raise_with_hint};
use crate::memory::ContextAllocator;
use crate::pg_sys::{
    self, ArrayType, Datum, HeapTupleData, HeapTupleHeader, Oid, RangeBound, TupleDesc, TypeCacheEntry,
};
use crate::plain_hash::Plain;
use crate::raising::{self, check_interrupts, check_stack_and_interrupts};
use crate::type_hash::TypeHash;
use crate::{jsonb, varlena};
use allocator_api2::vec::Vec;
use cvm_sketch::hash::{self, Sequence};
use cvm_sketch::{Kind, OutOfMemory};
use pgrx::PgTupleDesc;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::ffi::CStr;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// The rule for one type under one collation.
pub(crate) enum Rule {
    Plain(Plain),
    /// A `name` under a collation that may call different bytes equal: the rule of text.
    NameAsText(TypeHash),
    Enum(Labels),
    Jsonb,
    Array(NonNull<Elements>),
    Range(NonNull<Bounds>),
    Multirange(NonNull<Bounds>),
    Row(Rows),
    /// Whatever the type's own hash function says.
    Own(TypeHash),
}

/// In front of the hash of a value inside of another, and of nothing where that is NULL.
const NULL: u8 = 0;
const NOT_NULL: u8 = 1;

impl Rule {
    /// The rule for the values of a type, and what kind of values these are.
    ///
    /// Raises an ERROR when the type has no equality to follow.
    ///
    /// # Safety
    ///
    /// The rule is not used after the end of the allocator's memory context.
    pub(crate) unsafe fn new(declared: Oid, collation: Oid, allocator: ContextAllocator) -> (Self, Kind) {
        // SAFETY: the caller vouches for the lifetime. Any Oid may be asked about.
        unsafe {
            // Ranges of ranges and arrays of domains over arrays may be as deep as somebody likes.
            pg_sys::check_stack_depth();
            let base_type = pg_sys::getBaseType(declared);
            let plain = |plain, kind| (Rule::Plain(plain), kind);
            let own = |base_type| TypeHash::new(base_type, collation, allocator);
            match base_type {
                pg_sys::INT2OID => plain(Plain::Int16, Kind::Integer),
                pg_sys::INT4OID => plain(Plain::Int32, Kind::Integer),
                pg_sys::INT8OID => plain(Plain::Int64, Kind::Integer),
                pg_sys::OIDOID => plain(Plain::UInt32, Kind::Integer),
                #[cfg(feature = "pg19")]
                pg_sys::OID8OID => plain(Plain::Int64, Kind::Integer),
                pg_sys::FLOAT4OID => plain(Plain::Float32, Kind::Float),
                pg_sys::FLOAT8OID => plain(Plain::Float64, Kind::Float),
                pg_sys::NUMERICOID => plain(Plain::Numeric, Kind::Numeric),

                pg_sys::TEXTOID | pg_sys::BPCHAROID | pg_sys::NAMEOID if !is_deterministic(collation) => {
                    let rule = match base_type {
                        pg_sys::NAMEOID => Rule::NameAsText(own(pg_sys::TEXTOID)),
                        _ => Rule::Own(own(base_type)),
                    };
                    (rule, Kind::CollatedText)
                }
                pg_sys::TEXTOID => plain(Plain::Bytes, Kind::Text),
                pg_sys::BPCHAROID => plain(Plain::BlankPadded, Kind::Text),
                pg_sys::NAMEOID => plain(Plain::ZeroEnded, Kind::Text),
                // Literals in a row whose type nobody has said. They have no collation, and are compared as text.
                pg_sys::UNKNOWNOID => plain(Plain::ZeroEnded, Kind::Text),
                pg_sys::BYTEAOID => plain(Plain::Bytes, Kind::Bytes),
                // The number of bits, then the bits, padded with zeros to whole bytes.
                pg_sys::BITOID | pg_sys::VARBITOID => plain(Plain::Bytes, Kind::Bits),

                pg_sys::DATEOID => plain(Plain::Int32, Kind::Date),
                pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => plain(Plain::Int64, Kind::Timestamp),
                pg_sys::TIMEOID => plain(Plain::Int64, Kind::Time),
                // The microseconds and the zone, without the padding behind them.
                pg_sys::TIMETZOID => plain(Plain::FixedBytes12, Kind::Time),
                pg_sys::INTERVALOID => plain(Plain::Interval, Kind::Time),

                pg_sys::BOOLOID => plain(Plain::Boolean, Kind::Other),
                pg_sys::CHAROID => plain(Plain::Int8, Kind::Other),
                pg_sys::MONEYOID | pg_sys::PG_LSNOID | pg_sys::XID8OID => plain(Plain::Int64, Kind::Other),
                pg_sys::XIDOID | pg_sys::CIDOID => plain(Plain::UInt32, Kind::Other),
                pg_sys::UUIDOID => plain(Plain::FixedBytes16, Kind::Other),
                pg_sys::MACADDROID | pg_sys::TIDOID => plain(Plain::FixedBytes6, Kind::Other),
                pg_sys::MACADDR8OID => plain(Plain::FixedBytes8, Kind::Other),
                // Family, length of the prefix, address; nothing tells an inet from a cidr.
                pg_sys::INETOID => plain(Plain::Bytes, Kind::Other),
                pg_sys::ACLITEMOID => plain(Plain::AclItem, Kind::Other),

                pg_sys::JSONBOID => (Rule::Jsonb, Kind::Json),
                pg_sys::RECORDOID => (Rule::Row(Rows::new_in(allocator)), Kind::Row),
                _ => Self::of_class(base_type, collation, allocator),
            }
        }
    }

    /// [`new`](Self::new) for types that are not built in, each of a class that is.
    ///
    /// # Safety
    ///
    /// As [`new`](Self::new).
    unsafe fn of_class(base_type: Oid, collation: Oid, allocator: ContextAllocator) -> (Self, Kind) {
        const RANGE_INFO: i32 = pg_sys::TYPECACHE_RANGE_INFO as i32;
        const MULTIRANGE_INFO: i32 = pg_sys::TYPECACHE_MULTIRANGE_INFO as i32;
        // SAFETY: the caller vouches for the lifetime. Any Oid may be asked about, and entries of the type cache live
        // as long as the process.
        unsafe {
            let element = pg_sys::get_element_type(base_type);
            if element != Oid::INVALID {
                let elements = Elements::new(element, collation, allocator);
                return (Rule::Array(allocator.place(elements).or_raise()), Kind::Array);
            }
            match pg_sys::get_typtype(base_type) as u8 {
                pg_sys::TYPTYPE_ENUM => {
                    catalog_changes::watch();
                    (Rule::Enum(Labels::new_in(allocator)), Kind::Enum)
                }
                pg_sys::TYPTYPE_COMPOSITE => (Rule::Row(Rows::new_in(allocator)), Kind::Row),
                pg_sys::TYPTYPE_RANGE => {
                    let bounds = Bounds::new(pg_sys::lookup_type_cache(base_type, RANGE_INFO), allocator);
                    (Rule::Range(allocator.place(bounds).or_raise()), Kind::Range)
                }
                pg_sys::TYPTYPE_MULTIRANGE => {
                    let ranges = (*pg_sys::lookup_type_cache(base_type, MULTIRANGE_INFO)).rngtype;
                    let bounds = Bounds::new(ranges, allocator);
                    (Rule::Multirange(allocator.place(bounds).or_raise()), Kind::Range)
                }
                _ => {
                    // A type without an equality of its own takes that of another, as varchar does of text and regclass
                    // of oid.
                    let wanted = pg_sys::TYPECACHE_HASH_OPFAMILY as i32;
                    let compared_as = (*pg_sys::lookup_type_cache(base_type, wanted)).hash_opintype;
                    if compared_as == Oid::INVALID || compared_as == base_type {
                        (Rule::Own(TypeHash::new(base_type, collation, allocator)), Kind::Other)
                    } else {
                        Self::new(compared_as, collation, allocator)
                    }
                }
            }
        }
    }

    /// The hash of a value; `None` if that takes a row type or a label that has not been looked up before.
    ///
    /// With `LEARN`, these are looked up, and `None` says that the value is not what its type says. Otherwise this
    /// allocates no more than a copy of a value that has to be detoasted, and a list of the containers around the one
    /// that is read in a very deep `jsonb`, and frees both; and it calls no function behind pgrx's guard: an ERROR
    /// passes as [`raising`] says.
    ///
    /// # Safety
    ///
    /// `value` is of the type that the rule was made for. With `LEARN`, the caller is behind pgrx's guard.
    pub(crate) unsafe fn hash<const LEARN: bool>(&mut self, value: Datum, seed: u64) -> Option<u64> {
        // SAFETY: the caller vouches for the type. What a rule refers to lives as long as it, and nothing else refers
        // to it.
        unsafe {
            match self {
                Rule::Plain(plain) => match plain.hash(value, seed) {
                    None => raising::with_packed(value, |value| plain.hash(value, seed)),
                    hash => hash,
                },
                Rule::NameAsText(own) => Some(raising::with_text(value, |text| own.call(text, seed))),
                Rule::Enum(labels) => {
                    if LEARN && labels.known(value).is_none() {
                        labels.look_up(value).or_raise();
                    }
                    Some(hash::bytes(labels.known(value)?, seed))
                }
                Rule::Jsonb => {
                    let hash = |bytes| {
                        let memory = ContextAllocator::current();
                        match jsonb::hash(bytes, seed, raising::check_interrupts, memory)? {
                            Err(error) if LEARN => Err(error).or_raise(),
                            hash => hash.ok(),
                        }
                    };
                    match varlena::plain_bytes(value) {
                        Some(bytes) => hash(bytes),
                        None => raising::with_packed(value, |value| hash(varlena::plain_bytes(value)?)),
                    }
                }
                Rule::Array(elements) => {
                    raising::with_aligned(value, |array| elements.as_mut().hash::<LEARN>(array, seed))
                }
                Rule::Range(bounds) => {
                    raising::with_aligned(value, |range| bounds.as_mut().hash_range::<LEARN>(range, seed))
                }
                Rule::Multirange(bounds) => {
                    raising::with_aligned(value, |ranges| bounds.as_mut().hash_multirange::<LEARN>(ranges, seed))
                }
                Rule::Row(rows) => raising::with_aligned(value, |row| rows.hash::<LEARN>(row, seed)),
                Rule::Own(own) => Some(own.call(value, seed)),
            }
        }
    }

    /// Adds a value to what is hashed of the one that holds it: its word, or its hash. As [`hash`](Self::hash).
    ///
    /// # Safety
    ///
    /// As [`hash`](Self::hash).
    #[inline]
    unsafe fn push<const LEARN: bool>(&mut self, value: Datum, sequence: &mut Sequence, seed: u64) -> Option<()> {
        // SAFETY: the caller vouches for the value.
        unsafe {
            let word = match self {
                Rule::Plain(plain) => plain.word(value),
                _ => None,
            };
            let word = match word {
                Some(word) => word as u64,
                None => self.hash::<LEARN>(value, seed)?,
            };
            sequence.push_word(NOT_NULL, word);
        }
        Some(())
    }
}

/// Whether strings are equal under the collation only if their bytes are.
fn is_deterministic(collation: Oid) -> bool {
    if collation == Oid::INVALID {
        raise_with_hint(
            PgSqlErrorCode::ERRCODE_INDETERMINATE_COLLATION,
            "could not determine which collation to use for string hashing",
            "Use the COLLATE clause to set the collation explicitly.",
        );
    }
    // SAFETY: any Oid may be asked about; one that is no collation raises an ERROR.
    unsafe { pg_sys::get_collation_isdeterministic(collation) }
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
    rule: Rule,
}

impl Elements {
    /// # Safety
    ///
    /// As [`Rule::new`].
    unsafe fn new(element: Oid, collation: Oid, allocator: ContextAllocator) -> Self {
        Elements {
            layout: Layout::of_type(element),
            // SAFETY: the caller vouches for the lifetime.
            rule: unsafe { Rule::new(element, collation, allocator).0 },
        }
    }

    /// Number of dimensions, their lengths, their lower bounds; then each element.
    ///
    /// # Safety
    ///
    /// `array` is an array of such elements with a header of four bytes. As of [`Rule::hash`].
    unsafe fn hash<const LEARN: bool>(&mut self, array: Datum, seed: u64) -> Option<u64> {
        // SAFETY: the caller vouches for the array, and PostgreSQL for what it says of itself: after its head the
        // lengths of the dimensions and the lower bounds, a bit for each element if any is NULL, and the elements that
        // are not.
        unsafe {
            check_stack_and_interrupts();
            let head: *const ArrayType = array.cast_mut_ptr();
            let dimensions = (*head).ndim as usize;
            let shape = std::slice::from_raw_parts(head.add(1).cast::<i32>(), 2 * dimensions);
            let count = match dimensions {
                0 => 0,
                _ => shape[..dimensions].iter().map(|&length| length as usize).product(),
            };
            let start: *const u8 = head.cast();
            // Offsets are aligned, not addresses: an array may start at any multiple of its own alignment.
            let head_len = size_of::<ArrayType>() + size_of_val(shape);
            let (nulls, mut at) = match (*head).dataoffset {
                0 => (
                    None,
                    start.add(head_len.next_multiple_of(pg_sys::MAXIMUM_ALIGNOF as usize)),
                ),
                offset => (Some(start.add(head_len)), start.add(offset as usize)),
            };

            let mut sequence = Sequence::new(seed);
            sequence.push(&(dimensions as u32).to_le_bytes());
            shape.iter().for_each(|number| sequence.push(&number.to_le_bytes()));
            for i in 0..count {
                check_interrupts();
                if nulls.is_some_and(|nulls| *nulls.add(i / 8) >> (i % 8) & 1 == 0) {
                    sequence.push(&[NULL]);
                } else {
                    self.rule.push::<LEARN>(self.layout.read(at), &mut sequence, seed)?;
                    at = self.layout.after(at);
                }
            }
            Some(sequence.finish())
        }
    }
}

/// The bounds of a range.
pub(crate) struct Bounds {
    range_type: *mut TypeCacheEntry,
    rule: Rule,
}

impl Bounds {
    const EMPTY: u8 = 1;
    const LOWER_INFINITE: u8 = 2;
    const LOWER_INCLUSIVE: u8 = 4;
    const UPPER_INFINITE: u8 = 8;
    const UPPER_INCLUSIVE: u8 = 16;

    /// # Safety
    ///
    /// As [`Rule::new`]; the entry is that of a range type.
    unsafe fn new(range_type: *mut TypeCacheEntry, allocator: ContextAllocator) -> Self {
        // SAFETY: the caller vouches for the entry and the lifetime.
        unsafe {
            let bound = (*(*range_type).rngelemtype).type_id;
            Bounds {
                range_type,
                rule: Rule::new(bound, (*range_type).rng_collation, allocator).0,
            }
        }
    }

    /// Flags, and each bound that there is.
    ///
    /// # Safety
    ///
    /// `range` is a range of that type with a header of four bytes. As of [`Rule::hash`].
    unsafe fn hash_range<const LEARN: bool>(&mut self, range: Datum, seed: u64) -> Option<u64> {
        check_stack_and_interrupts();
        let mut sequence = Sequence::new(seed);
        // SAFETY: the caller vouches for the range.
        unsafe {
            match raising::range_bounds(self.range_type, range) {
                None => sequence.push(&[Self::EMPTY]),
                Some(bounds) => self.push::<LEARN>(bounds, &mut sequence, seed)?,
            }
        }
        Some(sequence.finish())
    }

    /// The number of ranges, and of each what is hashed of a range.
    ///
    /// # Safety
    ///
    /// `ranges` is a multirange of that type with a header of four bytes. As of [`Rule::hash`].
    unsafe fn hash_multirange<const LEARN: bool>(&mut self, ranges: Datum, seed: u64) -> Option<u64> {
        check_stack_and_interrupts();
        let mut sequence = Sequence::new(seed);
        // SAFETY: the caller vouches for the multirange.
        unsafe {
            let count = raising::multirange_len(ranges);
            sequence.push(&count.to_le_bytes());
            for i in 0..count {
                check_interrupts();
                let bounds = raising::multirange_bounds(self.range_type, ranges, i);
                self.push::<LEARN>(bounds, &mut sequence, seed)?;
            }
        }
        Some(sequence.finish())
    }

    /// # Safety
    ///
    /// The bounds are of a range of that type that is not empty. As of [`Rule::hash`].
    unsafe fn push<const LEARN: bool>(
        &mut self,
        [lower, upper]: [RangeBound; 2],
        sequence: &mut Sequence,
        seed: u64,
    ) -> Option<()> {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        sequence.push(&[flag(lower.infinite, Self::LOWER_INFINITE)
            | flag(lower.inclusive, Self::LOWER_INCLUSIVE)
            | flag(upper.infinite, Self::UPPER_INFINITE)
            | flag(upper.inclusive, Self::UPPER_INCLUSIVE)]);
        for bound in [lower, upper] {
            if !bound.infinite {
                // SAFETY: the caller vouches for the bounds.
                unsafe { self.rule.push::<LEARN>(bound.val, sequence, seed)? };
            }
        }
        Some(())
    }
}

/// Rows. Each says itself of which type it is, and in one place there may be anonymous ones of several types.
pub(crate) struct Rows {
    known: Vec<Columns, ContextAllocator>,
    /// The position of the type of the last row, which most likely is that of the next.
    last: usize,
}

impl Rows {
    fn new_in(allocator: ContextAllocator) -> Self {
        catalog_changes::watch();
        Rows {
            known: Vec::new_in(allocator),
            last: 0,
        }
    }

    /// # Safety
    ///
    /// `row` is a row with a header of four bytes. As of [`Rule::hash`].
    unsafe fn hash<const LEARN: bool>(&mut self, row: Datum, seed: u64) -> Option<u64> {
        // SAFETY: the caller vouches for the row, which as a datum has its type in its head.
        unsafe {
            let row: HeapTupleHeader = row.cast_mut_ptr();
            let head = (*row).t_choice.t_datum;
            let is_of_type =
                |columns: &Columns| columns.type_id == head.datum_typeid && columns.typmod == head.datum_typmod;
            if !self.known.get(self.last).is_some_and(is_of_type) {
                match self.known.iter().position(is_of_type) {
                    Some(position) => self.last = position,
                    None if LEARN => {
                        let allocator = *self.known.allocator();
                        let columns = Columns::new(head.datum_typeid, head.datum_typmod, allocator);
                        self.known.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
                        self.last = self.known.len();
                        self.known.push(columns);
                    }
                    None => return None,
                }
            }
            self.known.get_mut(self.last)?.hash::<LEARN>(row, seed)
        }
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
                let rule = (!attribute.attisdropped)
                    .then(|| Rule::new(attribute.atttypid, attribute.attcollation, allocator).0);
                columns.count += u32::from(rule.is_some());
                columns.rules.push(rule);
                columns.values.push(Datum::null());
                columns.nulls.push(false);
            }
            columns
        }
    }

    /// The number of columns, and each.
    ///
    /// # Safety
    ///
    /// `row` is of the type. As of [`Rule::hash`].
    unsafe fn hash<const LEARN: bool>(&mut self, row: HeapTupleHeader, seed: u64) -> Option<u64> {
        check_stack_and_interrupts();
        let mut sequence = Sequence::new(seed);
        sequence.push(&self.count.to_le_bytes());
        // SAFETY: the caller vouches for the row. Of its tuple no more is read than its length and its data.
        unsafe {
            let mut tuple: HeapTupleData = std::mem::zeroed();
            tuple.t_len = pgrx::varlena::varsize_4b(row.cast()) as u32;
            tuple.t_data = row;
            raising::deform(&mut tuple, self.descriptor, &mut self.values, &mut self.nulls);
            for ((rule, &value), &is_null) in self.rules.iter_mut().zip(&self.values).zip(&self.nulls) {
                let Some(rule) = rule else { continue };
                if is_null {
                    sequence.push(&[NULL]);
                } else {
                    rule.push::<LEARN>(value, &mut sequence, seed)?;
                }
            }
        }
        Some(sequence.finish())
    }
}

fn with_room<T>(count: usize, allocator: ContextAllocator) -> Vec<T, ContextAllocator> {
    let mut room = Vec::new_in(allocator);
    room.try_reserve_exact(count).map_err(|_| OutOfMemory).or_raise();
    room
}
