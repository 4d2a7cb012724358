//! Arrow data from other libraries, by the Arrow PyCapsule interface. All unsafe code is here.
//!
//! What comes in is a tree of C structures. Their pointers are trusted, since nothing can check a pointer: that each leads to
//! as many bytes as the structure says, and that nobody writes there. All else is checked before anything is read. What
//! `arrow_array` would assume, or panic about, is among it: numbers of buffers and children, lengths that are negative or
//! too large, pointers that are null, types nested without end. Offsets, views and keys are checked as they are read.
#![allow(unsafe_code)]

use crate::error::{KeyboardInterrupt, MemoryError, TypeError, ValueError};
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{ArrayRef, make_array, new_empty_array};
use arrow_data::layout;
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{ArrowError, DataType, Field};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use std::ffi::{CStr, c_char, c_int, c_void};

/// How deep a type may be nested.
const MAX_DEPTH: usize = 32;

/// The C interface's number for "out of memory", as of any system with an errno.
const ENOMEM: c_int = 12;

/// `struct ArrowSchema` of the Arrow C data interface.
#[repr(C)]
struct RawSchema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *const *const RawSchema,
    dictionary: *const RawSchema,
    release: *const c_void,
    private_data: *const c_void,
}

/// `struct ArrowArray` of the Arrow C data interface.
#[repr(C)]
struct RawArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *const *const u8,
    children: *const *const RawArray,
    dictionary: *const RawArray,
    release: *const c_void,
    private_data: *const c_void,
}

const _: () = assert!(size_of::<RawSchema>() == size_of::<FFI_ArrowSchema>());
const _: () = assert!(size_of::<RawArray>() == size_of::<FFI_ArrowArray>());

/// Arrays of one type, one after the other.
pub struct Arrays {
    field: Field,
    source: Source,
}

enum Source {
    Stream(FFI_ArrowArrayStream),
    One(Option<FFI_ArrowArray>),
}

impl Arrays {
    /// The arrays that an object exports; `None` if it does not speak the interface.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = object.py();
        if let Some(export) = object.getattr_opt(pyo3::intern!(py, "__arrow_c_stream__"))? {
            return Self::of_stream(&export.call0()?).map(Some);
        }
        if let Some(export) = object.getattr_opt(pyo3::intern!(py, "__arrow_c_array__"))? {
            let exported = export.call0()?;
            let Ok((schema, array)) = exported
                .cast::<PyTuple>()
                .map_err(PyErr::from)
                .and_then(|pair| pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>())
            else {
                return Err(TypeError::new_err("__arrow_c_array__ must return two capsules"));
            };
            return Self::of_array(&schema, &array).map(Some);
        }
        Ok(None)
    }

    fn of_stream(capsule: &Bound<'_, PyAny>) -> PyResult<Self> {
        let pointer = pointer(capsule, c"arrow_array_stream")?;
        // SAFETY: a capsule of that name holds a pointer to such a structure, which lives as long as the capsule. What is
        // moved out is marked as released there, so that the capsule's own destructor leaves it alone.
        let mut stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer.cast()) };
        let get_schema = stream.get_schema();
        let (Some(get_schema), Some(_)) = (get_schema.filter(|_| stream.release().is_some()), stream.get_next()) else {
            return Err(ValueError::new_err("the Arrow stream has been consumed already"));
        };
        let mut schema = FFI_ArrowSchema::empty();
        // SAFETY: the callback gets the stream that it belongs to, and a place to write to.
        let code = unsafe { get_schema(&mut stream, &mut schema) };
        if code != 0 {
            return Err(failure(&mut stream, code));
        }
        Ok(Arrays {
            field: field(&schema)?,
            source: Source::Stream(stream),
        })
    }

    fn of_array(schema: &Bound<'_, PyAny>, array: &Bound<'_, PyAny>) -> PyResult<Self> {
        let schema = pointer(schema, c"arrow_schema")?.cast::<FFI_ArrowSchema>();
        let array = pointer(array, c"arrow_array")?;
        // SAFETY: as of a stream. The schema stays where it is, and is read while its capsule is held.
        let field = field(unsafe { &*schema })?;
        Ok(Arrays {
            field,
            // SAFETY: as of a stream.
            source: Source::One(Some(unsafe { FFI_ArrowArray::from_raw(array.cast()) })),
        })
    }

    /// The name and the type of all arrays.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// The next array, of which no pointer is null that is needed, and no buffer too short for what the array says of
    /// itself. May take as long as the producer likes, which is not asked again after the end or an error.
    pub fn next(&mut self) -> PyResult<Option<ArrayRef>> {
        let next = self.next_or_end();
        if !matches!(next, Ok(Some(_))) {
            self.source = Source::One(None);
        }
        next
    }

    fn next_or_end(&mut self) -> PyResult<Option<ArrayRef>> {
        let array = match &mut self.source {
            Source::One(array) => array.take(),
            Source::Stream(stream) => {
                let mut array = FFI_ArrowArray::empty();
                let Some(get_next) = stream.get_next() else {
                    return Ok(None);
                };
                // SAFETY: the callback gets the stream that it belongs to, and a place to write to.
                let code = unsafe { get_next(stream, &mut array) };
                if code != 0 {
                    return Err(failure(stream, code));
                }
                (!array.is_released()).then_some(array)
            }
        };
        let Some(array) = array else {
            return Ok(None);
        };
        if array.is_released() {
            return Err(ValueError::new_err("the Arrow array has been consumed already"));
        }
        let data_type = self.field.data_type();
        // SAFETY: both are the same C structure.
        check_array(unsafe { &*(&raw const array).cast::<RawArray>() }, data_type)?;
        if array.is_empty() {
            // Its buffers may be missing, and an offset that is no end of anything may be left of what it was a slice of.
            return Ok(Some(new_empty_array(data_type)));
        }
        // SAFETY: the array is as the C data interface has it, as far as that can be checked.
        let data = unsafe { from_ffi_and_data_type(array, data_type.clone()) }.map_err(invalid)?;
        data.validate().map_err(invalid)?;
        Ok(Some(make_array(data)))
    }
}

