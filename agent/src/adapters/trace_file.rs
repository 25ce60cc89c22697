//! The byte trace of a bus as a file, up to a size, in the form of a conversation vector.

use crate::limits::TRACE_FILE_BYTES_MAX;
use line::{Trace, TraceSink};
use std::fs::File;
use std::path::PathBuf;

/// Writes what a trace records while it is on; a new file each time it is switched on.
#[derive(Debug)]
pub struct Tracer {
    trace: Trace,
    file: PathBuf,
    sink: Option<TraceSink<File>>,
    /// The size is reached, or the file cannot be written: nothing more until switched anew.
    ended: bool,
}

impl Tracer {
    /// A tracer whose trace may be off.
    pub fn new(trace: Trace, file: PathBuf) -> Self {
        Self {
            trace,
            file,
            sink: None,
            ended: false,
        }
    }

    /// Writes what is new. Called once a second, not from the line's thread: a disk that stalls
    /// must not stall a bus.
    pub fn pull(&mut self) {
        if !self.trace.is_on() {
            self.sink = None;
            self.ended = false;
            return;
        }
        if self.ended {
            return;
        }
        if self.sink.is_none() {
            match File::create(&self.file) {
                Ok(file) => {
                    self.sink = Some(TraceSink::new(&self.trace, file, TRACE_FILE_BYTES_MAX));
                    log::info!(file:% = self.file.display(); "bytes are written to {}", self.file.display());
                }
                Err(error) => self.end(&error.to_string()),
            }
        }
        let pulled = self.sink.as_mut().map(|sink| sink.pull(&self.trace));
        match pulled {
            Some(Ok(pulled)) if pulled.full => self.end("it has reached its size"),
            Some(Err(error)) => self.end(&error.to_string()),
            _ => {}
        }
    }

    fn end(&mut self, why: &str) {
        self.ended = true;
        self.sink = None;
        log::warn!(file:% = self.file.display(); "the trace is no longer written to {}: {why}", self.file.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_while_the_trace_is_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("trace-main.txt");
        let trace = Trace::new();
        let mut tracer = Tracer::new(trace.clone(), file.clone());
        tracer.pull();
        assert!(!file.exists());
        trace.switch(true);
        tracer.pull();
        assert!(file.exists());
        trace.switch(false);
        tracer.pull();
        assert!(tracer.sink.is_none());
    }

    #[test]
    fn a_folder_that_is_gone_ends_the_file_and_not_the_daemon() {
        let trace = Trace::new();
        trace.switch(true);
        let mut tracer = Tracer::new(trace, "/nonexistent/trace.txt".into());
        tracer.pull();
        assert!(tracer.ended);
    }
}
