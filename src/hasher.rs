//! From a datum to its hash: the rule for each type.
//!
//! Two values that `=` calls equal must hash alike, else they are counted twice. What the rule is depends on the type
//! and the collation, which are the same for all rows of a call site. So a [`Hasher`] is made once, at the first row,
//! and kept with the call site's function record.

use crate::error::{OrRaise, raise, raise_with_hint};
use crate::memory::ContextAllocator;
use crate::{call, varlena};
use allocator_api2::vec::Vec;
use cvm_sketch::{Kind, OutOfMemory, hash};
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, Oid};
use std::ffi::CStr;
use std::mem::offset_of;
use std::ptr::NonNull;

// Integers of 64 bits travel inside the datum, and what is read from it below is its low end.
const _: () = assert!(size_of::<Datum>() == 8 && cfg!(target_endian = "little"));

/// How the values of a type are hashed that need nothing but the datum: the per-row path of the common types.
pub(crate) trait PlainHash {
    /// The hash of a value, or `None` if it has to be detoasted first. Neither allocates, panics nor raises an error.
    ///
    /// # Safety
    ///
    /// `value` is of a type that the implementation is for.
    unsafe fn hash(value: Datum, seed: u64) -> Option<u64>;
}

/// Declares types that hash a datum as an expression says.
macro_rules! plain_hashes {
    ($($(#[$doc:meta])* $name:ident: |$value:ident, $seed:ident| $hash:expr;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl PlainHash for $name {
            #[inline(always)]
            unsafe fn hash($value: Datum, $seed: u64) -> Option<u64> {
                // SAFETY: the caller vouches for the type, and pointers in the datum are valid for as long as the row.
                #[allow(unused_unsafe)] // The integers need no unsafe code.
                Some(unsafe { $hash })
            }
        }
    )+};
}

plain_hashes! {
    /// "char", signed as its cast to integer is.
    AsInt8: |value, seed| hash::integer(i64::from(value.value() as i8), seed);
    AsInt16: |value, seed| hash::integer(i64::from(value.value() as i16), seed);
    AsInt32: |value, seed| hash::integer(i64::from(value.value() as i32), seed);
    AsInt64: |value, seed| hash::integer(value.value() as i64, seed);
    AsUInt32: |value, seed| hash::integer(i64::from(value.value() as u32), seed);
    AsBoolean: |value, seed| hash::integer(i64::from(value.value() as u8 != 0), seed);
    AsFloat32: |value, seed| hash::double(f64::from(f32::from_bits(value.value() as u32)), seed);
    AsFloat64: |value, seed| hash::double(f64::from_bits(value.value() as u64), seed);
    /// Bytes of variable length, compared as they are.
    AsBytes: |value, seed| hash::bytes(varlena::plain_bytes(value)?, seed);
    /// Bytes of variable length, compared without trailing blanks.
    AsBlankPadded: |value, seed| hash::bytes(without_blanks(varlena::plain_bytes(value)?), seed);
    /// Up to 63 bytes, ended by a zero.
    AsName: |value, seed| hash::bytes(CStr::from_ptr(value.cast_mut_ptr()).to_bytes(), seed);
    /// As long as its months of 30 days, its days of 24 hours and its microseconds make it.
    AsInterval: |value, seed| hash::bytes(&span(&*value.cast_mut_ptr()).to_le_bytes(), seed);
}

/// A fixed number of bytes, by reference.
pub(crate) struct AsFixedBytes<const LENGTH: usize>;

impl<const LENGTH: usize> PlainHash for AsFixedBytes<LENGTH> {
    #[inline(always)]
    unsafe fn hash(value: Datum, seed: u64) -> Option<u64> {
        // SAFETY: as above.
        Some(hash::bytes(unsafe { &*value.cast_mut_ptr::<[u8; LENGTH]>() }, seed))
    }
}

/// The rule for one type under one collation.
pub(crate) enum Rule {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt32,
    Boolean,
    Float32,
    Float64,
    Bytes,
    BlankPadded,
    Name,
    Interval,
    FixedBytes6,
    FixedBytes8,
    FixedBytes12,
    FixedBytes16,
    Enum(Labels),
    /// Whatever the type's own hash function says.
    Own(TypeHash),
    /// A `name` under a collation that may call different bytes equal: the rule of text.
    NameAsText(TypeHash),
}

