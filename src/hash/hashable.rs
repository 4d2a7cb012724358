//! Whether values can be hashed, asked before there are any: [`equality`] at every depth.

use crate::hash::equality::{self, Collated, Equality};
use crate::pg::error::OrRaise;
use crate::pg::memory::{self, ContextAllocator};
use crate::pg::pg_sys::{self, Oid};
use allocator_api2::vec::Vec;
use cvm_sketch::hash;
use cvm_sketch::{Kind, OutOfMemory};
use pgrx::PgTupleDesc;

/// Whether values of a type can be compared and hashed under a collation. Of anonymous rows that is not known before
/// there is one: no.
pub(crate) fn is_hashable(declared: Oid, collation: Oid) -> bool {
    equality::has_order(declared) && look_into(declared, collation).is_some_and(|found| !found.has_anonymous_rows)
}

/// What kind of values a type has under a collation; `None` if they cannot be hashed.
pub(crate) fn kind_of(declared: Oid, collation: Oid) -> Option<Kind> {
    look_into(declared, collation).map(|found| found.kind)
}

/// What there is in a type whose values can be hashed.
struct Found {
    kind: Kind,
    has_anonymous_rows: bool,
}

/// Looks at a type and all that its values hold, at each type once: types may hold others as deep, and as many, as
/// somebody likes. `None` if one of them cannot be hashed.
fn look_into(declared: Oid, collation: Oid) -> Option<Found> {
    // SAFETY: in a transaction, the current memory context is one that can free. The lists end with this call.
    let allocator = unsafe { ContextAllocator::current() };
    let outermost = Collated {
        of_type: declared,
        collation,
    };
    let (first, kind) = equality::of(outermost).ok()?;
    let mut types = Types {
        seen: Seen::new_in(allocator),
        unread: Vec::new_in(allocator),
        has_anonymous_rows: false,
    };
    types.put_parts(&first);
    while let Some(next) = types.unread.pop() {
        memory::check_for_interrupts();
        let (equality, _) = equality::of(next).ok()?;
        types.put_parts(&equality);
    }
    Some(Found {
        kind,
        has_anonymous_rows: types.has_anonymous_rows,
    })
}

/// The types that were found inside of others.
struct Types {
    seen: Seen,
    unread: Vec<Collated, ContextAllocator>,
    has_anonymous_rows: bool,
}

impl Types {
    /// Puts down to be read what values hold that are compared in this way.
    fn put_parts(&mut self, equality: &Equality) {
        match *equality {
            Equality::Array(part) | Equality::Range(_, part) | Equality::Multirange(_, part) => self.put(part),
            Equality::Row(pg_sys::RECORDOID) => self.has_anonymous_rows = true,
            Equality::Row(of_type) => {
                // SAFETY: the type is a composite one, and the count of its descriptor is taken back when it is dropped.
                let columns = unsafe { PgTupleDesc::from_pg(pg_sys::lookup_rowtype_tupdesc(of_type, -1)) };
                for column in columns.iter().filter(|column| !column.attisdropped) {
                    self.put(Collated {
                        of_type: column.atttypid,
                        collation: column.attcollation,
                    });
                }
            }
            Equality::Plain(_)
            | Equality::NameAsText(_)
            | Equality::Label
            | Equality::Jsonb
            | Equality::TsVector
            | Equality::TsQuery
            | Equality::Own(_) => {}
        }
    }

    fn put(&mut self, part: Collated) {
        if self.seen.insert(part) {
            self.unread.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
            self.unread.push(part);
        }
    }
}

/// A set of types under their collations.
struct Seen {
    /// Each type at the place that its hash says, or in the next one that was free; 0 is no type. At least half are
    /// free.
    places: Vec<u64, ContextAllocator>,
    count: usize,
}

impl Seen {
    fn new_in(allocator: ContextAllocator) -> Self {
        Seen {
            places: Vec::new_in(allocator),
            count: 0,
        }
    }

    /// Whether the type was not in it yet.
    fn insert(&mut self, new: Collated) -> bool {
        if 2 * self.count >= self.places.len() {
            self.grow();
        }
        let is_new = self.put(u64::from(new.of_type.to_u32()) << u32::BITS | u64::from(new.collation.to_u32()));
        self.count += usize::from(is_new);
        is_new
    }

    fn put(&mut self, key: u64) -> bool {
        let last = self.places.len() - 1;
        let mut place = hash::integer(key as i64, 0) as usize & last;
        while self.places[place] != 0 {
            if self.places[place] == key {
                return false;
            }
            place = (place + 1) & last;
        }
        self.places[place] = key;
        true
    }

    fn grow(&mut self) {
        let len = (2 * self.places.len()).max(16);
        let mut places = Vec::new_in(*self.places.allocator());
        places.try_reserve_exact(len).map_err(|_| OutOfMemory).or_raise();
        places.resize(len, 0);
        for key in std::mem::replace(&mut self.places, places) {
            if key != 0 {
                self.put(key);
            }
        }
    }
}
