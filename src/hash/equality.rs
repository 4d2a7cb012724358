//! What makes values of a type equal, and so which types have a hash. Only the catalog is read, no value.
//!
//! DISTINCT takes the `=` of the type's default operator class, and so does this. [`of`] looks at one level of a type.
//! Nothing else decides which types have a hash. [`Rule::new`](crate::hash::rule::Rule::new) goes by it. So does
//! [`is_hashable`], which the planner hook calls.

use crate::hash::plain::Plain;
use crate::pg::error::{OrRaise, naming_type, raise_with_hint};
use crate::pg::memory::{self, ContextAllocator};
use crate::pg::pg_sys::{self, Oid, TypeCacheEntry};
use allocator_api2::vec::Vec;
use cvm_sketch::hash::ValueType;
use cvm_sketch::{Kind, OutOfMemory};
use hashbrown::HashSet;
use pgrx::PgTupleDesc;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A type, and the collation under which its values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Collated {
    pub(crate) of_type: Oid,
    pub(crate) collation: Oid,
}

/// What decides whether two values of a type are equal.
pub(crate) enum Equality {
    /// What the datum holds or points to.
    Plain(Plain),
    /// A `name` under a collation by which different bytes may be equal. PostgreSQL compares it as text, which has this
    /// hash function.
    NameAsText(HashFunction),
    /// The label of an enum.
    Label,
    Jsonb,
    TsVector,
    TsQuery,
    /// The shape of the whole, and its parts, all of one type.
    Parts(Whole, Collated),
    /// The columns of a row of this type. Under RECORDOID, each row names its own type.
    Row(Oid),
    /// What only the type's own functions know.
    Own(HashFunction),
}

/// A value with parts of one type.
pub(crate) enum Whole {
    /// Its parts are its elements.
    Array,
    /// A range of the type in this entry. Its parts are its bounds.
    Range(*mut TypeCacheEntry),
    /// A multirange of ranges of the type in this entry. Its parts are their bounds.
    Multirange(*mut TypeCacheEntry),
}

/// A hash function that goes with the `=` of a type.
#[derive(Clone, Copy)]
pub(crate) struct HashFunction {
    /// The type of its argument: the type itself, or one that it is compared as.
    of_type: Oid,
    pub(crate) procedure: Oid,
    /// True: 64 bits, with a seed. False: 32 bits, without.
    pub(crate) is_extended: bool,
}

/// Why the values of a type cannot be hashed.
pub(crate) enum NotHashable {
    /// The type has no `=`, or no hash function that agrees with it.
    Type(Oid),
    /// Equality depends on a collation, and none is known.
    WithoutCollation,
}

impl<T> OrRaise<T> for Result<T, NotHashable> {
    #[track_caller]
    fn or_raise(self) -> T {
        match self {
            Ok(result) => result,
            Err(NotHashable::Type(of_type)) => raise_with_hint(
                PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION,
                naming_type("could not identify a hash function for type ", of_type),
                "Cast the values to a type that has one, such as text or jsonb.",
            ),
            Err(NotHashable::WithoutCollation) => raise_with_hint(
                PgSqlErrorCode::ERRCODE_INDETERMINATE_COLLATION,
                "could not determine which collation to use for string hashing",
                "Use the COLLATE clause to set the collation explicitly.",
            ),
        }
    }
}

/// A rule that needs only the datum. It does not compile where the datum is read in another form than the one in which
/// values of the type are hashed.
macro_rules! plain {
    ($value_type:ident, $plain:ident) => {
        Ok(const {
            assert!(ValueType::$value_type.form() as u8 == Plain::$plain.form() as u8);
            (Equality::Plain(Plain::$plain), ValueType::$value_type)
        })
    };
}

