//! Who may do what: roles, rights, people with an account on this gateway, and their sessions.

mod account;
mod attempts;
mod claim;
mod password;
mod role;
mod roles_file;
mod session;

pub use account::{Account, AccountFault, People, SignedIn};
pub use attempts::{Attempts, Patience};
pub use claim::{Claim, ClaimFault};
pub use password::{Argon2Cost, PasswordFault, PasswordHash};
pub use role::{Right, Role};
pub use roles_file::{RoleRights, RolesComplaint};
pub use session::{Orderer, Session, SessionFault, Sessions, TokenHash};
