//! One verb, one file.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod list;
mod observe;
pub(crate) mod policy;
pub(crate) mod resolve;