/// What decides whether two values of a type are equal, and what the hash takes them for.
pub(crate) fn of(Collated { of_type, collation }: Collated) -> Result<(Equality, ValueType), NotHashable> {
    // SAFETY: PostgreSQL answers for any type.
    let base_type = unsafe { pg_sys::getBaseType(of_type) };
    match base_type {
        pg_sys::INT2OID => plain!(Integer, Int16),
        pg_sys::INT4OID => plain!(Integer, Int32),
        pg_sys::INT8OID => plain!(Integer, Int64),
        pg_sys::OIDOID => plain!(Integer, UInt32),
        #[cfg(feature = "pg19")]
        pg_sys::OID8OID => plain!(Integer, Int64),
        pg_sys::FLOAT4OID => plain!(Float, Float32),
        pg_sys::FLOAT8OID => plain!(Float, Float64),
        pg_sys::NUMERICOID => plain!(Numeric, Numeric),

        pg_sys::TEXTOID | pg_sys::BPCHAROID | pg_sys::NAMEOID if !is_deterministic(collation)? => {
            let equality = match base_type {
                pg_sys::NAMEOID => Equality::NameAsText(hash_function(pg_sys::TEXTOID)?),
                _ => Equality::Own(hash_function(base_type)?),
            };
            Ok((equality, ValueType::CollatedText))
        }
        pg_sys::TEXTOID => plain!(Text, Varlena),
        pg_sys::BPCHAROID => plain!(BlankPaddedText, BlankPadded),
        pg_sys::NAMEOID => plain!(Text, ZeroEnded),
        // Literals in a row whose type is not known. Unlike text, they have no collation and no `=`.
        pg_sys::UNKNOWNOID => plain!(Text, ZeroEnded),
        pg_sys::BYTEAOID => plain!(Bytes, Varlena),
        pg_sys::BITOID | pg_sys::VARBITOID => plain!(BitString, Varlena),

        pg_sys::DATEOID => plain!(Date, Int32),
        pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => plain!(Timestamp, Int64),
        pg_sys::TIMEOID => plain!(Time, Int64),
        pg_sys::TIMETZOID => plain!(ZonedTime, ZonedTime),
        pg_sys::INTERVALOID => plain!(Interval, Interval),

        pg_sys::BOOLOID => plain!(Boolean, Boolean),
        pg_sys::CHAROID => plain!(OtherNumber, Int8),
        pg_sys::MONEYOID | pg_sys::PG_LSNOID | pg_sys::XID8OID => plain!(OtherNumber, Int64),
        pg_sys::UUIDOID => plain!(Uuid, FixedBytes16),
        pg_sys::MACADDROID | pg_sys::TIDOID => plain!(Address, FixedBytes6),
        pg_sys::MACADDR8OID => plain!(Address, FixedBytes8),
        // Family, length of the prefix, address; nothing tells an inet from a cidr.
        pg_sys::INETOID => plain!(Address, Varlena),
        // Unlike the types above, these have no btree operator class. A user may add one with another `=`. So this
        // looks whether a hash function still agrees with it.
        pg_sys::XIDOID | pg_sys::CIDOID | pg_sys::ACLITEMOID => {
            hash_function(base_type)?;
            match base_type {
                pg_sys::ACLITEMOID => plain!(AccessItem, AccessItem),
                _ => plain!(OtherNumber, UInt32),
            }
        }

        pg_sys::JSONBOID => Ok((Equality::Jsonb, ValueType::Json)),
        pg_sys::TSVECTOROID => Ok((Equality::TsVector, ValueType::TextSearch)),
        pg_sys::TSQUERYOID => Ok((Equality::TsQuery, ValueType::TextSearch)),
        pg_sys::RECORDOID => Ok((Equality::Row(base_type), ValueType::Row)),
        _ => of_other(base_type, collation),
    }
}

