//! Reading a bundle line by line. It may come from anywhere: no line is longer than a limit, and none is believed.

use std::io::{BufRead, Read as _};

use sha2::{Digest, Sha256};

use super::line::{End, FORMAT, Header, Line, VERSION};
use super::verify::Problem;

/// Longest line, in bytes. An event with the largest body that is let in, sealed and in base64, is a third of it.
const MAX_LINE: u64 = 16 * 1_024 * 1_024;

pub(super) struct Lines<R> {
    inner: R,
    hasher: Sha256,
    read: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new(), read: 0, buffer: vec![] }
    }

    /// The first line. Its version is read before anything else, for it says what the rest means.
    pub(super) fn header(&mut self) -> Result<Header, Problem> {
        if !self.fill()? {
            return Err(Problem::NotABundle);
        }
        let header: serde_json::Value = serde_json::from_slice(&self.buffer).map_err(|_| Problem::NotABundle)?;
        let header = &header["bundle"];
        if header["format"] != FORMAT {
            return Err(Problem::NotABundle);
        }
        if header["version"] != VERSION {
            return Err(Problem::OtherVersion(header["version"].to_string().chars().take(20).collect()));
        }
        serde_json::from_slice(&self.buffer)
            .ok()
            .and_then(|line| match line {
                Line::Bundle(header) => Some(header),
                Line::Key(_) | Line::Checkpoint(_) | Line::Event(_) | Line::Proof(_) | Line::End(_) => None,
            })
            .ok_or(Problem::NotABundle)
    }

    /// The next line. The last is [`Line::End`], whose claims are checked here.
    pub(super) fn next(&mut self) -> Result<Line, Problem> {
        let before = self.hasher.clone();
        if !self.fill()? {
            return Err(Problem::CutOff { lines: self.read });
        }
        let line = serde_json::from_slice(&self.buffer).map_err(|_| self.bad("it is not a line of a bundle"))?;
        if let Line::End(End { lines, sha256 }) = &line {
            if *lines != self.read - 1 {
                return Err(Problem::Altered);
            }
            if *sha256 != hex::encode(before.finalize()) {
                return Err(Problem::Altered);
            }
            if self.fill()? {
                return Err(self.bad("it comes after the last line"));
            }
        }
        Ok(line)
    }

    pub(super) fn bad(&self, reason: impl Into<String>) -> Problem {
        Problem::BadLine { line: self.read, reason: reason.into() }
    }

    /// Reads a line into the buffer. False at the end of the file.
    fn fill(&mut self) -> Result<bool, Problem> {
        self.buffer.clear();
        let read = (&mut self.inner).take(MAX_LINE).read_until(b'\n', &mut self.buffer);
        if read.map_err(|error| Problem::Unreadable(error.to_string()))? == 0 {
            return Ok(false);
        }
        if self.buffer.last() != Some(&b'\n') {
            if self.buffer.len() as u64 == MAX_LINE {
                self.read += 1;
                return Err(self.bad("it is longer than 16 MiB"));
            }
            return Err(if self.read == 0 { Problem::NotABundle } else { Problem::CutOff { lines: self.read } });
        }
        self.read += 1;
        self.hasher.update(&self.buffer);
        Ok(true)
    }
}
