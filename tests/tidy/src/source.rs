//! One Rust file, seen as code, comments and strings.
//!
//! Not a parser: a lexer that knows where strings, characters and comments end, and counts braces.
//! That is enough for rules about lines, names and lengths, and cannot fall behind the language.

/// A Rust file with its characters sorted by kind.
#[derive(Clone, Debug)]
pub struct Source {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    /// Every line of the file.
    pub lines: Vec<Line>,
}

/// One line in three views; a view has spaces where the line has something else.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// The line as written.
    pub text: String,
    /// Code only: neither comments nor what stands between quotes.
    pub code: String,
    /// Comments only, documentation included.
    pub comment: String,
    /// Inside an item that only tests compile.
    pub is_test: bool,
}

/// An item with generic parameters or a body: a function, type, trait or implementation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `fn`, `struct`, `enum`, `trait`, `impl`, `type` or `union`.
    pub keyword: String,
    /// Its name; empty for `impl`.
    pub name: String,
    /// Where the keyword stands, from 1.
    pub line: usize,
    /// From the keyword to the closing brace, both included.
    pub length: usize,
    /// Generic parameters that are types: neither lifetimes nor constants.
    pub type_parameters: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Text,
    Comment,
}

impl Source {
    /// Sorts the characters of a file.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let kinds = sort(&chars);
        let mut lines = vec![Line::default()];
        for (&char, &kind) in chars.iter().zip(&kinds) {
            if char == '\n' {
                lines.push(Line::default());
            } else if let Some(line) = lines.last_mut() {
                line.text.push(char);
                line.code.push(if kind == Kind::Code { char } else { ' ' });
                line.comment.push(if kind == Kind::Comment { char } else { ' ' });
            }
        }
        if lines.last().is_some_and(|line| line.text.is_empty()) {
            lines.pop();
        }
        let mut source = Self { path: path.to_owned(), lines };
        source.mark_tests();
        source
    }

    /// Whether the file as a whole is about testing: it lies in a folder `tests`, `benches` or
    /// `examples`, or is the module `tests`.
    #[must_use]
    pub fn is_test_file(&self) -> bool {
        let mut names = self.path.split('/').rev();
        names.next() == Some("tests.rs")
            || names.any(|name| matches!(name, "tests" | "benches" | "examples"))
    }

    /// Lines that ship: numbered from 1, without tests.
    pub fn shipped(&self) -> impl Iterator<Item = (usize, &Line)> {
        let whole = self.is_test_file();
        self.numbered().filter(move |(_, line)| !whole && !line.is_test)
    }

    /// Every line with its number from 1.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Items in the order of their keywords, nested ones included.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let code = Code::new(self);
        (0..code.chars.len()).filter_map(|at| code.item(at)).collect()
    }

    /// Names in `mod name;`: modules in files of their own.
    #[must_use]
    pub fn modules(&self) -> Vec<String> {
        let module = |line: &Line| {
            let (before, rest) = line.code.split_once("mod ")?;
            let name = rest.trim_end().strip_suffix(';')?.trim();
            let starts_item = before.is_empty() || before.ends_with([' ', ')', ']']);
            starts_item.then(|| name.trim_start_matches("r#").to_owned())
        };
        self.lines.iter().filter_map(module).collect()
    }

    fn mark_tests(&mut self) {
        let code = Code::new(self);
        let mut marked = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            if let Some(column) = line.code.find("#[cfg(test)]") {
                let start = code.starts[index] + line.code[..column].chars().count();
                marked.push(index..=code.line_of(code.end_of_item(start)));
            }
        }
        for index in marked.into_iter().flatten() {
            self.lines[index].is_test = true;
        }
    }
}

/// The code of a file in one piece, with the way back to lines.
struct Code {
    chars: Vec<char>,
    /// Where each line starts.
    starts: Vec<usize>,
}

impl Code {
    fn new(source: &Source) -> Self {
        let (mut chars, mut starts) = (Vec::new(), Vec::new());
        for line in &source.lines {
            starts.push(chars.len());
            chars.extend(line.code.chars());
            chars.push('\n');
        }
        Self { chars, starts }
    }

