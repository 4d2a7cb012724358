//! Values as text, and back: the form in which a sample keeps them, which every server can read.
//!
//! The type's output function writes it, in UTF-8. The settings are always the same, whatever the session has set. The
//! binary form of most types is no shorter. It is not documented, and may change with the version of a type. Dumps rely
//! on text.

use crate::hash::equality;
use crate::pg::error::{OrRaise, raise};
use crate::pg::invalidation;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{
    self, Datum, FmgrInfo, FormData_pg_attribute, HeapTupleData, HeapTupleHeader, MemoryContext, Oid, TupleDesc,
};
use crate::pg::varlena;
use allocator_api2::vec::Vec;
use cvm_sketch::hash::double_as_integer;
use cvm_sketch::{Kind, OutOfMemory};
use pgrx::PgTupleDesc;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::ffi::{CStr, c_char, c_int};
use std::mem::ManuallyDrop;

/// A setting on which types depend as they write or read, the value that it is given, and where PostgreSQL keeps it.
struct Setting {
    name: &'static CStr,
    value: &'static CStr,
    variable: Variable,
}

/// A variable that a setting sets, and what it is under the value. It is read for each value that is written. Looking a
/// setting up by its name takes longer than writing most values.
enum Variable {
    Integer(*const c_int, c_int),
    Boolean(*const bool, bool),
    String(*const *mut c_char),
    TimeZone,
}

unsafe extern "C" {
    /// Of `utils/bytea.h`: how bytea is written, as one of two forms.
    static bytea_output: c_int;
}
const BYTEA_OUTPUT_HEX: c_int = 1;

/// All such settings. The bits in [`Settings`] follow the order of this list. The last three matter to types that print
/// the names of objects, and to reading arrays.
const ALL: [Setting; 9] = [
    // A date style also has an order of day and month, which ISO does not use.
    setting(
        c"datestyle",
        c"ISO",
        Variable::Integer(&raw const pg_sys::DateStyle, pg_sys::USE_ISO_DATES as c_int),
    ),
    setting(c"timezone", c"GMT", Variable::TimeZone),
    setting(
        c"intervalstyle",
        c"postgres",
        Variable::Integer(&raw const pg_sys::IntervalStyle, pg_sys::INTSTYLE_POSTGRES as c_int),
    ),
    setting(
        c"extra_float_digits",
        c"1",
        Variable::Integer(&raw const pg_sys::extra_float_digits, 1),
    ),
    setting(
        c"bytea_output",
        c"hex",
        Variable::Integer(&raw const bytea_output, BYTEA_OUTPUT_HEX),
    ),
    setting(
        c"lc_monetary",
        c"C",
        Variable::String(&raw const pg_sys::locale_monetary as _),
    ),
    setting(
        c"search_path",
        c"pg_catalog, pg_temp",
        Variable::String(&raw const pg_sys::namespace_search_path as _),
    ),
    setting(
        c"quote_all_identifiers",
        c"off",
        Variable::Boolean(&raw const pg_sys::quote_all_identifiers, false),
    ),
    setting(
        c"array_nulls",
        c"on",
        Variable::Boolean(&raw const pg_sys::Array_nulls, true),
    ),
];

const fn setting(name: &'static CStr, value: &'static CStr, variable: Variable) -> Setting {
    Setting { name, value, variable }
}

impl Setting {
    /// Whether the setting has the value already.
    fn is_set(&self) -> bool {
        // SAFETY: PostgreSQL has these variables for as long as the process lives, and writes them between calls. All
        // of the settings have a default, so that no string and no time zone is NULL.
        unsafe {
            match self.variable {
                Variable::Integer(at, value) => *at == value,
                Variable::Boolean(at, value) => *at == value,
                Variable::String(at) => CStr::from_ptr(*at) == self.value,
                // These names of the zone all print the same.
                Variable::TimeZone => {
                    let name = CStr::from_ptr(pg_sys::pg_get_timezone_name(pg_sys::session_timezone));
                    [self.value, c"UTC", c"Etc/UTC"].contains(&name)
                }
            }
        }
    }
}

/// Some of [`ALL`] settings. The bits follow the order of the list, from the lowest on.
#[derive(Clone, Copy, PartialEq)]
struct Settings(u16);

