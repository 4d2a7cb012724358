//! Aggregates that PostgreSQL has other servers compute, as over tables of postgres_fdw, and which of them would stay
//! here, with all rows fetched, if they were ours.

use crate::query_tree::{elements, oids};
use pgrx::pg_sys::{self, CTEMaterialize, CommonTableExpr, DefElem, List, Node, Oid, Query, RTEKind, RangeTblEntry};
use std::ffi::{CStr, c_char};
use std::ptr;

/// A query, and those that it is a part of: it may name CTEs of theirs.
pub(crate) struct Level {
    pub(crate) query: *mut Query,
    pub(crate) outer: *const Level,
}

/// Where the tables of a FROM clause are.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// There are none.
    Nowhere,
    /// All on one server that computes aggregates, but none of ours.
    Server(Oid),
    /// All in partitions, of which some are on such servers.
    Partitions,
    /// Some where our aggregates run.
    Here,
}

impl Place {
    fn and(self, other: Place) -> Place {
        match (self, other) {
            (Place::Nowhere, place) | (place, Place::Nowhere) => place,
            (one, another) if one == another => one,
            _ => Place::Here,
        }
    }
}

/// Whether PostgreSQL may have other servers compute the aggregates of a query, which do not compute ours.
///
/// It may where all that the query reads is on one server, or each partition's groups are. Whether it does is a matter
/// of costs, which are not known here.
///
/// # Safety
///
/// The level and those around it are queries to be planned; in a transaction.
pub(crate) unsafe fn are_sent_away(level: &Level) -> bool {
    // SAFETY: the caller vouches for the queries.
    unsafe {
        let query = &*level.query;
        if !query.groupingSets.is_null() {
            return false;
        }
        let is_sent = match place(level) {
            Place::Server(_) => true,
            Place::Partitions => !query.groupClause.is_null(),
            Place::Nowhere | Place::Here => false,
        };
        // What the rows depend on is asked elsewhere only if it says the same there.
        is_sent && !pg_sys::contain_mutable_functions(query.jointree.cast())
    }
}

/// Where the tables are that a query reads.
///
/// # Safety
///
/// As [`are_sent_away`].
unsafe fn place(level: &Level) -> Place {
    // SAFETY: the caller vouches for the queries.
    unsafe {
        pg_sys::check_stack_depth();
        let mut place = Place::Nowhere;
        for entry in elements::<RangeTblEntry>((*level.query).rtable) {
            let entry = &*entry;
            // The entries that a view had for its rule are not in its FROM clause.
            if !entry.inFromCl {
                continue;
            }
            place = place.and(match entry.rtekind {
                RTEKind::RTE_RELATION => place_of_table(entry),
                RTEKind::RTE_SUBQUERY if !entry.security_barrier => place_of_query(entry.subquery, level),
                RTEKind::RTE_CTE => place_of_cte(entry, level),
                RTEKind::RTE_JOIN => Place::Nowhere,
                _ => Place::Here,
            });
            if place == Place::Here {
                break;
            }
        }
        place
    }
}

/// Where the tables of a query in FROM are, if PostgreSQL makes them tables of the query around it.
///
/// # Safety
///
/// As [`are_sent_away`], of a query inside of the level's.
unsafe fn place_of_query(query: *mut Query, outer: &Level) -> Place {
    // SAFETY: the caller vouches for the queries.
    let inner = unsafe { &*query };
    let parts: [*mut List; 6] = [
        inner.groupClause,
        inner.groupingSets,
        inner.sortClause,
        inner.distinctClause,
        inner.cteList,
        inner.rowMarks,
    ];
    let more: [*mut Node; 4] = [
        inner.setOperations,
        inner.havingQual,
        inner.limitOffset,
        inner.limitCount,
    ];
    let stays = inner.hasAggs
        || inner.hasWindowFuncs
        || inner.hasTargetSRFs
        || parts.iter().any(|part| !part.is_null())
        || more.iter().any(|part| !part.is_null());
    if stays {
        return Place::Here;
    }
    // SAFETY: the caller vouches for the queries.
    unsafe { place(&Level { query, outer }) }
}

