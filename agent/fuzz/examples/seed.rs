//! Writes what each target is fed to begin with, from the vectors of the tree, to `corpus/`.

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (number, (door, bytes)) in pmu_fuzz::doors::corpus().into_iter().enumerate() {
        let folder = here.join(door);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{number:04}")), bytes)?;
    }
    Ok(())
}