const NONE: Settings = Settings(0);
const DATE_STYLE: Settings = Settings(1);
const DATE_STYLE_AND_TIME_ZONE: Settings = Settings(1 | 2);
const INTERVAL_STYLE: Settings = Settings(4);
const FLOAT_DIGITS: Settings = Settings(8);
const BYTEA_OUTPUT: Settings = Settings(16);
const MONEY_LOCALE: Settings = Settings(32);
const ANY: Settings = Settings((1 << ALL.len()) - 1);

/// Calls `work` while the settings have their values, as PostgreSQL does for the settings of a function. After an
/// ERROR, the end of the transaction or subtransaction undoes them.
///
/// # Safety
///
/// The caller is behind pgrx's guard, in a transaction.
unsafe fn under<T>(settings: Settings, work: impl FnOnce() -> T) -> T {
    if settings == NONE {
        return work();
    }
    let mut level = None;
    for (bit, setting) in ALL.iter().enumerate() {
        if settings.0 >> bit & 1 == 0 || setting.is_set() {
            continue;
        }
        unsafe {
            level.get_or_insert_with(|| pg_sys::NewGUCNestLevel());
            pg_sys::set_config_option(
                setting.name.as_ptr(),
                setting.value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
    let result = work();
    if let Some(level) = level {
        // SAFETY: the level was begun above, and what began others ended them.
        unsafe { pg_sys::AtEOXact_GUC(true, level) };
    }
    result
}

/// What is done to a value before it is written, or to its text. Equal values are then written alike.
#[derive(Clone, Copy)]
enum Form {
    AsIs,
    /// Integers are written here, since there may be many.
    Integer(fn(Datum) -> i64),
    /// Floats of either width are written as double precision, with 0 for -0 and one NaN.
    Float32,
    Float64,
    /// Texts are their bytes, without a call of the output function.
    Text,
    /// As texts, but for the blanks at the end.
    BlankPadded,
}

/// Writes the values of one type.
pub(crate) struct Writer {
    output: FmgrInfo,
    form: Form,
    minded: MindedSettings,
    is_unique: bool,
}

impl Writer {
    /// # Safety
    ///
    /// The writer is not used after the end of the memory context.
    pub(crate) unsafe fn new(declared: Oid, kind: Kind, context: MemoryContext) -> Self {
        // SAFETY: PostgreSQL answers for any type. All that the record refers to lives in the context.
        unsafe {
            let written = written_as(declared);
            let form = match written {
                pg_sys::INT2OID => Form::Integer(|value| i64::from(value.value() as i16)),
                pg_sys::INT4OID => Form::Integer(|value| i64::from(value.value() as i32)),
                pg_sys::INT8OID => Form::Integer(|value| value.value() as i64),
                pg_sys::FLOAT4OID => Form::Float32,
                pg_sys::FLOAT8OID => Form::Float64,
                pg_sys::TEXTOID => Form::Text,
                pg_sys::BPCHAROID => Form::BlankPadded,
                _ => Form::AsIs,
            };
            let output = match form {
                Form::Float32 => pg_sys::FLOAT8OID,
                _ => written,
            };
            let (mut function, mut is_varlena) = (Oid::INVALID, false);
            pg_sys::getTypeOutputInfo(output, &mut function, &mut is_varlena);
            let mut record: FmgrInfo = std::mem::zeroed();
            pg_sys::fmgr_info_cxt(function, &mut record, context);
            Writer {
                output: record,
                form,
                minded: MindedSettings::new(output, ContextAllocator::new(context)),
                is_unique: is_unique(written) && kind != Kind::CollatedText,
            }
        }
    }

    /// Whether equal values are always written alike.
    pub(crate) fn is_unique(&self) -> bool {
        self.is_unique
    }

    /// Calls `read` with a value as text. Raises an ERROR if the output function gives no text in the encoding of the
    /// database.
    ///
    /// # Safety
    ///
    /// `value` is of the writer's type, and the caller is behind pgrx's guard. What the type's output function takes
    /// stays in the current memory context.
    pub(crate) unsafe fn with_text<T>(&mut self, value: Datum, read: impl FnOnce(&str) -> T) -> T {
        if let Form::Integer(integer) = self.form {
            return read(decimal(integer(value), &mut [0; LONGEST_INTEGER]));
        }
        // SAFETY: the value is a varlena where it is read as one. The output function returns a string that a zero ends.
        unsafe {
            let value = match self.form {
                Form::Text => return varlena::with_bytes(value, |text| read(in_utf8(text))),
                Form::BlankPadded => {
                    return varlena::with_bytes(value, |text| read(in_utf8(text).trim_end_matches(' ')));
                }
                Form::Float32 => Datum::from(double_as_integer(f64::from(f32::from_bits(value.value() as u32)))),
                Form::Float64 => Datum::from(double_as_integer(f64::from_bits(value.value() as u64))),
                Form::AsIs | Form::Integer(_) => value,
            };
            let settings = self.minded.by(value);
            let text = under(settings, || pg_sys::OutputFunctionCall(&mut self.output, value));
            read(in_utf8(CStr::from_ptr(text).to_bytes()))
        }
    }
}

/// A text in the encoding of the database, in UTF-8. Raises an ERROR if it is none.
fn in_utf8(text: &[u8]) -> &str {
    // SAFETY: PostgreSQL reads as many bytes as there are. It returns where they begin, or a string that a zero ends, in
    // the current memory context.
    let bytes = unsafe {
        let given = text.as_ptr().cast();
        let converted = pg_sys::pg_server_to_any(given, text.len() as i32, pg_sys::pg_enc::PG_UTF8 as i32);
        match converted.cast_const() == given {
            true => text,
            false => CStr::from_ptr(converted).to_bytes(),
        }
    };
    str::from_utf8(bytes).unwrap_or_else(|_| {
        raise(
            PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
            "a value in a sample is not text in the encoding of the database",
        )
    })
}

/// The length of -2^63.
const LONGEST_INTEGER: usize = 20;

/// An integer as text. Rust's own formatting takes three times as long.
fn decimal(number: i64, digits: &mut [u8; LONGEST_INTEGER]) -> &str {
    let (mut rest, mut start) = (number.unsigned_abs(), LONGEST_INTEGER);
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        start -= 1;
        digits[start] = b'-';
    }
    str::from_utf8(&digits[start..]).expect("digits are ASCII")
}

/// The type as which values are written. For one without an equality of its own, it is the type whose equality it
/// takes: text for varchar, oid for regclass. Values are hashed by the same rule.
///
/// # Safety
///
/// In a transaction.
unsafe fn written_as(declared: Oid) -> Oid {
    // SAFETY: PostgreSQL answers for any type.
    unsafe {
        let base_type = pg_sys::getBaseType(declared);
        let is_plain = pg_sys::get_element_type(base_type) == Oid::INVALID
            && pg_sys::get_typtype(base_type) as u8 == pg_sys::TYPTYPE_BASE;
        if is_plain {
            equality::compared_as(base_type)
        } else {
            base_type
        }
    }
}

/// Whether equal values of a type are always written alike in its [`Form`]. False if that is not known.
fn is_unique(written: Oid) -> bool {
    #[cfg(feature = "pg19")]
    if written == pg_sys::OID8OID {
        return true;
    }
    matches!(
        written,
        pg_sys::INT2OID
            | pg_sys::INT4OID
            | pg_sys::INT8OID
            | pg_sys::OIDOID
            | pg_sys::FLOAT4OID
            | pg_sys::FLOAT8OID
            | pg_sys::TEXTOID
            | pg_sys::BPCHAROID
            | pg_sys::NAMEOID
            | pg_sys::BYTEAOID
            | pg_sys::BITOID
            | pg_sys::VARBITOID
            | pg_sys::DATEOID
            | pg_sys::TIMESTAMPOID
            | pg_sys::TIMESTAMPTZOID
            | pg_sys::TIMEOID
            | pg_sys::TIMETZOID
            | pg_sys::BOOLOID
            | pg_sys::CHAROID
            | pg_sys::MONEYOID
            | pg_sys::PG_LSNOID
            | pg_sys::XIDOID
            | pg_sys::CIDOID
            | pg_sys::XID8OID
            | pg_sys::UUIDOID
            | pg_sys::MACADDROID
            | pg_sys::MACADDR8OID
            | pg_sys::TIDOID
            | pg_sys::TSVECTOROID
    )
}

/// The settings on which the text of one type's values depends.
struct MindedSettings {
    of: Oid,
    /// The number of [changes](invalidation) to the catalog when the rest was read.
    changes: u64,
    /// `None` for anonymous rows: the type differs by row.
    settings: Option<Settings>,
    rows: Vec<RowType, ContextAllocator>,
}

/// A type that an anonymous row had, and the settings on which its text depends.
#[derive(Clone, Copy)]
struct RowType {
    type_id: Oid,
    typmod: i32,
    settings: Settings,
    /// The columns, if some are anonymous rows themselves; else NULL. `settings` leaves those columns out.
    columns: TupleDesc,
}

impl MindedSettings {
    /// # Safety
    ///
    /// In a transaction.
    unsafe fn new(of: Oid, allocator: ContextAllocator) -> Self {
        if settings_of_known(of).is_none() {
            invalidation::watch();
        }
        MindedSettings {
            of,
            changes: invalidation::count(),
            settings: unsafe { Self::unless_anonymous(of) },
            rows: Vec::new_in(allocator),
        }
    }

    /// # Safety
    ///
    /// As [`new`](Self::new).
    unsafe fn unless_anonymous(of: Oid) -> Option<Settings> {
        (of != pg_sys::RECORDOID).then(|| unsafe { settings_of(of, &mut Vec::new_in(ContextAllocator::current())) })
    }

    /// The settings on which a value's text depends.
    ///
    /// # Safety
    ///
    /// As [`Writer::with_text`].
    #[inline]
    unsafe fn by(&mut self, value: Datum) -> Settings {
        let changes = invalidation::count();
        if self.changes != changes {
            // The columns that were kept go with the memory context.
            self.rows.clear();
            self.settings = unsafe { Self::unless_anonymous(self.of) };
            self.changes = changes;
        }
        self.settings.unwrap_or_else(|| unsafe { self.by_row(value) })
    }

    /// # Safety
    ///
    /// As [`by`](Self::by); the value is a row.
    unsafe fn by_row(&mut self, row: Datum) -> Settings {
        // SAFETY: the row is read as PostgreSQL reads rows. What that allocates is left in the current memory context.
        unsafe {
            let row: HeapTupleHeader = pg_sys::pg_detoast_datum(row.cast_mut_ptr()).cast();
            let head = (*row).t_choice.t_datum;
            let known = self.row_type(head.datum_typeid, head.datum_typmod);
            if known.columns.is_null() {
                return known.settings;
            }
            pg_sys::check_stack_depth();
            let mut tuple: HeapTupleData = std::mem::zeroed();
            tuple.t_len = pgrx::varlena::varsize_4b(row.cast()) as u32;
            tuple.t_data = row;
            let attributes = ManuallyDrop::new(PgTupleDesc::from_pg_unchecked(known.columns));
            let mut values = filled(attributes.len(), Datum::null());
            let mut nulls = filled(attributes.len(), false);
            pg_sys::heap_deform_tuple(&mut tuple, known.columns, values.as_mut_ptr(), nulls.as_mut_ptr());
            let columns = attributes.iter().zip(values.iter().zip(&nulls));
            let mut settings = known.settings;
            for (_, (&value, _)) in columns.filter(|(column, (_, is_null))| is_anonymous(column) && !**is_null) {
                settings.0 |= self.by_row(value).0;
            }
            settings
        }
    }

    /// What is known about a row type. It is looked up the first time.
    ///
    /// # Safety
    ///
    /// As [`by`](Self::by); there are rows of that type and typmod.
    unsafe fn row_type(&mut self, type_id: Oid, typmod: i32) -> RowType {
        let is_it = |known: &&RowType| known.type_id == type_id && known.typmod == typmod;
        if let Some(&known) = self.rows.iter().find(is_it) {
            return known;
        }
        // SAFETY: the type is one that a row has. The descriptor is a copy, of which PostgreSQL keeps no count. One
        // that is kept is in the writer's memory context.
        unsafe {
            let mut known = Vec::new_in(ContextAllocator::current());
            let settings = settings_of_columns(type_id, typmod, &mut known);
            let before = pg_sys::MemoryContextSwitchTo(self.rows.allocator().context());
            let mut columns = pg_sys::lookup_rowtype_tupdesc_copy(type_id, typmod);
            pg_sys::MemoryContextSwitchTo(before);
            if !ManuallyDrop::new(PgTupleDesc::from_pg_unchecked(columns))
                .iter()
                .any(is_anonymous)
            {
                pg_sys::FreeTupleDesc(columns);
                columns = std::ptr::null_mut();
            }
            let row_type = RowType {
                type_id,
                typmod,
                settings,
                columns,
            };
            self.rows.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
            self.rows.push(row_type);
            row_type
        }
    }
}

/// Whether a column holds anonymous rows, each of which names its own type.
fn is_anonymous(column: &FormData_pg_attribute) -> bool {
    column.atttypid == pg_sys::RECORDOID
}

/// `count` copies of a value, in the current memory context.
///
/// # Safety
///
/// As [`ContextAllocator::current`].
unsafe fn filled<T: Clone>(count: usize, value: T) -> Vec<T, ContextAllocator> {
    let mut filled = Vec::new_in(unsafe { ContextAllocator::current() });
    filled.try_reserve_exact(count).map_err(|_| OutOfMemory).or_raise();
    filled.resize(count, value);
    filled
}

/// The settings on which a type's text depends: any, if that is not known. `known` keeps what has been found so far,
/// for types that occur several times inside of others.
///
/// # Safety
///
/// In a transaction, behind pgrx's guard.
unsafe fn settings_of(of: Oid, known: &mut Vec<(Oid, Settings), ContextAllocator>) -> Settings {
    // SAFETY: PostgreSQL answers for any type.
    unsafe {
        pg_sys::check_stack_depth();
        let of = pg_sys::getBaseType(of);
        if let Some(settings) = settings_of_known(of) {
            return settings;
        }
        if let Some(&(_, settings)) = known.iter().find(|known| known.0 == of) {
            return settings;
        }
        let (mut output, mut is_varlena) = (Oid::INVALID, false);
        pg_sys::getTypeOutputInfo(of, &mut output, &mut is_varlena);
        let settings = match pg_sys::get_typtype(of) as u8 {
            pg_sys::TYPTYPE_ENUM => NONE,
            pg_sys::TYPTYPE_RANGE => settings_of(pg_sys::get_range_subtype(of), known),
            pg_sys::TYPTYPE_MULTIRANGE => settings_of(pg_sys::get_multirange_range(of), known),
            pg_sys::TYPTYPE_COMPOSITE => settings_of_columns(of, -1, known),
            _ if output == Oid::from(pg_sys::F_ARRAY_OUT) => settings_of(pg_sys::get_element_type(of), known),
            _ => settings_of_output(output),
        };
        known.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
        known.push((of, settings));
        settings
    }
}

/// As [`settings_of`], for the columns of a row type. Leaves out columns that are anonymous rows.
///
/// # Safety
///
/// As [`settings_of`]; there are rows of that type and typmod.
unsafe fn settings_of_columns(
    type_id: Oid,
    typmod: i32,
    known: &mut Vec<(Oid, Settings), ContextAllocator>,
) -> Settings {
    // SAFETY: the descriptor is a copy in the current memory context. PostgreSQL keeps no count of it, so it is not
    // dropped.
    unsafe {
        let descriptor = pg_sys::lookup_rowtype_tupdesc_copy(type_id, typmod);
        let attributes = ManuallyDrop::new(PgTupleDesc::from_pg_unchecked(descriptor));
        let mut settings = NONE;
        for attribute in attributes
            .iter()
            .filter(|column| !column.attisdropped && !is_anonymous(column))
        {
            settings.0 |= settings_of(attribute.atttypid, known).0;
            if settings == ANY {
                break;
            }
        }
        settings
    }
}

/// The settings on which the text of PostgreSQL's own types depends, where that is known.
const KNOWN: &[(Oid, Settings)] = &[
    (pg_sys::INT2OID, NONE),
    (pg_sys::INT4OID, NONE),
    (pg_sys::INT8OID, NONE),
    (pg_sys::OIDOID, NONE),
    #[cfg(feature = "pg19")]
    (pg_sys::OID8OID, NONE),
    (pg_sys::NUMERICOID, NONE),
    (pg_sys::FLOAT4OID, FLOAT_DIGITS),
    (pg_sys::FLOAT8OID, FLOAT_DIGITS),
    (pg_sys::MONEYOID, MONEY_LOCALE),
    (pg_sys::TEXTOID, NONE),
    (pg_sys::VARCHAROID, NONE),
    (pg_sys::BPCHAROID, NONE),
    (pg_sys::NAMEOID, NONE),
    (pg_sys::UNKNOWNOID, NONE),
    (pg_sys::CHAROID, NONE),
    (pg_sys::BYTEAOID, BYTEA_OUTPUT),
    (pg_sys::BITOID, NONE),
    (pg_sys::VARBITOID, NONE),
    (pg_sys::BOOLOID, NONE),
    (pg_sys::DATEOID, DATE_STYLE),
    (pg_sys::TIMESTAMPOID, DATE_STYLE),
    (pg_sys::TIMESTAMPTZOID, DATE_STYLE_AND_TIME_ZONE),
    (pg_sys::TIMEOID, NONE),
    (pg_sys::TIMETZOID, NONE),
    (pg_sys::INTERVALOID, INTERVAL_STYLE),
    (pg_sys::INETOID, NONE),
    (pg_sys::CIDROID, NONE),
    (pg_sys::MACADDROID, NONE),
    (pg_sys::MACADDR8OID, NONE),
    (pg_sys::UUIDOID, NONE),
    (pg_sys::JSONBOID, NONE),
    (pg_sys::TSVECTOROID, NONE),
    (pg_sys::TSQUERYOID, NONE),
    (pg_sys::PG_LSNOID, NONE),
    (pg_sys::XIDOID, NONE),
    (pg_sys::XID8OID, NONE),
    (pg_sys::CIDOID, NONE),
    (pg_sys::TIDOID, NONE),
];

fn settings_of_known(of: Oid) -> Option<Settings> {
    KNOWN.iter().find(|known| known.0 == of).map(|known| known.1)
}

/// The settings on which an output function depends. A known type may have the same function, as text and citext do. If
/// none has, the function may depend on any.
///
/// # Safety
///
/// In a transaction; `output` is a function.
unsafe fn settings_of_output(output: Oid) -> Settings {
    // SAFETY: the records live as long as they are needed, in the current memory context.
    let address = |output| unsafe {
        let mut record: FmgrInfo = std::mem::zeroed();
        pg_sys::fmgr_info(output, &mut record);
        record.fn_addr.map(|address| address as usize)
    };
    let wanted = address(output);
    let has_it = |known: &&(Oid, Settings)| {
        let (mut output, mut is_varlena) = (Oid::INVALID, false);
        unsafe { pg_sys::getTypeOutputInfo(known.0, &mut output, &mut is_varlena) };
        address(output) == wanted
    };
    KNOWN.iter().find(has_it).map_or(ANY, |known| known.1)
}

/// Reads the values of one type from text.
pub(crate) struct Reader {
    input: FmgrInfo,
    parameter: Oid,
    modifier: i32,
}

impl Reader {
    /// `modifier` is a column's type modifier, such as the length of a varchar, or -1.
    ///
    /// # Safety
    ///
    /// The reader is not used after the end of the memory context.
    pub(crate) unsafe fn new(of: Oid, modifier: i32, context: MemoryContext) -> Self {
        // SAFETY: PostgreSQL answers for any type. All that the record refers to lives in the context.
        unsafe {
            let (mut function, mut parameter) = (Oid::INVALID, Oid::INVALID);
            pg_sys::getTypeInputInfo(of, &mut function, &mut parameter);
            let mut input: FmgrInfo = std::mem::zeroed();
            pg_sys::fmgr_info_cxt(function, &mut input, context);
            Reader {
                input,
                parameter,
                modifier,
            }
        }
    }

    /// Calls `work` under the settings that values are [read](Self::read) under.
    ///
    /// # Safety
    ///
    /// The caller is behind pgrx's guard, in a transaction.
    pub(crate) unsafe fn under_settings<T>(work: impl FnOnce() -> T) -> T {
        unsafe { under(ANY, work) }
    }

    /// The value of a text, in the current memory context. Raises an ERROR if the text is not valid for the type, or
    /// does not fit the encoding of the database.
    ///
    /// # Safety
    ///
    /// The text has no zero in it; the caller is behind pgrx's guard.
    pub(crate) unsafe fn read(&mut self, text: &str) -> Datum {
        // SAFETY: the copy ends with a zero, and so does what it is converted to. Conversion checks the bytes also
        // where there is nothing to convert.
        unsafe {
            let copy = pg_sys::pnstrdup(text.as_ptr().cast(), text.len());
            let text: *mut c_char = pg_sys::pg_any_to_server(copy, text.len() as i32, pg_sys::pg_enc::PG_UTF8 as i32);
            pg_sys::InputFunctionCall(&mut self.input, text, self.parameter, self.modifier)
        }
    }
}
