//! What a person types: secrets (never an argument, which other users of the machine can
//! read), and answers to questions.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use console::Term;
use event_log::Position;
use secrecy::SecretString;

/// Longest secret that is read, in bytes. None that the server takes is longer.
const MAX_SECRET_BYTES: u64 = 4_096;

/// Reads the position of an event.
pub(super) fn position(text: &str) -> Result<Position, &'static str> {
    let position = text.trim().parse().ok().filter(|position| *position >= Position::FIRST);
    position.ok_or("a position is a whole number, 1 or more, as `events list` shows it")
}

/// Asks at the terminal; where standard input is none, reads it from there.
pub(super) fn secret(prompt: &str) -> anyhow::Result<SecretString> {
    if io::stdin().is_terminal() { at_terminal(prompt) } else { piped() }
}

/// Asks at the terminal, which does not show what is typed.
pub(super) fn at_terminal(prompt: &str) -> anyhow::Result<SecretString> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        bail!("there is no terminal to ask at: add --password-stdin, and send the password to standard input");
    }
    terminal.write_str(&format!("{prompt} (not shown): "))?;
    let secret = terminal.read_secure_line().context("the terminal cannot be read")?;
    given(&secret)
}

/// Asks at the terminal for what may be given later. None where nothing is typed, and where there is no terminal.
pub(super) fn optional_secret(prompt: &str) -> anyhow::Result<Option<SecretString>> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        return Ok(None);
    }
    terminal.write_str(&format!("{prompt} (not shown): "))?;
    let secret = terminal.read_secure_line().context("the terminal cannot be read")?;
    Ok(Some(secret.trim()).filter(|secret| !secret.is_empty()).map(SecretString::from))
}

/// Reads standard input to its end, without the line end that editors and `echo` leave there.
pub(super) fn piped() -> anyhow::Result<SecretString> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_SECRET_BYTES + 1).read_to_string(&mut text);
    let length = read.context("standard input cannot be read as text")?;
    if length as u64 > MAX_SECRET_BYTES {
        bail!("standard input has more than 4 KiB, which no secret has");
    }
    given(&text)
}

/// Longest file with headers or a key that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1_024;

/// Reads a file that may hold a secret; `-` is standard input.
pub(super) fn file(path: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
    };
    let length = read.with_context(|| format!("{} cannot be read", path.display()))?;
    if length as u64 > MAX_FILE_BYTES {
        bail!("{} has more than 64 KiB", path.display());
    }
    Ok(text.into())
}

/// Writes to standard error what is no part of the outcome.
pub(super) fn note(text: &str) -> io::Result<()> {
    Term::stderr().write_line(text)
}

/// Asks at the terminal whether to do what cannot be undone.
///
/// # Errors
/// Where the answer is not yes, and where there is no terminal to ask at: a script has to say so beforehand.
pub(super) fn confirm(question: &str) -> anyhow::Result<()> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        bail!("there is no terminal to ask at: add --yes to do it without asking");
    }
    terminal.write_str(&format!("{question} Type yes to go on: "))?;
    let answer = terminal.read_line().context("the terminal cannot be read")?;
    if !answer.trim().eq_ignore_ascii_case("yes") {
        bail!("you did not type yes");
    }
    Ok(())
}

fn given(text: &str) -> anyhow::Result<SecretString> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("nothing was given: type it at the terminal, or send it to standard input");
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_line_end_is_no_part_of_a_secret_and_a_space_is() {
        assert_eq!(given("secret \r\n").unwrap().expose_secret(), "secret ");
        assert!(given("\n").is_err());
    }
}
