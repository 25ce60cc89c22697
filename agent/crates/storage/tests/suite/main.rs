//! The store as its owner sees it: on folders, on failing disks, and after power cuts.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod journal_crash;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod model;
#[cfg(test)]
mod store;
