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

/// What decides whether two values of a type are equal, and the kind of the values.
pub(crate) fn of(Collated { of_type, collation }: Collated) -> Result<(Equality, Kind), NotHashable> {
    // SAFETY: PostgreSQL answers for any type.
    let base_type = unsafe { pg_sys::getBaseType(of_type) };
    let plain = |plain, kind| Ok((Equality::Plain(plain), kind));
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

        pg_sys::TEXTOID | pg_sys::BPCHAROID | pg_sys::NAMEOID if !is_deterministic(collation)? => {
            let equality = match base_type {
                pg_sys::NAMEOID => Equality::NameAsText(hash_function(pg_sys::TEXTOID)?),
                _ => Equality::Own(hash_function(base_type)?),
            };
            Ok((equality, Kind::CollatedText))
        }
        pg_sys::TEXTOID => plain(Plain::Bytes, Kind::Text),
        pg_sys::BPCHAROID => plain(Plain::BlankPadded, Kind::Text),
        pg_sys::NAMEOID => plain(Plain::ZeroEnded, Kind::Text),
        // Literals in a row whose type is not known. Unlike text, they have no collation and no `=`.
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
        pg_sys::UUIDOID => plain(Plain::FixedBytes16, Kind::Other),
        pg_sys::MACADDROID | pg_sys::TIDOID => plain(Plain::FixedBytes6, Kind::Other),
        pg_sys::MACADDR8OID => plain(Plain::FixedBytes8, Kind::Other),
        // Family, length of the prefix, address; nothing tells an inet from a cidr.
        pg_sys::INETOID => plain(Plain::Bytes, Kind::Other),
        // Unlike the types above, these have no btree operator class. A user may add one with another `=`. So this
        // looks whether a hash function still agrees with it.
        pg_sys::XIDOID | pg_sys::CIDOID | pg_sys::ACLITEMOID => {
            hash_function(base_type)?;
            match base_type {
                pg_sys::ACLITEMOID => plain(Plain::AclItem, Kind::Other),
                _ => plain(Plain::UInt32, Kind::Other),
            }
        }

        pg_sys::JSONBOID => Ok((Equality::Jsonb, Kind::Json)),
        pg_sys::TSVECTOROID => Ok((Equality::TsVector, Kind::Other)),
        pg_sys::TSQUERYOID => Ok((Equality::TsQuery, Kind::Other)),
        pg_sys::RECORDOID => Ok((Equality::Row(base_type), Kind::Row)),
        _ => of_other(base_type, collation),
    }
}

/// [`of`] for all other types.
///
/// All arrays share an operator class, and so do all enums, composite types, ranges and multiranges. But a type may
/// have one of its own, with another `=`, and that comes first.
fn of_other(base_type: Oid, collation: Oid) -> Result<(Equality, Kind), NotHashable> {
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
            return Ok((Equality::Parts(Whole::Array, elements), Kind::Array));
        }
        match pg_sys::get_typtype(base_type) as u8 {
            pg_sys::TYPTYPE_ENUM if is_compared_as(pg_sys::ANYENUMOID) => Ok((Equality::Label, Kind::Enum)),
            pg_sys::TYPTYPE_COMPOSITE if is_compared_as(pg_sys::RECORDOID) => Ok((Equality::Row(base_type), Kind::Row)),
            pg_sys::TYPTYPE_RANGE if is_compared_as(pg_sys::ANYRANGEOID) => {
                let entry = type_cache(base_type, pg_sys::TYPECACHE_RANGE_INFO);
                Ok((Equality::Parts(Whole::Range(entry), bounds(entry)?), Kind::Range))
            }
            pg_sys::TYPTYPE_MULTIRANGE if is_compared_as(pg_sys::ANYMULTIRANGEOID) => {
                let entry = (*type_cache(base_type, pg_sys::TYPECACHE_MULTIRANGE_INFO)).rngtype;
                Ok((Equality::Parts(Whole::Multirange(entry), bounds(entry)?), Kind::Range))
            }
            _ => {
                let function = hash_function(base_type)?;
                if function.of_type == base_type {
                    return Ok((Equality::Own(function), Kind::Other));
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
    let (mut equality, kind) = of(Collated { of_type, collation })?;
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
                kind,
                has_anonymous_rows,
            });
        };
        memory::check_for_interrupts();
        equality = of(next)?.0;
    }
}
