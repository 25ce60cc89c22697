//! Installations over a disk in memory, whole and cut.

#[cfg(test)]
mod disk;
#[cfg(test)]
mod images;
#[cfg(test)]
mod installing;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod power_cuts;
#[cfg(test)]
mod simulated_boot;
