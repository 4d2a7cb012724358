//! Values as text, and back: the form in which a sample keeps them, which every server reads.
//!
//! It is what the type's output function writes, in UTF-8, under settings that are always the same, whatever those of
//! the session are. The binary form of a type would be no shorter for most, is not documented, and may change with the
//! version of a type; text is what dumps rely on.

use crate::error::raise;
use crate::pg_sys::{self, Datum, FmgrInfo, MemoryContext, Oid};
use cvm_sketch::Kind;
use cvm_sketch::hash::double_as_integer;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::ffi::{CStr, c_char};
use std::io::Write;

/// A setting that what types write or read depends on, and the value that it is given.
struct Setting {
    name: &'static CStr,
    value: &'static CStr,
}

const DATE_STYLE: Setting = setting(c"datestyle", c"ISO");
const TIME_ZONE: Setting = setting(c"timezone", c"GMT");
const INTERVAL_STYLE: Setting = setting(c"intervalstyle", c"postgres");
const FLOAT_DIGITS: Setting = setting(c"extra_float_digits", c"1");
const BYTEA_OUTPUT: Setting = setting(c"bytea_output", c"hex");
const MONEY_LOCALE: Setting = setting(c"lc_monetary", c"C");

/// All of them. What the last three are for are names of objects, and arrays.
const ALL: &[Setting] = &[
    DATE_STYLE,
    TIME_ZONE,
    INTERVAL_STYLE,
    FLOAT_DIGITS,
    BYTEA_OUTPUT,
    MONEY_LOCALE,
    setting(c"search_path", c"pg_catalog, pg_temp"),
    setting(c"quote_all_identifiers", c"off"),
    setting(c"array_nulls", c"on"),
];

const fn setting(name: &'static CStr, value: &'static CStr) -> Setting {
    Setting { name, value }
}

impl Setting {
    /// Whether the setting has the value already. A date style also says the order of day and month, which ISO does not
    /// use.
    fn is_set(&self) -> bool {
        // SAFETY: there is a setting of that name, and its value is a string that lives until it is set again.
        let now = unsafe { CStr::from_ptr(pg_sys::GetConfigOption(self.name.as_ptr(), false, false)) };
        now == self.value || self.name == DATE_STYLE.name && now.to_bytes().starts_with(b"ISO,")
    }
}

/// Calls `work` while the settings have their values, as PostgreSQL does for the settings of a function. After an
/// ERROR, the end of the transaction or subtransaction undoes them.
///
/// # Safety
///
/// The caller is behind pgrx's guard, in a transaction.
unsafe fn under<T>(settings: &[Setting], work: impl FnOnce() -> T) -> T {
    let mut level = None;
    for setting in settings.iter().filter(|setting| !setting.is_set()) {
        // SAFETY: the caller vouches for the transaction, and the strings live for ever.
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

/// What is done to a value before it is written, or to what is written, so that equal values are written alike.
#[derive(Clone, Copy)]
enum Form {
    AsIs,
    /// Integers, of which there may be many, are written here.
    Integer(fn(Datum) -> i64),
    /// Numbers of either width are written as those of the greater; 0 for -0, and one NaN.
    Float32,
    Float64,
    /// Blanks at the end do not count.
    BlankPadded,
}

/// Writes the values of one type.
pub(crate) struct Writer {
    output: FmgrInfo,
    form: Form,
    settings: &'static [Setting],
    is_unique: bool,
}

impl Writer {
    /// # Safety
    ///
    /// The writer is not used after the end of the memory context.
    pub(crate) unsafe fn new(declared: Oid, kind: Kind, context: MemoryContext) -> Self {
        // SAFETY: any type may be asked about; the caller vouches for the context, where all that the record refers to
        // lives.
        unsafe {
            let written = written_as(declared);
            let form = match written {
                pg_sys::INT2OID => Form::Integer(|value| i64::from(value.value() as i16)),
                pg_sys::INT4OID => Form::Integer(|value| i64::from(value.value() as i32)),
                pg_sys::INT8OID => Form::Integer(|value| value.value() as i64),
                pg_sys::FLOAT4OID => Form::Float32,
                pg_sys::FLOAT8OID => Form::Float64,
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
                settings: settings_of(output),
                is_unique: is_unique(written) && kind != Kind::CollatedText,
            }
        }
    }

    /// Whether equal values are always written alike.
    pub(crate) fn is_unique(&self) -> bool {
        self.is_unique
    }

    /// Calls `read` with a value as text. Raises an ERROR if it is not text in the encoding that it should have.
    ///
    /// # Safety
    ///
    /// `value` is of the writer's type, the caller behind pgrx's guard, and the current memory context one that may be
    /// left with what the type's output function takes of it.
    pub(crate) unsafe fn with_text<T>(&mut self, value: Datum, read: impl FnOnce(&str) -> T) -> T {
        if let Form::Integer(integer) = self.form {
            let mut digits = [0; LONGEST_INTEGER];
            let mut rest = &mut digits[..];
            write!(rest, "{}", integer(value)).expect("there is room for any integer");
            let length = LONGEST_INTEGER - rest.len();
            return read(str::from_utf8(&digits[..length]).expect("digits are ASCII"));
        }
        // SAFETY: the caller vouches for value and context. The output function returns a string that a zero ends.
        let text = unsafe {
            let value = match self.form {
                Form::Float32 => Datum::from(double_as_integer(f64::from(f32::from_bits(value.value() as u32)))),
                Form::Float64 => Datum::from(double_as_integer(f64::from_bits(value.value() as u64))),
                Form::AsIs | Form::BlankPadded | Form::Integer(_) => value,
            };
            let text = under(self.settings, || pg_sys::OutputFunctionCall(&mut self.output, value));
            let length = CStr::from_ptr(text).count_bytes();
            let text = pg_sys::pg_server_to_any(text, length as i32, pg_sys::pg_enc::PG_UTF8 as i32);
            CStr::from_ptr(text)
        };
        let Ok(text) = text.to_str() else {
            raise(
                PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
                "a value in a sample is not text in the encoding of the database",
            );
        };
        read(match self.form {
            Form::BlankPadded => text.trim_end_matches(' '),
            _ => text,
        })
    }
}

/// The length of -2^63.
const LONGEST_INTEGER: usize = 20;

/// The type as which values are written: for one without an equality of its own, such as varchar and regclass, the type
/// whose equality it takes, text and oid. That is the rule by which values are hashed.
///
/// # Safety
///
/// In a transaction.
unsafe fn written_as(declared: Oid) -> Oid {
    // SAFETY: any type may be asked about, and entries of the type cache live as long as the process.
    unsafe {
        let base_type = pg_sys::getBaseType(declared);
        let is_plain = pg_sys::get_element_type(base_type) == Oid::INVALID
            && pg_sys::get_typtype(base_type) as u8 == pg_sys::TYPTYPE_BASE;
        let wanted = pg_sys::TYPECACHE_HASH_OPFAMILY as i32;
        match (*pg_sys::lookup_type_cache(base_type, wanted)).hash_opintype {
            compared_as if is_plain && compared_as != Oid::INVALID && compared_as != base_type => {
                written_as(compared_as)
            }
            _ => base_type,
        }
    }
}

/// Whether equal values of a type are always written alike, as by its [`Form`], for types of which that is known.
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
    )
}