    /// The line, from 0, that holds a position.
    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at).saturating_sub(1)
    }

    fn item(&self, at: usize) -> Option<Item> {
        const KEYWORDS: [&str; 7] = ["fn", "struct", "enum", "trait", "impl", "type", "union"];
        if !is_word(self.chars[at]) || at > 0 && is_word(self.chars[at - 1]) {
            return None;
        }
        let keyword = self.word(at);
        KEYWORDS.contains(&keyword.as_str()).then_some(())?;
        let mut next = self.skip_space(at + keyword.len());
        let name = self.word(next);
        // `fn(u8) -> u8` is a type, `-> impl Trait` a bound: neither is an item.
        let is_impl = keyword == "impl" && self.starts_statement(at);
        if !is_impl && (name.is_empty() || keyword == "impl") {
            return None;
        }
        let name = if is_impl { String::new() } else { name };
        next = self.skip_space(next + name.chars().count());
        let (from, to) = (self.line_of(at), self.line_of(self.end_of_item(at)));
        Some(Item {
            keyword,
            name,
            line: from + 1,
            length: to - from + 1,
            type_parameters: self.type_parameters(next),
        })
    }

    fn starts_statement(&self, at: usize) -> bool {
        let before: String = self.chars[self.starts[self.line_of(at)]..at].iter().collect();
        matches!(before.trim(), "" | "unsafe" | "default")
    }

    fn word(&self, at: usize) -> String {
        self.chars[at..].iter().take_while(|char| is_word(**char)).collect()
    }

    fn skip_space(&self, at: usize) -> usize {
        at + self.chars[at..].iter().take_while(|char| char.is_whitespace()).count()
    }

    /// The brace or semicolon that ends the item at this position.
    fn end_of_item(&self, at: usize) -> usize {
        let (mut nested, mut braces) = (0_usize, 0_usize);
        for (index, char) in self.chars.iter().enumerate().skip(at) {
            match char {
                '(' | '[' => nested += 1,
                ')' | ']' => nested = nested.saturating_sub(1),
                '{' => braces += 1,
                '}' if braces > 1 => braces -= 1,
                '}' => return index,
                ';' if nested == 0 && braces == 0 => return index,
                _ => {}
            }
        }
        self.chars.len() - 1
    }

    /// Counts types in the `<…>` that starts here, if one does.
    fn type_parameters(&self, at: usize) -> usize {
        if self.chars.get(at) != Some(&'<') {
            return 0;
        }
        let (mut parameters, mut depth, mut before) = (vec![String::new()], 0_usize, ' ');
        for &char in &self.chars[at..] {
            match char {
                '<' | '(' | '[' | '{' => depth += 1,
                '>' if matches!(before, '-' | '=') => {}
                '>' | ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            match char {
                _ if depth == 0 => break,
                ',' if depth == 1 => parameters.push(String::new()),
                char => parameters.last_mut().into_iter().for_each(|text| text.push(char)),
            }
            before = char;
        }
        let is_type = |parameter: &&String| {
            let text = parameter.trim_start_matches('<').trim();
            !text.is_empty() && !text.starts_with('\'') && !text.starts_with("const ")
        };
        parameters.iter().filter(is_type).count()
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The kind of every character. Quotes are code, so that a string stays visible as one.
fn sort(chars: &[char]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (end, kind) = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => (end_of_line(chars, at), Kind::Comment),
            '/' if chars.get(at + 1) == Some(&'*') => (end_of_block(chars, at), Kind::Comment),
            '"' => (end_of_string(chars, at), Kind::Text),
            '\'' => (end_of_char(chars, at), Kind::Text),
            'r' if at == 0 || !is_word(chars[at - 1]) || is_raw_prefix(chars, at) => {
                (end_of_raw(chars, at), Kind::Text)
            }
            _ => (at + 1, Kind::Code),
        };
        if kind == Kind::Comment {
            kinds[at..end].fill(kind);
        } else if kind == Kind::Text && end > at + 2 {
            kinds[at + 1..end - 1].fill(kind);
        }
        at = end;
    }
    kinds
}

/// The `r` of `br"…"` or `cr"…"`.
fn is_raw_prefix(chars: &[char], at: usize) -> bool {
    matches!(chars[at - 1], 'b' | 'c') && (at == 1 || !is_word(chars[at - 2]))
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|char| *char == '\n').map_or(chars.len(), |length| at + length)
}

/// Block comments nest.
fn end_of_block(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// A character literal, or just the tick of a lifetime.
fn end_of_char(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        let close = chars.iter().skip(at + 3).position(|char| *char == '\'');
        return close.map_or(chars.len(), |length| at + 3 + length + 1);
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at + 1 }
}

/// A raw string, or just the letter `r` when no raw string starts here (`r#type`, `return`).
fn end_of_raw(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|char| **char == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at + 1;
    }
    let body = at + 2 + hashes;
    let closes = |&end: &usize| {
        let rest = &chars[end..];
        rest[0] == '"' && rest.iter().skip(1).take_while(|char| **char == '#').count() >= hashes
    };
    (body..chars.len()).find(closes).map_or(chars.len(), |end| end + 1 + hashes)
}