/// Turns the values of one argument of one call site into hashes.
pub(crate) struct Hasher(Rule);

impl Hasher {
    /// The hasher of the argument at `index`, counted from 0, made if this is the call site's first row.
    ///
    /// Raises an ERROR when the type has no equality to follow.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call in progress, of a function that keeps nothing but this hasher in `fn_extra`.
    #[inline(always)]
    pub(crate) unsafe fn of_call<'a>(fcinfo: FunctionCallInfo, index: usize) -> &'a mut Hasher {
        // SAFETY: the caller vouches for the frame and for what fn_extra holds. PostgreSQL runs one row at a time, and
        // hashing does not come back to the same call site, so the reference is the only one.
        unsafe {
            match Self::made_before(fcinfo) {
                Some(hasher) => hasher,
                None => make(fcinfo, index),
            }
        }
    }

    /// The hasher that an earlier row of the same call site has made.
    ///
    /// # Safety
    ///
    /// As [`of_call`](Self::of_call).
    #[inline(always)]
    pub(crate) unsafe fn made_before<'a>(fcinfo: FunctionCallInfo) -> Option<&'a mut Hasher> {
        // SAFETY: as in `of_call`.
        unsafe { (*call::function(fcinfo)).fn_extra.cast::<Hasher>().as_mut() }
    }

    /// What kind of values it hashes.
    pub(crate) fn kind(&self) -> Kind {
        match self.0 {
            Rule::Int16 | Rule::Int32 | Rule::Int64 => Kind::Integer,
            Rule::Bytes => Kind::Text,
            _ => Kind::Other,
        }
    }

    /// The rule that it follows.
    pub(crate) fn rule(&self) -> &Rule {
        &self.0
    }

    /// The hash of a value, unless that takes what the per-row path must not do: detoast, or look a label up.
    ///
    /// For the built-in types this cannot raise an error. A type's own hash function may, which leaves the frames
    /// between it and PostgreSQL behind without unwinding them; so callers hold nothing that needs to be dropped, nor
    /// does anything here.
    ///
    /// # Safety
    ///
    /// `value` is of the type and collation that the hasher was made for.
    #[inline(always)]
    pub(crate) unsafe fn try_hash(&mut self, value: Datum, seed: u64) -> Option<u64> {
        // SAFETY: the caller vouches for the type.
        unsafe {
            match &mut self.0 {
                Rule::Int8 => AsInt8::hash(value, seed),
                Rule::Int16 => AsInt16::hash(value, seed),
                Rule::Int32 => AsInt32::hash(value, seed),
                Rule::Int64 => AsInt64::hash(value, seed),
                Rule::UInt32 => AsUInt32::hash(value, seed),
                Rule::Boolean => AsBoolean::hash(value, seed),
                Rule::Float32 => AsFloat32::hash(value, seed),
                Rule::Float64 => AsFloat64::hash(value, seed),
                Rule::Bytes => AsBytes::hash(value, seed),
                Rule::BlankPadded => AsBlankPadded::hash(value, seed),
                Rule::Name => AsName::hash(value, seed),
                Rule::Interval => AsInterval::hash(value, seed),
                Rule::FixedBytes6 => AsFixedBytes::<6>::hash(value, seed),
                Rule::FixedBytes8 => AsFixedBytes::<8>::hash(value, seed),
                Rule::FixedBytes12 => AsFixedBytes::<12>::hash(value, seed),
                Rule::FixedBytes16 => AsFixedBytes::<16>::hash(value, seed),
                Rule::Enum(labels) => Some(hash::bytes(labels.known(value)?.bytes(), seed)),
                Rule::Own(own) => Some(own.call(value, seed)),
                Rule::NameAsText(_) => None,
            }
        }
    }

