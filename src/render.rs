//! One format, one file. A renderer shows the report and judges nothing.

pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod page;
pub(crate) mod policy;
pub(crate) mod resolution;
pub(crate) mod summary;
pub(crate) mod table;
