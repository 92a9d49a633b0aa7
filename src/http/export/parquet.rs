//! Parquet: a row group for every few thousand rows, every column of its own type and optional.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Schema;
use serde_json::Value;

use super::columns::{Column, Type};
use super::table::field;

/// Rows of a row group: enough to pack well, and few enough to hold.
const GROUP: usize = 10_000;

/// Bytes of values that end a row group before.
const GROUP_BYTES: usize = 16 << 20;

pub(super) struct Parquet {
    columns: &'static [Column],
    /// Rows of the next group.
    rows: Vec<Value>,
    /// About how many bytes they are.
    held: usize,
    written: Written,
    writer: SerializedFileWriter<Written>,
}

/// What was written and not yet taken.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Parquet {
    /// # Errors
    /// If two columns have one name.
    pub fn new(columns: &'static [Column]) -> Result<Self, ParquetError> {
        let fields = columns.iter().map(|column| schema(column).map(Arc::new)).collect::<Result<_, _>>()?;
        let schema = Schema::group_type_builder("row").with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let written = Written::default();
        let writer = SerializedFileWriter::new(written.clone(), Arc::new(schema), Arc::new(properties))?;
        Ok(Self { columns, rows: Vec::new(), held: 0, written, writer })
    }

    /// Takes rows; what of the file is written.
    ///
    /// # Errors
    /// If a row cannot be written.
    pub fn rows(&mut self, rows: Vec<Value>) -> Result<Vec<u8>, ParquetError> {
        for row in rows {
            self.held += weight(&row);
            self.rows.push(row);
            if self.rows.len() >= GROUP || self.held >= GROUP_BYTES {
                self.group()?;
            }
        }
        self.writer.flush()?;
        Ok(self.written.take())
    }

    /// The rest of the file.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn end(mut self) -> Result<Vec<u8>, ParquetError> {
        if !self.rows.is_empty() {
            self.group()?;
        }
        self.writer.close()?;
        Ok(self.written.take())
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        self.held = 0;
        let mut group = self.writer.next_row_group()?;
        for column in self.columns {
            match column.of {
                Type::Text => write::<ByteArrayType>(&mut group, column, &rows, |v| v.as_str().map(ByteArray::from))?,
                Type::Json => {
                    let json = |v: &Value| Some(ByteArray::from(v.to_string().as_str()));
                    write::<ByteArrayType>(&mut group, column, &rows, json)?;
                }
                Type::Integer => write::<Int64Type>(&mut group, column, &rows, Value::as_i64)?,
                Type::Number => write::<DoubleType>(&mut group, column, &rows, Value::as_f64)?,
                Type::Bool => write::<BoolType>(&mut group, column, &rows, Value::as_bool)?,
            }
        }
        group.close().map(drop)
    }
}

/// About how many bytes a row is.
fn weight(row: &Value) -> usize {
    match row {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        _ => 8,
    }
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Written>,
    column: &Column,
    rows: &[Value],
    value: impl Fn(&Value) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General(format!("there is no column for {}", column.path)));
    };
    let found: Vec<Option<T::T>> = rows.iter().map(|row| field(column, row).and_then(&value)).collect();
    let defined: Vec<i16> = found.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = found.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, Some(&defined), None)?;
    writer.close()
}

fn schema(column: &Column) -> Result<Schema, ParquetError> {
    let (physical, logical) = match column.of {
        Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Type::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        Type::Integer => (Physical::INT64, None),
        Type::Number => (Physical::DOUBLE, None),
        Type::Bool => (Physical::BOOLEAN, None),
    };
    Schema::primitive_type_builder(&column.name(), physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::OPTIONAL)
        .build()
}