    /// The hash of a value. May allocate and raise an error.
    ///
    /// # Safety
    ///
    /// As [`try_hash`](Self::try_hash).
    pub(crate) unsafe fn hash(&mut self, value: Datum, seed: u64) -> u64 {
        // SAFETY: the caller vouches for the value. What try_hash leaves over are varlenas that have to be detoasted,
        // enum labels not met before, and names.
        unsafe {
            if let Some(hash) = self.try_hash(value, seed) {
                return hash;
            }
            match &mut self.0 {
                Rule::BlankPadded => varlena::with_bytes(value, |bytes| hash::bytes(without_blanks(bytes), seed)),
                Rule::Enum(labels) => hash::bytes(labels.look_up(value).or_raise().bytes(), seed),
                Rule::NameAsText(own) => {
                    let name: *const std::ffi::c_char = value.cast_mut_ptr();
                    own.call(Datum::from(pg_sys::cstring_to_text(name)), seed)
                }
                Rule::Bytes => varlena::with_bytes(value, |bytes| hash::bytes(bytes, seed)),
                _ => unreachable!("every other rule hashes what the datum holds"),
            }
        }
    }
}

/// Makes the hasher of a call site and keeps it there.
///
/// # Safety
///
/// As [`Hasher::of_call`].
#[cold]
unsafe fn make<'a>(fcinfo: FunctionCallInfo, index: usize) -> &'a mut Hasher {
    // SAFETY: the caller vouches for the frame. The hasher is placed where fn_extra belongs, in fn_mcxt, and lives as
    // long as the function record.
    unsafe {
        let function = call::function(fcinfo);
        let declared = pg_sys::get_fn_expr_argtype(function, index as i32);
        if declared == Oid::INVALID {
            raise(
                PgSqlErrorCode::ERRCODE_INDETERMINATE_DATATYPE,
                "could not determine the data type of the values to be hashed",
            );
        }
        let allocator = ContextAllocator::new((*function).fn_mcxt);
        let rule = rule_for(pg_sys::getBaseType(declared), (*fcinfo).fncollation, allocator);
        let hasher = allocator.place(Hasher(rule)).or_raise().as_mut();
        (*function).fn_extra = std::ptr::from_mut(hasher).cast();
        hasher
    }
}

/// # Safety
///
/// The rule is not used after the end of the allocator's memory context.
unsafe fn rule_for(base_type: Oid, collation: Oid, allocator: ContextAllocator) -> Rule {
    // SAFETY: the caller vouches for the lifetime.
    let own = |base_type| unsafe { TypeHash::new(base_type, collation, allocator) };
    match base_type {
        pg_sys::BOOLOID => Rule::Boolean,
        pg_sys::CHAROID => Rule::Int8,
        pg_sys::INT2OID => Rule::Int16,
        pg_sys::INT4OID | pg_sys::DATEOID => Rule::Int32,
        pg_sys::INT8OID | pg_sys::TIMEOID | pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID | pg_sys::MONEYOID => {
            Rule::Int64
        }
        // Their own hash functions fold 64 bits to 32 before they mix, so that 0/1 and 1/0 collide.
        pg_sys::PG_LSNOID | pg_sys::XID8OID => Rule::Int64,
        pg_sys::INTERVALOID => Rule::Interval,
        // Two fields, the microseconds and the zone, without the padding behind them.
        pg_sys::TIMETZOID => Rule::FixedBytes12,
        pg_sys::OIDOID => Rule::UInt32,
        pg_sys::FLOAT4OID => Rule::Float32,
        pg_sys::FLOAT8OID => Rule::Float64,
        // Bit strings are their length, then their bits, padded with zeros to whole bytes.
        pg_sys::BYTEAOID | pg_sys::BITOID | pg_sys::VARBITOID => Rule::Bytes,
        pg_sys::TEXTOID | pg_sys::VARCHAROID if is_deterministic(collation) => Rule::Bytes,
        pg_sys::BPCHAROID if is_deterministic(collation) => Rule::BlankPadded,
        pg_sys::NAMEOID if is_deterministic(collation) => Rule::Name,
        pg_sys::NAMEOID => Rule::NameAsText(own(pg_sys::TEXTOID)),
        pg_sys::UUIDOID => Rule::FixedBytes16,
        pg_sys::MACADDROID => Rule::FixedBytes6,
        pg_sys::MACADDR8OID => Rule::FixedBytes8,
        // SAFETY: any Oid may be asked about.
        _ if unsafe { pg_sys::type_is_enum(base_type) } => Rule::Enum(Labels(Vec::new_in(allocator))),
        _ => Rule::Own(own(base_type)),
    }
}

