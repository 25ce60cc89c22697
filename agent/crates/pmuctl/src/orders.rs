//! What operators sign, as files that people write and as words that people read.

mod awaited;
mod described;
mod key_set_file;
mod policy_file;
mod spot;

pub use awaited::{Awaited, AwaitedCommands, Heard};
pub use described::{claimed_text, order_lines, receipt_line, receipt_value};
pub use key_set_file::{key_set_content, key_set_lines};
pub use policy_file::{policy_content, policy_lines};
pub use spot::FileComplaint;