fn invalid(error: ArrowError) -> PyErr {
    fault(&error.to_string())
}

#[cold]
fn fault(what: &str) -> PyErr {
    ValueError::new_err(format!("invalid Arrow data: {what}"))
}

/// The pointer in a capsule of that name.
fn pointer(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<*mut c_void> {
    let capsule = capsule.cast::<PyCapsule>()?;
    Ok(capsule.pointer_checked(Some(name))?.as_ptr())
}

/// Why a stream's callback failed, in the producer's words.
fn failure(stream: &mut FFI_ArrowArrayStream, code: c_int) -> PyErr {
    if code == ENOMEM {
        return MemoryError::new_err("the Arrow stream is out of memory");
    }
    let words = stream.get_last_error().and_then(|get_last_error| {
        // SAFETY: the callback gets the stream that it belongs to. The string lives until the next call.
        unsafe {
            let words = get_last_error(stream);
            (!words.is_null()).then(|| CStr::from_ptr(words).to_string_lossy().into_owned())
        }
    });
    let words = words.unwrap_or(format!("error {code}"));
    let message = format!("the Arrow stream failed: {words}");
    // Of a stream that Python code makes, only the words of an exception come through.
    match words.contains("KeyboardInterrupt") {
        true => KeyboardInterrupt::new_err(message),
        false => ValueError::new_err(message),
    }
}

/// The field that a schema describes.
fn field(schema: &FFI_ArrowSchema) -> PyResult<Field> {
    // SAFETY: both are the same C structure.
    check_schema(unsafe { &*(&raw const *schema).cast::<RawSchema>() }, 0)?;
    Field::try_from(schema).map_err(invalid)
}

fn check_schema(schema: &RawSchema, depth: usize) -> PyResult<()> {
    if depth > MAX_DEPTH {
        return Err(fault("types are nested too deep"));
    }
    if schema.release.is_null() {
        return Err(fault("a schema has been released"));
    }
    if schema.format.is_null() {
        return Err(fault("a type has no format"));
    }
    let is_utf8 = |text: *const c_char| {
        // SAFETY: what is not null is a string that a zero ends.
        text.is_null() || unsafe { CStr::from_ptr(text) }.to_str().is_ok()
    };
    if !is_utf8(schema.format) || !is_utf8(schema.name) {
        return Err(fault("a format or a name is not UTF-8"));
    }
    // SAFETY: it is not null.
    let expected = match unsafe { CStr::from_ptr(schema.format) }.to_bytes() {
        b"+l" | b"+L" | b"+vl" | b"+vL" | b"+m" => Some(1),
        format if format.starts_with(b"+w:") => Some(1),
        b"+r" => Some(2),
        format if format.starts_with(b"+") => None,
        _ => Some(0),
    };
    if expected.is_some_and(|expected| schema.n_children != expected) {
        return Err(fault("a type has a wrong number of children"));
    }
    for child in children(schema.n_children, schema.children)? {
        check_schema(child, depth + 1)?;
    }
    // SAFETY: a dictionary that is not null is a schema.
    let Some(dictionary) = (unsafe { schema.dictionary.as_ref() }) else {
        return Ok(());
    };
    check_schema(dictionary, depth + 1)?;
    // `arrow_schema` drops the metadata of a dictionary.
    // SAFETY: both are the same C structure.
    let metadata = unsafe { &*(&raw const *dictionary).cast::<FFI_ArrowSchema>() }.metadata();
    match metadata
        .map_err(invalid)?
        .get(EXTENSION_TYPE_NAME_KEY)
        .map(String::as_str)
    {
        None | Some("arrow.json") => Ok(()),
        Some(name) => Err(TypeError::new_err(format!(
            "a dictionary of the extension type {name} has no rule to be hashed by"
        ))),
    }
}

/// The children of a structure, none of them null.
fn children<'a, T>(count: i64, children: *const *const T) -> PyResult<Vec<&'a T>> {
    let count = i32::try_from(count).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or_else(|| fault("a number of children is negative or too large"))?;
    if count > 0 && children.is_null() {
        return Err(fault("the children are missing"));
    }
    (0..count)
        .map(|i| {
            // SAFETY: there are so many pointers, each to a child that lives as long as its parent.
            unsafe { children.add(i).read_unaligned().as_ref() }.ok_or_else(|| fault("a child is missing"))
        })
        .collect()
}

fn check_array(array: &RawArray, data_type: &DataType) -> PyResult<()> {
    let count = |number: i64, what| usize::try_from(number).map_err(|_| fault(&format!("{what} is negative")));
    let (length, offset) = (count(array.length, "a length")?, count(array.offset, "an offset")?);
    // The widest item has 32 bytes, but for those of a fixed size that the type names.
    let width = match data_type {
        DataType::FixedSizeBinary(width) => count((*width).into(), "a width")?.max(32),
        _ => 32,
    };
    let end = length.checked_add(offset).and_then(|end| end.checked_add(1));
    if end
        .and_then(|end| end.checked_mul(width))
        .is_none_or(|bytes| bytes > isize::MAX as usize)
    {
        return Err(fault("a length is too large"));
    }
    let end = offset + length;
    if !(-1..=array.length).contains(&array.null_count) {
        return Err(fault("a number of nulls is beyond the length"));
    }

    let wanted = layout(data_type);
    let nulls = usize::from(wanted.can_contain_null_mask);
    let buffers = count(array.n_buffers, "a number of buffers")?;
    let fixed = nulls + wanted.buffers.len();
    // Behind the buffers of a view array is one with their lengths.
    let most = if wanted.variadic {
        fixed + 1 + i32::MAX as usize
    } else {
        fixed
    };
    if buffers < fixed + usize::from(wanted.variadic) || buffers > most {
        return Err(fault("the number of buffers is not that of the type"));
    }
    if buffers > 0 && array.buffers.is_null() {
        return Err(fault("the buffers are missing"));
    }
    // SAFETY: there are so many pointers.
    let buffer = |i: usize| unsafe { array.buffers.add(i).read_unaligned() };
    if wanted.can_contain_null_mask && array.null_count > 0 && buffer(0).is_null() {
        return Err(fault("there are nulls, but nothing says which"));
    }
    if let DataType::Utf8 | DataType::Binary = data_type {
        check_offsets::<i32>(buffer(1).cast(), end)?;
    }
    if let DataType::LargeUtf8 | DataType::LargeBinary = data_type {
        check_offsets::<i64>(buffer(1).cast(), end)?;
    }
    if wanted.variadic {
        let lengths = buffer(buffers - 1).cast::<i64>();
        for i in 0..buffers - 1 - fixed {
            // SAFETY: a buffer of lengths that is not null has one for each of those buffers.
            let length = (!lengths.is_null()).then(|| unsafe { lengths.add(i).read_unaligned() });
            if length.is_none_or(|length| length < 0) || !lengths.is_aligned() {
                return Err(fault("the lengths of the buffers are missing or negative"));
            }
        }
    }

    let children = children(array.n_children, array.children)?;
    let types: &[_] = match data_type {
        DataType::Struct(fields) => fields,
        _ => &[],
    };
    if children.len() != types.len() {
        return Err(fault("the number of children is not that of the type"));
    }
    for (child, field) in children.into_iter().zip(types) {
        check_array(child, field.data_type())?;
    }
    // SAFETY: a dictionary that is not null is an array.
    match (data_type, unsafe { array.dictionary.as_ref() }) {
        (DataType::Dictionary(_, values), Some(dictionary)) => check_array(dictionary, values),
        (DataType::Dictionary(..), None) => Err(fault("the dictionary is missing")),
        (_, Some(_)) => Err(fault("there is a dictionary where the type has none")),
        (_, None) => Ok(()),
    }
}

/// Checks the last of the offsets, which says how long the values are.
fn check_offsets<T: Copy + Into<i64>>(offsets: *const T, end: usize) -> PyResult<()> {
    if end == 0 {
        return Ok(());
    }
    if offsets.is_null() || !offsets.is_aligned() {
        return Err(fault("the offsets are missing or not aligned"));
    }
    // SAFETY: there is one offset more than the items are.
    if unsafe { offsets.add(end).read() }.into() < 0 {
        return Err(fault("an offset is negative"));
    }
    Ok(())
}
