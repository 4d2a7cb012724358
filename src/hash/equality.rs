//! What makes values of a type equal, one level of a type at a time: what the catalog says, and nothing of the values.
//!
//! It is the `=` that DISTINCT takes, that of the type's default operator class. All that hashes, and all that asks
//! whether there is a hash, starts here.

use crate::hash::plain::Plain;
use crate::pg::error::{OrRaise, naming_type, raise_with_hint};
use crate::pg::pg_sys::{self, Oid, TypeCacheEntry};
use cvm_sketch::Kind;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;

/// A type, and the collation under which its values are compared.
#[derive(Clone, Copy)]
pub(crate) struct Collated {
    pub(crate) of_type: Oid,
    pub(crate) collation: Oid,
}

/// What is compared of the values of a type.
pub(crate) enum Equality {
    /// What the datum holds or points to.
    Plain(Plain),
    /// A `name` under a collation that may call different bytes equal: it is compared as text, of which this is the
    /// hash.
    NameAsText(HashFunction),
    /// The label of an enum.
    Label,
    Jsonb,
    TsVector,
    TsQuery,
    /// The shape of an array, and its elements.
    Array(Collated),
    /// The bounds of a range of the type in this entry.
    Range(*mut TypeCacheEntry, Collated),
    /// The ranges of a multirange, each of the type in this entry.
    Multirange(*mut TypeCacheEntry, Collated),
    /// The columns of a row, of this type or of any.
    Row(Oid),
    /// What only the type's own functions know.
    Own(HashFunction),
}

/// A hash function that goes with the `=` of a type.
#[derive(Clone, Copy)]
pub(crate) struct HashFunction {
    /// The type of its argument: the type itself, or one that it is compared as.
    of_type: Oid,
    pub(crate) procedure: Oid,
    /// Whether it takes a seed and returns 64 bits, or neither.
    pub(crate) is_extended: bool,
}

/// Why the values of a type cannot be hashed.
pub(crate) enum NotHashable {
    /// No hash function goes with the `=` of the type, if it has an `=`.
    Type(Oid),
    /// It depends on a collation which ones are equal, and there is none.
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

/// What is compared of the values of a type, and what kind of values these are.
pub(crate) fn of(Collated { of_type, collation }: Collated) -> Result<(Equality, Kind), NotHashable> {
    // SAFETY: any type may be asked about.
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
        // Literals in a row whose type nobody has said. They have no collation, and no `=`; as text they would have.
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
        // Of all types above only these have no order, so that a user's operator class may bring them one, and with it
        // another `=` than that of their hash.
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
/// All arrays share an operator class, and so do all enums, composite types, ranges and multiranges. But any of these
/// types may have one of its own, with another `=`, which goes before that.
fn of_other(base_type: Oid, collation: Oid) -> Result<(Equality, Kind), NotHashable> {
    // SAFETY: any type may be asked about, and entries of the type cache live as long as the process.
    unsafe {
        let entry = type_cache(base_type, pg_sys::TYPECACHE_BTREE_OPFAMILY);
        let is_compared_as = |any| (*entry).btree_opintype == any;
        let element = pg_sys::get_element_type(base_type);
        if element != Oid::INVALID && (is_compared_as(pg_sys::ANYARRAYOID) || base_type == pg_sys::OIDVECTOROID) {
            let elements = Collated {
                of_type: element,
                collation,
            };
            return Ok((Equality::Array(elements), Kind::Array));
        }
        match pg_sys::get_typtype(base_type) as u8 {
            pg_sys::TYPTYPE_ENUM if is_compared_as(pg_sys::ANYENUMOID) => Ok((Equality::Label, Kind::Enum)),
            pg_sys::TYPTYPE_COMPOSITE if is_compared_as(pg_sys::RECORDOID) => Ok((Equality::Row(base_type), Kind::Row)),
            pg_sys::TYPTYPE_RANGE if is_compared_as(pg_sys::ANYRANGEOID) => {
                let entry = type_cache(base_type, pg_sys::TYPECACHE_RANGE_INFO);
                Ok((Equality::Range(entry, bounds(entry)?), Kind::Range))
            }
            pg_sys::TYPTYPE_MULTIRANGE if is_compared_as(pg_sys::ANYMULTIRANGEOID) => {
                let entry = (*type_cache(base_type, pg_sys::TYPECACHE_MULTIRANGE_INFO)).rngtype;
                Ok((Equality::Multirange(entry, bounds(entry)?), Kind::Range))
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

/// As what the bounds of a range type are compared. That is by the operator class of the range type, whatever the
/// default one of its subtype is.
///
/// # Safety
///
/// The entry is that of a range type, with what it says of ranges.
unsafe fn bounds(range_type: *mut TypeCacheEntry) -> Result<Collated, NotHashable> {
    const PATTERNS: Oid = Oid::from_u32(pg_sys::F_BTTEXT_PATTERN_CMP);
    const BLANK_PADDED_PATTERNS: Oid = Oid::from_u32(pg_sys::F_BTBPCHAR_PATTERN_CMP);
    let bytes_of = |of_type| Collated {
        of_type,
        collation: pg_sys::C_COLLATION_OID,
    };
    // SAFETY: the caller vouches for the entry. Entries of the type cache live as long as the process.
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

/// The hash function of a type, and so of those that have no `=` of their own and take that of another, as varchar does
/// of text and regclass of oid.
///
/// A default operator class for hashes may be that of a type to which this one is binary-coercible, while the default
/// one for an order, and the `=`, are its own. Asked for the `=` too, PostgreSQL tells only of functions that go with
/// it.
fn hash_function(base_type: Oid) -> Result<HashFunction, NotHashable> {
    const WANTED: u32 = pg_sys::TYPECACHE_EQ_OPR | pg_sys::TYPECACHE_HASH_PROC | pg_sys::TYPECACHE_HASH_EXTENDED_PROC;
    // SAFETY: any type may be asked about, and entries of the type cache live as long as the process.
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

/// The type as which the values of a base type are compared and hashed: itself, or that whose `=` it takes.
pub(crate) fn compared_as(base_type: Oid) -> Oid {
    hash_function(base_type).map_or(base_type, |function| function.of_type)
}

/// Whether PostgreSQL has an order and an `=` for the values of a type, which DISTINCT needs.
pub(crate) fn has_order(of_type: Oid) -> bool {
    // SAFETY: any type may be asked about, and entries of the type cache live as long as the process.
    let entry = unsafe { &*type_cache(of_type, pg_sys::TYPECACHE_CMP_PROC | pg_sys::TYPECACHE_EQ_OPR) };
    entry.cmp_proc != Oid::INVALID && entry.eq_opr != Oid::INVALID
}

/// The entry of a type in PostgreSQL's cache, with what is wanted of it.
fn type_cache(of_type: Oid, wanted: u32) -> *mut TypeCacheEntry {
    // SAFETY: a type that does not exist raises an ERROR.
    unsafe { pg_sys::lookup_type_cache(of_type, wanted as i32) }
}

/// Whether strings are equal under the collation only if their bytes are.
fn is_deterministic(collation: Oid) -> Result<bool, NotHashable> {
    if collation == Oid::INVALID {
        return Err(NotHashable::WithoutCollation);
    }
    // SAFETY: any Oid may be asked about; one that is no collation raises an ERROR.
    Ok(unsafe { pg_sys::get_collation_isdeterministic(collation) })
}
