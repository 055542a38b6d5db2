//! What a person types and nobody else is to see: never an argument, which other users of the machine can read.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
use console::Term;

/// Longest secret that is read, in bytes. None that the server takes is longer.
const MAX_SECRET_BYTES: u64 = 4_096;

/// Asks at the terminal; where standard input is none, reads it from there.
pub(super) fn secret(prompt: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() { at_terminal(prompt) } else { piped() }
}

/// Asks at the terminal, which does not show what is typed.
pub(super) fn at_terminal(prompt: &str) -> anyhow::Result<String> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        bail!("there is no terminal to ask at: add --password-stdin, and send the password to standard input");
    }
    terminal.write_str(&format!("{prompt} (not shown): "))?;
    let secret = terminal.read_secure_line().context("the terminal cannot be read")?;
    given(&secret)
}

/// Reads standard input to its end, without the line end that editors and `echo` leave there.
pub(super) fn piped() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_SECRET_BYTES + 1).read_to_string(&mut text);
    let length = read.context("standard input cannot be read as text")?;
    if length as u64 > MAX_SECRET_BYTES {
        bail!("standard input has more than 4 KiB, which no secret has");
    }
    given(&text)
}

fn given(text: &str) -> anyhow::Result<String> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("nothing was given: type it at the terminal, or send it to standard input");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_is_no_part_of_a_secret_and_a_space_is() {
        assert_eq!(given("secret \r\n").unwrap(), "secret ");
        assert!(given("\n").is_err());
    }
}
