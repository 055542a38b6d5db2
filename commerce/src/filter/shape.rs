//! Whether a condition can be parsed and evaluated in a few passes, by its brackets and signs alone.
//!
//! Refused is what multiplies: `..` visits each part of the event once for each level above it, `$` begins again at the event
//! for every part of it, and several selectors in brackets (`[*,*][*,*]`) have each part several times. So a condition visits
//! every part of the event as often as it has terms, at most. The parser tries what is in a nested condition again for each
//! way to read what is around it, and calls itself for each bracket: both are bounded. And nothing may end the one selector
//! that the condition is.

use super::InvalidFilter;

/// Brackets within brackets.
pub(super) const MAX_DEPTH: usize = 10;

/// Conditions within conditions, as in `@.data.items[?@.sku == "A"]`.
const MAX_CONDITIONS: usize = 2;

/// The condition so far.
#[derive(Default)]
struct Scan {
    open: Vec<Bracket>,
    text: Option<OpenText>,
    previous: char,
}

struct Bracket {
    kind: char,
    at: usize,
    holds_condition: bool,
}

/// A text in quotation marks: what is in it is no part of the shape.
struct OpenText {
    quote: char,
    at: usize,
    is_escaped: bool,
}

pub(super) fn check(text: &str) -> Result<(), InvalidFilter> {
    let mut scan = Scan::default();
    for (character, at) in text.chars().zip(1..) {
        scan.step(character, at)?;
    }
    if let Some(open) = scan.text {
        return Err(InvalidFilter::OpenText { at: open.at });
    }
    scan.open.last().map_or(Ok(()), |bracket| Err(InvalidFilter::Bracket { at: bracket.at }))
}

impl Scan {
    fn step(&mut self, character: char, at: usize) -> Result<(), InvalidFilter> {
        if let Some(text) = &mut self.text {
            if text.is_escaped {
                text.is_escaped = false;
            } else if character == '\\' {
                text.is_escaped = true;
            } else if character == text.quote {
                self.text = None;
            }
            return Ok(());
        }
        match character {
            '"' | '\'' => self.text = Some(OpenText { quote: character, at, is_escaped: false }),
            '[' | '(' if self.open.len() == MAX_DEPTH => return Err(InvalidFilter::TooDeep { at }),
            '[' | '(' => self.open.push(Bracket { kind: character, at, holds_condition: false }),
            ']' => self.close('[', at)?,
            ')' => self.close('(', at)?,
            // A comma is between the arguments of a function, and else between selectors.
            ',' if self.open.last().is_none_or(|bracket| bracket.kind == '[') => {
                return Err(InvalidFilter::Several { at });
            }
            '?' => self.open_condition(at)?,
            '$' => return Err(InvalidFilter::Root { at }),
            '.' if self.previous == '.' => return Err(InvalidFilter::Descendants { at: at - 1 }),
            _ => {}
        }
        self.previous = character;
        Ok(())
    }

    fn close(&mut self, kind: char, at: usize) -> Result<(), InvalidFilter> {
        match self.open.pop() {
            Some(bracket) if bracket.kind == kind => Ok(()),
            Some(_) | None => Err(InvalidFilter::Bracket { at }),
        }
    }

    fn open_condition(&mut self, at: usize) -> Result<(), InvalidFilter> {
        if self.open.iter().filter(|bracket| bracket.holds_condition).count() == MAX_CONDITIONS {
            return Err(InvalidFilter::TooManyConditions { at });
        }
        if let Some(bracket) = self.open.last_mut() {
            bracket.holds_condition = true;
        }
        Ok(())
    }
}
