//! The one test binary of the daemon: one link, one module a subject.

#[cfg(test)]
mod house_rules;
