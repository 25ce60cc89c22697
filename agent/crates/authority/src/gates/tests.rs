//! What passes the gates, and what does not.

mod attacks;
mod matrix;
pub(crate) mod testing;