/// Whether the values of a type can be hashed under a collation. Of anonymous rows that is not known before there is one.
pub(crate) fn is_hashable(declared: Oid, collation: Oid) -> bool {
    // SAFETY: any type may be asked about.
    match unsafe { pg_sys::getBaseType(declared) } {
        pg_sys::RECORDOID | pg_sys::RECORDARRAYOID => false,
        pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::BPCHAROID | pg_sys::NAMEOID => collation != Oid::INVALID,
        // Hashed by rules of their own, beside PostgreSQL, which has no hash for them.
        pg_sys::BITOID | pg_sys::VARBITOID | pg_sys::MONEYOID => true,
        base_type => has_hash(
            base_type,
            pg_sys::TYPECACHE_HASH_PROC | pg_sys::TYPECACHE_HASH_EXTENDED_PROC,
        ),
    }
}

/// What kind of values a type has under a collation; `None` if they cannot be hashed.
pub(crate) fn kind_of(declared: Oid, collation: Oid) -> Option<Kind> {
    // SAFETY: any type may be asked about, and the rule is not kept. For a type that has a hash, none of it raises an error.
    unsafe {
        let base_type = pg_sys::getBaseType(declared);
        let is_row = matches!(base_type, pg_sys::RECORDOID | pg_sys::RECORDARRAYOID);
        let may_be_asked = is_row || is_hashable(declared, collation);
        may_be_asked.then(|| Hasher(rule_for(base_type, collation, ContextAllocator::current())).kind())
    }
}

/// Whether the values of a type can be hashed as a column of an anonymous row.
pub(crate) fn is_hashable_in_a_row(declared: Oid, collation: Oid) -> bool {
    // SAFETY: any type may be asked about.
    let base_type = unsafe { pg_sys::getBaseType(declared) };
    is_hashable(declared, collation) && has_hash(base_type, pg_sys::TYPECACHE_HASH_EXTENDED_PROC)
}

