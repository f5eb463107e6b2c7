//! Reading values out of [`Json`], noting every mistake with its path and going on.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use alloy_primitives::{Bytes, U256, hex};

use crate::{
    json::{Json, shortened},
    mistake::{Mistake, Mistakes, Problem},
};

/// What has been found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Mistake>);

impl Notes {
    pub(crate) fn add(&mut self, path: &str, problem: Problem) {
        self.0.push(Mistake { path: path.to_owned(), problem });
    }

    /// Whether something is wrong with this field, inside it or around it: rules about its value
    /// would mislead.
    pub(crate) fn touch(&self, path: &str) -> bool {
        self.0.iter().any(|mistake| contains(path, &mistake.path) || contains(&mistake.path, path))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The mistakes, if there are any.
    pub(crate) fn finish(self) -> Result<(), Mistakes> {
        if self.0.is_empty() { Ok(()) } else { Err(Mistakes(self.0)) }
    }
}

/// Whether the inner path is the outer one or leads on from it.
fn contains(outer: &str, inner: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) path: String,
    pub(crate) json: &'a Json,
}

impl<'a> Field<'a> {
    fn mistyped<T>(&self, expected: &'static str, notes: &mut Notes) -> Option<T> {
        let path = if self.path.is_empty() { "the file" } else { &self.path };
        notes.add(path, Problem::WrongType { found: self.json.to_string(), expected });
        None
    }

    pub(crate) fn object(self, notes: &mut Notes) -> Option<Object<'a>> {
        let Json::Object(entries) = self.json else { return self.mistyped("an object", notes) };
        let (known, tolerated) = (BTreeSet::new(), BTreeSet::new());
        let object = Object { path: self.path, entries, known, tolerated };
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<_> =
            entries.iter().map(|(key, _)| key).filter(|key| !seen.insert(*key)).collect();
        twice.into_iter().for_each(|key| notes.add(&object.path_of(key), Problem::DuplicateField));
        Some(object)
    }

    pub(crate) fn list(&self, notes: &mut Notes) -> Option<Vec<Field<'a>>> {
        let Json::Array(items) = self.json else { return self.mistyped("a list", notes) };
        let item = |(at, json)| Field { path: format!("{}[{at}]", self.path), json };
        Some(items.iter().enumerate().map(item).collect())
    }

    pub(crate) fn text(&self, expected: &'static str, notes: &mut Notes) -> Option<&'a str> {
        match self.json {
            Json::String(text) => Some(text),
            _ => self.mistyped(expected, notes),
        }
    }

    pub(crate) fn boolean(&self, notes: &mut Notes) -> Option<bool> {
        match self.json {
            Json::Bool(value) => Some(*value),
            _ => self.mistyped("true or false", notes),
        }
    }

    /// A number as geth takes it: digits, or hex after `0x`, with or without quotes.
    pub(crate) fn number(&self, notes: &mut Notes) -> Option<u64> {
        let value = self.big_number(notes)?;
        let number = u64::try_from(value).ok();
        if number.is_none() {
            let (value, max) = (value.to_string(), u64::MAX.to_string());
            notes.add(&self.path, Problem::NumberTooLarge { value, max });
        }
        number
    }

    /// A number of up to 256 bits.
    pub(crate) fn big_number(&self, notes: &mut Notes) -> Option<U256> {
        let problem = match self.json {
            Json::Number(value) => return Some(U256::from(*value)),
            Json::OddNumber(value) if value.starts_with('-') || value.contains('.') => {
                Problem::NotANumber { value: value.clone() }
            }
            Json::OddNumber(value) => Problem::NumberNeedsQuotes { value: value.clone() },
            Json::String(text) => match parse_number(text) {
                Ok(value) => return Some(value),
                Err(problem) => problem,
            },
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
                return self.mistyped("a number", notes);
            }
        };
        notes.add(&self.path, problem);
        None
    }

    pub(crate) fn bytes(&self, notes: &mut Notes) -> Option<Bytes> {
        let text = self.text("a string of hex digits", notes)?;
        match hex::decode(text) {
            Ok(bytes) => Some(bytes.into()),
            Err(_) => {
                notes.add(&self.path, Problem::NotHex { value: shortened(text) });
                None
            }
        }
    }

    /// A length of time in words: `200ms`, `1m 30s`.
    pub(crate) fn duration(&self, notes: &mut Notes) -> Option<Duration> {
        let text = self.text("a length of time like \"200ms\" or \"2s\"", notes)?;
        let duration = humantime::parse_duration(text).ok();
        if duration.is_none() {
            notes.add(&self.path, Problem::NotADuration { value: shortened(text) });
        }
        duration
    }

    /// A number of bytes, also in words: `512KiB`, `4MiB`.
    pub(crate) fn size(&self, notes: &mut Notes) -> Option<u64> {
        const UNITS: [(&str, u64); 2] = [("KiB", 1 << 10), ("MiB", 1 << 20)];
        let Json::String(text) = self.json else { return self.number(notes) };
        let in_unit = |(name, unit): (&str, u64)| {
            let digits = text.strip_suffix(name)?.trim_end();
            digits.parse::<u64>().ok()?.checked_mul(unit)
        };
        let size = UNITS
            .into_iter()
            .find_map(in_unit)
            .or_else(|| u64::try_from(parse_number(text).ok()?).ok());
        if size.is_none() {
            notes.add(&self.path, Problem::NotASize { value: shortened(text) });
        }
        size
    }
}

