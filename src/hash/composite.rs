//! Rows: their columns, by the type that each row names itself.

use crate::hash::equality;
use crate::hash::part::{Inner, put};
use crate::hash::rule::Rule;
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, HeapTupleData, HeapTupleHeader, Oid, TupleDesc};
use crate::pg::{invalidation, unguarded};
use allocator_api2::vec::Vec;
use cvm_sketch::OutOfMemory;
use cvm_sketch::hash::Parts;
use pgrx::PgTupleDesc;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// The rule for rows. In one place there may be anonymous rows of several types.
pub(crate) struct Rows {
    known: Vec<Columns, ContextAllocator>,
    /// The position of the type of the last row. The next row most likely has the same.
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

    /// Adds the number of columns. The columns are still to be read. As of [`Rule::hash`], `None` if the type of the
    /// row is not known.
    ///
    /// # Safety
    ///
    /// As [`Rule::hash`]; `row` is a row with a header of four bytes.
    #[inline(always)]
    pub(crate) unsafe fn open<const LEARN: bool>(&mut self, row: Datum, parts: &mut Parts) -> Option<UnreadColumns> {
        // SAFETY: a row that is a datum has its type in its head. PostgreSQL reads no more of the tuple than its length
        // and its data.
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
            parts.begin_row(columns.count);
            let mut tuple: HeapTupleData = std::mem::zeroed();
            tuple.t_len = pgrx::varlena::varsize_4b(row.cast()) as u32;
            tuple.t_data = row;
            unguarded::deform(&mut tuple, columns.descriptor, &mut columns.values, &mut columns.nulls);
            Some(UnreadColumns {
                columns: NonNull::from(columns),
                next: 0,
            })
        }
    }

    /// Gets to know a type of rows. Raises an ERROR if a column has no hash.
    ///
    /// # Safety
    ///
    /// As [`Rule::new`].
    #[cold]
    unsafe fn learn(&mut self, type_id: Oid, typmod: i32) {
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
    /// A column that has been dropped has none.
    rules: Vec<Option<Rule>, ContextAllocator>,
    /// How many have not been dropped.
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
        // SAFETY: the descriptor is a copy in the allocator's memory context, and PostgreSQL does not count its users.
        // An ERROR on the way makes another context current.
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
            // Dropping it would take back a count that there is not.
            let descriptor = ManuallyDrop::new(PgTupleDesc::from_pg_unchecked(descriptor));
            for column in equality::columns(&descriptor) {
                let rule = column.map(|column| Rule::new(column.of_type, column.collation, allocator).or_raise().0);
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

/// The columns of a row that have not been read yet.
pub(crate) struct UnreadColumns {
    columns: NonNull<Columns>,
    next: usize,
}

impl UnreadColumns {
    /// Adds columns to the hash. Stops at the first that has parts itself, and returns it; returns `Some(None)` at the
    /// end.
    ///
    /// # Safety
    ///
    /// As [`Rule::hash`] for the row. Nothing else refers to the rule.
    #[inline(always)]
    pub(crate) unsafe fn read<const LEARN: bool>(&mut self, parts: &mut Parts, seed: u64) -> Option<Option<Inner>> {
        unsafe {
            let Columns {
                rules, values, nulls, ..
            } = self.columns.as_mut();
            let columns = rules.iter_mut().zip(values).zip(nulls).enumerate();
            for (i, ((rule, value), is_null)) in columns.skip(self.next) {
                let Some(rule) = rule else { continue };
                if *is_null {
                    parts.null();
                } else if let Some(inner) = put::<LEARN>(rule, *value, parts, seed)? {
                    self.next = i + 1;
                    return Some(Some(inner));
                }
            }
        }
        Some(None)
    }
}