/// Where the tables of a CTE are, if PostgreSQL puts its query where it is named.
///
/// # Safety
///
/// As [`are_sent_away`], of an entry of the level's query.
unsafe fn place_of_cte(entry: &RangeTblEntry, mut level: &Level) -> Place {
    // SAFETY: the caller vouches for the queries; PostgreSQL for the number of levels, and that one has the CTE.
    unsafe {
        for _ in 0..entry.ctelevelsup {
            let Some(outer) = level.outer.as_ref() else {
                return Place::Here;
            };
            level = outer;
        }
        let name = CStr::from_ptr(entry.ctename);
        let is_named = |cte: &*mut CommonTableExpr| CStr::from_ptr((**cte).ctename) == name;
        let Some(cte) = elements::<CommonTableExpr>((*level.query).cteList).find(is_named) else {
            return Place::Here;
        };
        let cte = &*cte;
        let is_put_there = match cte.ctematerialized {
            CTEMaterialize::CTEMaterializeNever => true,
            CTEMaterialize::CTEMaterializeDefault => cte.cterefcount == 1,
            _ => false,
        };
        let query: *mut Query = cte.ctequery.cast();
        if !is_put_there
            || cte.cterecursive
            || (*query).commandType != pg_sys::CmdType::CMD_SELECT
            || pg_sys::contain_volatile_functions(cte.ctequery)
        {
            return Place::Here;
        }
        place_of_query(query, level)
    }
}

/// Where a table is.
///
/// # Safety
///
/// `entry` is that of a table that the query to be planned has locked.
unsafe fn place_of_table(entry: &RangeTblEntry) -> Place {
    // SAFETY: the caller vouches for the table; its partitions are locked as the planner is about to lock them.
    unsafe {
        match entry.relkind as u8 {
            pg_sys::RELKIND_FOREIGN_TABLE => match unaware_server(entry.relid) {
                Some(server) if entry.tablesample.is_null() => Place::Server(server),
                _ => Place::Here,
            },
            pg_sys::RELKIND_PARTITIONED_TABLE if pg_sys::enable_partitionwise_aggregate => {
                let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
                let tables = pg_sys::find_all_inheritors(entry.relid, lock, ptr::null_mut());
                let is_away = |table: Oid| {
                    pg_sys::get_rel_relkind(table) as u8 == pg_sys::RELKIND_FOREIGN_TABLE
                        && unaware_server(table).is_some()
                };
                match oids(tables).any(is_away) {
                    true => Place::Partitions,
                    false => Place::Here,
                }
            }
            _ => Place::Here,
        }
    }
}

/// The server of a foreign table, if it computes aggregates and does not have our extension, as far as its options say.
///
/// # Safety
///
/// `table` is a foreign table.
unsafe fn unaware_server(table: Oid) -> Option<Oid> {
    // SAFETY: the caller vouches for the table, which has a server, which has options.
    unsafe {
        let server = (*pg_sys::GetForeignTable(table)).serverid;
        let routine = &*pg_sys::GetFdwRoutineByServerId(server);
        routine.GetForeignUpperPaths?;
        let has_ours = elements::<DefElem>((*pg_sys::GetForeignServer(server)).options).any(|option| {
            CStr::from_ptr((*option).defname) == c"extensions" && names_ours(pg_sys::defGetString(option))
        });
        (!has_ours).then_some(server)
    }
}

/// Whether a list of names of extensions, as postgres_fdw takes it, has ours.
///
/// # Safety
///
/// `list` is a string that a zero ends.
unsafe fn names_ours(list: *const c_char) -> bool {
    // SAFETY: the caller vouches for the string; PostgreSQL's function writes into its copy.
    unsafe {
        let mut names = ptr::null_mut();
        pg_sys::SplitIdentifierString(pg_sys::pstrdup(list), b',' as c_char, &mut names)
            && elements::<c_char>(names).any(|name| CStr::from_ptr(name) == c"cvm_count")
    }
}