/// Whether a type has one of the wanted hash functions.
fn has_hash(base_type: Oid, wanted: u32) -> bool {
    // SAFETY: type cache entries live as long as the backend.
    let entry = unsafe { &*pg_sys::lookup_type_cache(base_type, wanted as i32) };
    entry.hash_extended_proc != Oid::INVALID || entry.hash_proc != Oid::INVALID
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

#[inline]
fn without_blanks(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    bytes.get(..length).unwrap_or(bytes)
}

/// The length of an interval in microseconds, by which intervals are compared.
fn span(interval: &pg_sys::Interval) -> i128 {
    const DAY: i128 = 24 * 60 * 60 * 1_000_000;
    i128::from(interval.time) + (i128::from(interval.month) * 30 + i128::from(interval.day)) * DAY
}

/// A type's own hash function, ready to be called.
pub(crate) struct TypeHash {
    frame: NonNull<CallFrame>,
    address: unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum,
    /// Whether it takes a seed and returns 64 bits, or neither.
    is_extended: bool,
}

/// A call frame with room for two arguments.
#[repr(C)]
struct CallFrame {
    base: pg_sys::FunctionCallInfoBaseData,
    arguments: [pg_sys::NullableDatum; 2],
    function: pg_sys::FmgrInfo,
}

// PostgreSQL finds the arguments right behind the fixed part of the frame.
const _: () = assert!(offset_of!(CallFrame, arguments) == offset_of!(pg_sys::FunctionCallInfoBaseData, args));

impl TypeHash {
    /// Raises an ERROR when the type has no hash function.
    ///
    /// # Safety
    ///
    /// The result is not used after the end of the allocator's memory context.
    unsafe fn new(base_type: Oid, collation: Oid, allocator: ContextAllocator) -> Self {
        // SAFETY: type cache entries live as long as the backend. The function record and the frame that points to it
        // are placed in the same memory context, which fmgr_info_cxt is told as well.
        unsafe {
            let (procedure, is_extended) = match base_type {
                // The type cache does not vouch for anonymous rows, whose columns it cannot know. Their hash functions
                // find out, and raise an ERROR if a column has no hash. Arrays of such rows only have one of 32 bits.
                pg_sys::RECORDOID => (Oid::from(pg_sys::F_HASH_RECORD_EXTENDED), true),
                pg_sys::RECORDARRAYOID => (Oid::from(pg_sys::F_HASH_ARRAY), false),
                _ => {
                    let wanted = pg_sys::TYPECACHE_HASH_EXTENDED_PROC | pg_sys::TYPECACHE_HASH_PROC;
                    let entry = &*pg_sys::lookup_type_cache(base_type, wanted as i32);
                    match entry.hash_extended_proc {
                        Oid::INVALID => (entry.hash_proc, false),
                        extended => (extended, true),
                    }
                }
            };
            if procedure == Oid::INVALID {
                let name = CStr::from_ptr(pg_sys::format_type_be(base_type)).to_string_lossy();
                raise_with_hint(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION,
                    format!("could not identify a hash function for type {name}"),
                    "Cast the values to a type that has one, such as text or jsonb.",
                );
            }
            let mut frame = allocator.place(std::mem::zeroed::<CallFrame>()).or_raise();
            let CallFrame { base, function, .. } = frame.as_mut();
            pg_sys::fmgr_info_cxt(procedure, function, allocator.context());
            base.flinfo = function;
            base.fncollation = collation;
            base.nargs = if is_extended { 2 } else { 1 };
            let address = function
                .fn_addr
                .expect("fmgr_info_cxt sets the address or raises an ERROR");
            TypeHash {
                frame,
                address,
                is_extended,
            }
        }
    }

    /// The type's hash, mixed. The call is not guarded: see [`Hasher::try_hash`].
    ///
    /// # Safety
    ///
    /// `value` is of the type.
    #[inline]
    unsafe fn call(&mut self, value: Datum, seed: u64) -> u64 {
        // SAFETY: the frame was made for this function, and lives as long as it.
        let own = unsafe {
            let frame = self.frame.as_mut();
            frame.base.isnull = false;
            frame.arguments[0].value = value;
            frame.arguments[1].value = Datum::from(seed);
            (self.address)(&raw mut frame.base)
        };
        let own = if self.is_extended {
            own.value() as i64
        } else {
            i64::from(own.value() as u32)
        };
        hash::integer(own, seed)
    }
}

/// The labels of an enum type that have been met so far, in the order of their Oids.
///
/// It is the label that is hashed, since the Oid differs between databases.
pub(crate) struct Labels(Vec<Label, ContextAllocator>);

#[derive(Clone, Copy)]
struct Label {
    oid: u32,
    length: u8,
    bytes: [u8; Label::MAX_LENGTH],
}

impl Label {
    const MAX_LENGTH: usize = pg_sys::NAMEDATALEN as usize - 1;

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

impl Labels {
    #[inline]
    fn known(&self, value: Datum) -> Option<&Label> {
        let oid = value.value() as u32;
        let position = self.0.binary_search_by_key(&oid, |label| label.oid).ok()?;
        self.0.get(position)
    }

    /// # Safety
    ///
    /// `value` is a value of an enum type.
    unsafe fn look_up(&mut self, value: Datum) -> Result<&Label, OutOfMemory> {
        let oid = value.value() as u32;
        // SAFETY: enum_out takes a value of any enum type and returns a string of its own.
        let text = unsafe { CStr::from_ptr(pg_sys::OidOutputFunctionCall(Oid::from(pg_sys::F_ENUM_OUT), value)) };
        let text = text.to_bytes();
        let mut label = Label {
            oid,
            length: text.len() as u8,
            bytes: [0; Label::MAX_LENGTH],
        };
        label.bytes[..text.len()].copy_from_slice(text);
        self.0.try_reserve(1).map_err(|_| OutOfMemory)?;
        let position = self.0.partition_point(|known| known.oid < oid);
        self.0.insert(position, label);
        Ok(&self.0[position])
    }
}