/// [`of`] for all other types.
///
/// All arrays share an operator class, and so do all enums, composite types, ranges and multiranges. But a type may
/// have one of its own, with another `=`, and that comes first.
fn of_other(base_type: Oid, collation: Oid) -> Result<(Equality, ValueType), NotHashable> {
    // SAFETY: PostgreSQL answers for any type. Entries of the type cache live as long as the process.
    unsafe {
        let entry = type_cache(base_type, pg_sys::TYPECACHE_BTREE_OPFAMILY);
        let is_compared_as = |any| (*entry).btree_opintype == any;
        let element = pg_sys::get_element_type(base_type);
        if element != Oid::INVALID && (is_compared_as(pg_sys::ANYARRAYOID) || base_type == pg_sys::OIDVECTOROID) {
            let elements = Collated {
                of_type: element,
                collation,
            };
            return Ok((Equality::Parts(Whole::Array, elements), ValueType::Array));
        }
        match pg_sys::get_typtype(base_type) as u8 {
            pg_sys::TYPTYPE_ENUM if is_compared_as(pg_sys::ANYENUMOID) => Ok((Equality::Label, ValueType::Enum)),
            pg_sys::TYPTYPE_COMPOSITE if is_compared_as(pg_sys::RECORDOID) => {
                Ok((Equality::Row(base_type), ValueType::Row))
            }
            pg_sys::TYPTYPE_RANGE if is_compared_as(pg_sys::ANYRANGEOID) => {
                let entry = type_cache(base_type, pg_sys::TYPECACHE_RANGE_INFO);
                Ok((Equality::Parts(Whole::Range(entry), bounds(entry)?), ValueType::Range))
            }
            pg_sys::TYPTYPE_MULTIRANGE if is_compared_as(pg_sys::ANYMULTIRANGEOID) => {
                let entry = (*type_cache(base_type, pg_sys::TYPECACHE_MULTIRANGE_INFO)).rngtype;
                Ok((
                    Equality::Parts(Whole::Multirange(entry), bounds(entry)?),
                    ValueType::Range,
                ))
            }
            _ => {
                let function = hash_function(base_type)?;
                if function.of_type == base_type {
                    return Ok((Equality::Own(function), ValueType::Foreign));
                }
                of(Collated {
                    of_type: function.of_type,
                    collation,
                })
            }
        }
    }
}

/// The type as which the bounds of a range type are compared. The operator class of the range type decides, not the
/// default one of its subtype.
///
/// # Safety
///
/// `range_type` is the entry of a range type, looked up with TYPECACHE_RANGE_INFO.
unsafe fn bounds(range_type: *mut TypeCacheEntry) -> Result<Collated, NotHashable> {
    const PATTERNS: Oid = Oid::from_u32(pg_sys::F_BTTEXT_PATTERN_CMP);
    const BLANK_PADDED_PATTERNS: Oid = Oid::from_u32(pg_sys::F_BTBPCHAR_PATTERN_CMP);
    let bytes_of = |of_type| Collated {
        of_type,
        collation: pg_sys::C_COLLATION_OID,
    };
    // SAFETY: entries of the type cache live as long as the process.
    unsafe {
        let range_type = &*range_type;
        match range_type.rng_cmp_proc_finfo.fn_oid {
            // These compare bytes under any collation.
            PATTERNS => Ok(bytes_of(pg_sys::TEXTOID)),
            BLANK_PADDED_PATTERNS => Ok(bytes_of(pg_sys::BPCHAROID)),
            compared_by => {
                let subtype = (*range_type.rngelemtype).type_id;
                let default = &*type_cache(subtype, pg_sys::TYPECACHE_BTREE_OPFAMILY);
                let class = default.btree_opintype;
                let of_default =
                    pg_sys::get_opfamily_proc(default.btree_opf, class, class, pg_sys::BTORDER_PROC as i16);
                if compared_by != of_default {
                    return Err(NotHashable::Type(range_type.type_id));
                }
                Ok(Collated {
                    of_type: subtype,
                    collation: range_type.rng_collation,
                })
            }
        }
    }
}

/// The hash function of a type. A type without an `=` of its own takes both from another: varchar from text, regclass
/// from oid.
///
/// A type that is binary-coercible to another may take its hash from there, but not its `=`. If PostgreSQL is to look
/// up the `=` too, it returns only hash functions that agree with it.
fn hash_function(base_type: Oid) -> Result<HashFunction, NotHashable> {
    const WANTED: u32 = pg_sys::TYPECACHE_EQ_OPR | pg_sys::TYPECACHE_HASH_PROC | pg_sys::TYPECACHE_HASH_EXTENDED_PROC;
    // SAFETY: PostgreSQL answers for any type. Entries of the type cache live as long as the process.
    let entry = unsafe { &*type_cache(base_type, WANTED) };
    let (procedure, is_extended) = match (entry.hash_extended_proc, entry.hash_proc) {
        (Oid::INVALID, Oid::INVALID) => return Err(NotHashable::Type(base_type)),
        (Oid::INVALID, short) => (short, false),
        (extended, _) => (extended, true),
    };
    Ok(HashFunction {
        of_type: entry.hash_opintype,
        procedure,
        is_extended,
    })
}

