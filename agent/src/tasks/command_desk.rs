//! The command desk.

mod held;