fn parse_number(text: &str) -> Result<U256, Problem> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if !is_number {
        return Err(Problem::NotANumber { value: shortened(text) });
    }
    U256::from_str_radix(digits, u64::from(radix)).map_err(|_| Problem::NumberTooLarge {
        value: shortened(text),
        max: "2^256 - 1".to_owned(),
    })
}

/// Parses text whose only mistake is that it does not parse.
pub(crate) fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// An object whose fields are asked for by name; what nobody asked for is unknown.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    path: String,
    entries: &'a [(String, Json)],
    known: BTreeSet<&'static str>,
    tolerated: BTreeSet<&'static str>,
}

impl<'a> Object<'a> {
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The field of this name; `null` means absent, as it does to geth.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.insert(name);
        self.find(name)
    }

    /// A field of geth's that nobody needs to write: no message proposes it.
    pub(crate) fn take_tolerated(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.tolerated.insert(name);
        self.find(name)
    }

    fn find(&self, name: &'static str) -> Option<Field<'a>> {
        let (_, json) = self.entries.iter().find(|(key, _)| key == name)?;
        (*json != Json::Null).then(|| Field { path: self.path_of(name), json })
    }

    /// The field of this name, which must be there.
    pub(crate) fn require(
        &mut self,
        name: &'static str,
        remedy: &'static str,
        notes: &mut Notes,
    ) -> Option<Field<'a>> {
        let field = self.take(name);
        if field.is_none() {
            notes.add(&self.path_of(name), Problem::Missing { remedy });
        }
        field
    }

    /// Every field, for an object whose keys are data.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Field<'a>)> + use<'a> {
        let (path, entries) = (self.path.clone(), self.entries);
        entries
            .iter()
            .map(move |(key, json)| (key.as_str(), Field { path: format!("{path}.{key}"), json }))
    }

    /// Notes every field that nobody asked for.
    pub(crate) fn finish(self, notes: &mut Notes) {
        let is_unknown = |key: &&str| !self.known.contains(key) && !self.tolerated.contains(key);
        let unknown: BTreeSet<_> =
            self.entries.iter().map(|(key, _)| key.as_str()).filter(is_unknown).collect();
        for key in unknown {
            let known = self.known.iter().copied().collect::<Vec<_>>().join(", ");
            notes.add(&self.path_of(key), Problem::UnknownField { known });
        }
    }
}