/// The type as which the values of a base type are compared and hashed: itself, or the type whose `=` it takes.
pub(crate) fn compared_as(base_type: Oid) -> Oid {
    hash_function(base_type).map_or(base_type, |function| function.of_type)
}

/// Whether PostgreSQL has an order and an `=` for the values of a type, which DISTINCT needs.
fn has_order(of_type: Oid) -> bool {
    // SAFETY: PostgreSQL answers for any type. Entries of the type cache live as long as the process.
    let entry = unsafe { &*type_cache(of_type, pg_sys::TYPECACHE_CMP_PROC | pg_sys::TYPECACHE_EQ_OPR) };
    entry.cmp_proc != Oid::INVALID && entry.eq_opr != Oid::INVALID
}

/// A type's entry in PostgreSQL's type cache, with the wanted fields filled.
fn type_cache(of_type: Oid, wanted: u32) -> *mut TypeCacheEntry {
    // SAFETY: PostgreSQL raises an ERROR if there is no such type.
    unsafe { pg_sys::lookup_type_cache(of_type, wanted as i32) }
}

/// Whether strings are equal under a collation only if their bytes are.
fn is_deterministic(collation: Oid) -> Result<bool, NotHashable> {
    if collation == Oid::INVALID {
        return Err(NotHashable::WithoutCollation);
    }
    // SAFETY: PostgreSQL raises an ERROR if there is no such collation.
    Ok(unsafe { pg_sys::get_collation_isdeterministic(collation) })
}

/// The columns of a row type: the type of each, and `None` for one that has been dropped.
pub(crate) fn columns(row: &PgTupleDesc<'_>) -> impl Iterator<Item = Option<Collated>> {
    row.iter().map(|column| {
        (!column.attisdropped).then_some(Collated {
            of_type: column.atttypid,
            collation: column.attcollation,
        })
    })
}

/// Whether values of a type can be compared and hashed under a collation. False for anonymous rows: their columns are
/// known only at run time.
pub(crate) fn is_hashable(declared: Oid, collation: Oid) -> bool {
    has_order(declared) && look_into(declared, collation).is_ok_and(|found| !found.has_anonymous_rows)
}

/// What kind of values a type has under a collation; `None` if they cannot be hashed.
pub(crate) fn kind_of(declared: Oid, collation: Oid) -> Option<Kind> {
    look_into(declared, collation).ok().map(|found| found.kind)
}

/// What there is in a type whose values can be hashed.
struct Found {
    kind: Kind,
    has_anonymous_rows: bool,
}

/// Looks at a type and at all types inside of it, at each once: they may be as deep, and as many, as somebody likes.
fn look_into(of_type: Oid, collation: Oid) -> Result<Found, NotHashable> {
    // SAFETY: in a transaction, the current memory context is one that can free. The lists end with this call.
    let allocator = unsafe { ContextAllocator::current() };
    let mut seen = HashSet::with_hasher_in(BuildHasherDefault::<DefaultHasher>::new(), allocator);
    let mut unread = Vec::new_in(allocator);
    let mut put = |part: Collated, unread: &mut Vec<_, _>| {
        seen.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
        if seen.insert(part) {
            unread.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
            unread.push(part);
        }
    };
    let (mut equality, value_type) = of(Collated { of_type, collation })?;
    let mut has_anonymous_rows = false;
    loop {
        match equality {
            Equality::Parts(_, part) => put(part, &mut unread),
            Equality::Row(pg_sys::RECORDOID) => has_anonymous_rows = true,
            Equality::Row(of_type) => {
                // SAFETY: the type is a composite one. Dropping the descriptor releases it.
                let row = unsafe { PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(of_type, -1)) };
                columns(&row).flatten().for_each(|column| put(column, &mut unread));
            }
            Equality::Plain(_)
            | Equality::NameAsText(_)
            | Equality::Label
            | Equality::Jsonb
            | Equality::TsVector
            | Equality::TsQuery
            | Equality::Own(_) => {}
        }
        let Some(next) = unread.pop() else {
            return Ok(Found {
                kind: value_type.kind(),
                has_anonymous_rows,
            });
        };
        memory::check_for_interrupts();
        equality = of(next)?.0;
    }
}
