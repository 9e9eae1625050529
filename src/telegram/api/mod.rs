//! The client of the Bot API: methods as plain structs, answers read tolerantly, errors sorted by what to do.
//!
//! [`Api::call`] takes any `Payload`: those of `methods` here, or the library's own for what is rarely used. This
//! part knows HTTP and the token, and lets neither out. It must not know what is said, nor try anything twice: that
//! is its callers' to decide.

pub(crate) mod answers;
mod error;
mod files;
mod http;
pub(crate) mod methods;
mod token;

#[cfg(test)]
pub(super) mod test_server;
#[cfg(test)]
mod tests;

pub(crate) use error::ApiError;
pub(crate) use files::{Content, FileKind, Upload};
pub(crate) use http::Api;
pub(crate) use token::Token;
