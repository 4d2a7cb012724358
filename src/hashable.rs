//! Whether values can be hashed, asked before there are any: what [`Rule::new`] finds, without its errors.

use crate::memory::{self, ContextAllocator};
use crate::pg_sys::{self, Oid};
use crate::rule::Rule;
use cvm_sketch::Kind;
use pgrx::PgTupleDesc;

/// Whether the values of a type can be hashed under a collation. Of anonymous rows that is not known before there is
/// one: no.
pub(crate) fn is_hashable(declared: Oid, collation: Oid) -> bool {
    // SAFETY: any type may be asked about, and entries of the type cache live as long as the process.
    unsafe {
        // Types may hold others as deep, and as many, as somebody likes.
        pg_sys::check_stack_depth();
        memory::check_for_interrupts();
        let base_type = pg_sys::getBaseType(declared);
        match base_type {
            pg_sys::RECORDOID => return false,
            pg_sys::TEXTOID | pg_sys::BPCHAROID | pg_sys::NAMEOID => return collation != Oid::INVALID,
            // PostgreSQL has no hash for them.
            pg_sys::UNKNOWNOID | pg_sys::BITOID | pg_sys::VARBITOID | pg_sys::MONEYOID => return true,
            _ => {}
        }
        let element = pg_sys::get_element_type(base_type);
        if element != Oid::INVALID {
            return is_hashable(element, collation);
        }
        let entry = |wanted: u32| &*pg_sys::lookup_type_cache(base_type, wanted as i32);
        match pg_sys::get_typtype(base_type) as u8 {
            pg_sys::TYPTYPE_ENUM => true,
            pg_sys::TYPTYPE_COMPOSITE => {
                let columns = PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(base_type, -1));
                columns
                    .iter()
                    .filter(|column| !column.attisdropped)
                    .all(|column| is_hashable(column.atttypid, column.attcollation))
            }
            pg_sys::TYPTYPE_RANGE => is_hashable_range(entry(pg_sys::TYPECACHE_RANGE_INFO)),
            pg_sys::TYPTYPE_MULTIRANGE => is_hashable_range(&*entry(pg_sys::TYPECACHE_MULTIRANGE_INFO).rngtype),
            _ => {
                let wanted = pg_sys::TYPECACHE_HASH_PROC | pg_sys::TYPECACHE_HASH_EXTENDED_PROC;
                let entry = entry(wanted | pg_sys::TYPECACHE_HASH_OPFAMILY);
                match entry.hash_opintype {
                    Oid::INVALID => false,
                    own if own == base_type => {
                        entry.hash_extended_proc != Oid::INVALID || entry.hash_proc != Oid::INVALID
                    }
                    compared_as => is_hashable(compared_as, collation),
                }
            }
        }
    }
}

/// Whether the bounds of a range can be hashed.
///
/// # Safety
///
/// The entry is that of a range type, with what it says of ranges.
unsafe fn is_hashable_range(range: &pg_sys::TypeCacheEntry) -> bool {
    // SAFETY: the caller vouches for the entry.
    unsafe { is_hashable((*range.rngelemtype).type_id, range.rng_collation) }
}

/// What kind of values a type has under a collation; `None` if they cannot be hashed.
pub(crate) fn kind_of(declared: Oid, collation: Oid) -> Option<Kind> {
    // SAFETY: any type may be asked about, and the rule is not kept. None of it raises an error for a type that can be
    // hashed, nor for anonymous rows.
    unsafe {
        let may_be_asked = pg_sys::getBaseType(declared) == pg_sys::RECORDOID || is_hashable(declared, collation);
        may_be_asked.then(|| Rule::new(declared, collation, ContextAllocator::current()).1)
    }
}