/// The settings that what a type writes and reads depends on: of types that are not known, any.
///
/// # Safety
///
/// In a transaction.
unsafe fn settings_of(written: Oid) -> &'static [Setting] {
    // SAFETY: any type may be asked about.
    unsafe {
        let element = pg_sys::get_element_type(written);
        if element != Oid::INVALID {
            return settings_of(pg_sys::getBaseType(element));
        }
        match written {
            pg_sys::DATEOID | pg_sys::TIMESTAMPOID => &[DATE_STYLE],
            pg_sys::TIMESTAMPTZOID => &[DATE_STYLE, TIME_ZONE],
            pg_sys::INTERVALOID => &[INTERVAL_STYLE],
            pg_sys::FLOAT4OID | pg_sys::FLOAT8OID => &[FLOAT_DIGITS],
            pg_sys::BYTEAOID => &[BYTEA_OUTPUT],
            pg_sys::MONEYOID => &[MONEY_LOCALE],
            pg_sys::NUMERICOID | pg_sys::JSONBOID | pg_sys::INETOID => &[],
            _ if is_unique(written) || pg_sys::get_typtype(written) as u8 == pg_sys::TYPTYPE_ENUM => &[],
            _ => ALL,
        }
    }
}

/// Reads the values of one type from text.
pub(crate) struct Reader {
    input: FmgrInfo,
    parameter: Oid,
}

impl Reader {
    /// # Safety
    ///
    /// The reader is not used after the end of the memory context.
    pub(crate) unsafe fn new(of: Oid, context: MemoryContext) -> Self {
        // SAFETY: any type may be asked about; the caller vouches for the context, where all that the record refers to
        // lives.
        unsafe {
            let (mut function, mut parameter) = (Oid::INVALID, Oid::INVALID);
            pg_sys::getTypeInputInfo(of, &mut function, &mut parameter);
            let mut input: FmgrInfo = std::mem::zeroed();
            pg_sys::fmgr_info_cxt(function, &mut input, context);
            Reader { input, parameter }
        }
    }

    /// Calls `work` under the settings that values are [read](Self::read) under.
    ///
    /// # Safety
    ///
    /// The caller is behind pgrx's guard, in a transaction.
    pub(crate) unsafe fn under_settings<T>(work: impl FnOnce() -> T) -> T {
        // SAFETY: the caller vouches for it.
        unsafe { under(ALL, work) }
    }

    /// The value of a text, in the current memory context. Raises an ERROR if it is none of the type, or not in the
    /// encoding of the database.
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
            pg_sys::InputFunctionCall(&mut self.input, text, self.parameter, -1)
        }
    }
}
