//! Git's rules for which lines of a message are its trailers.
//!
//! The block is the last paragraph, when all its lines are trailers, or when one was made by git
//! itself (sign-off, cherry-pick) and at least a quarter are trailers. Comment lines and a list of
//! conflicts at the end do not count, nor does anything after a scissors line.

/// A trailer with its value trimmed; a value over several lines stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer<'m> {
    pub key: &'m str,
    pub value: &'m str,
}

impl Trailer<'_> {
    pub fn is(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

const COMMENT: u8 = b'#';
const SCISSORS: &str = "# ------------------------ >8 ------------------------\n";
/// Lines that git writes itself, and that make a block of them sure.
const GENERATED: [&str; 2] = ["Signed-off-by: ", "(cherry picked from commit "];

/// The trailers of a commit message, in order.
pub fn trailers(message: &str) -> Vec<Trailer<'_>> {
    let message = without_blank_lines(message);
    let end = end_of_text(message);
    let start = start_of_block(message, end);
    let mut found = Vec::new();
    let mut at = start;
    while at < end {
        let mut next = next_line(message, at).min(end);
        let line = &message[at..next];
        let separator = separator(line.as_bytes()).filter(|&separator| separator >= 1);
        if separator.is_some() {
            // Indented lines continue it.
            while next < end && is_space(message.as_bytes()[next]) {
                next = next_line(message, next).min(end);
            }
        }
        if let Some(separator) = separator {
            let trim = |text: &'_ str| -> (usize, usize) {
                let start = text.len() - text.trim_start_matches(is_space_char).len();
                (start, start + text.trim_matches(is_space_char).len())
            };
            let key = &message[at..at + separator];
            let value = &message[at + separator + 1..next];
            let ((a, b), (c, d)) = (trim(key), trim(value));
            found.push(Trailer { key: &key[a..b], value: &value[c..d] });
        }
        at = next;
    }
    found
}

/// The message from its first line with text on.
fn without_blank_lines(message: &str) -> &str {
    let mut at = 0;
    while at < message.len() && is_blank(message, at) {
        at = next_line(message, at);
    }
    &message[at..]
}

/// Where the text ends: before trailing comments, blank lines and lists of conflicts.
fn end_of_text(message: &str) -> usize {
    let cut = cut_at_scissors(message);
    let mut tail: Option<usize> = None;
    let mut in_conflicts = false;
    let mut at = 0;
    while at < cut {
        let line = &message.as_bytes()[at..];
        if matches!(line[0], COMMENT | b'\n') {
            tail = tail.or(Some(at));
        } else if line.starts_with(b"Conflicts:\n") {
            in_conflicts = true;
            tail = tail.or(Some(at));
        } else if in_conflicts && line[0] == b'\t' {
            // A path in the list of conflicts.
        } else if tail.is_some() {
            tail = None;
            in_conflicts = false;
        }
        at = next_line(message, at);
    }
    tail.unwrap_or(cut)
}

fn cut_at_scissors(message: &str) -> usize {
    if message.starts_with(SCISSORS) {
        return 0;
    }
    message
        .match_indices(SCISSORS)
        .map(|(at, _)| at)
        .find(|&at| message.as_bytes()[at - 1] == b'\n')
        .unwrap_or(message.len())
}

/// Where the trailer block starts; `end` when there is none.
fn start_of_block(message: &str, end: usize) -> usize {
    let bytes = message.as_bytes();
    let title_end = end_of_title(message, end);
    let (mut trailers, mut others, mut continuations) = (0, 0, 0);
    let mut generated = false;
    let mut only_blank = true;
    let mut line = last_line(bytes, end);
    while let Some(at) = line.filter(|&at| at >= title_end) {
        line = last_line(bytes, at);
        if bytes[at] == COMMENT {
            others += std::mem::take(&mut continuations);
        } else if is_blank(message, at) {
            if only_blank {
                continue;
            }
            others += continuations;
            let is_block = (generated && trailers * 3 >= others) || (trailers > 0 && others == 0);
            return if is_block { next_line(message, at) } else { end };
        } else {
            only_blank = false;
            let text = &message[at..];
            if GENERATED.iter().any(|prefix| text.starts_with(prefix)) {
                trailers += 1;
                continuations = 0;
                generated = true;
            } else if is_space(bytes[at]) {
                continuations += 1;
            } else if separator(text.as_bytes()).is_some_and(|separator| separator >= 1) {
                trailers += 1;
                continuations = 0;
            } else {
                others += 1 + std::mem::take(&mut continuations);
            }
        }
    }
    end
}

/// The first paragraph is the title and holds no trailers.
fn end_of_title(message: &str, end: usize) -> usize {
    let mut at = 0;
    while at < end {
        if message.as_bytes()[at] != COMMENT && is_blank(message, at) {
            return at;
        }
        at = next_line(message, at);
    }
    at.max(end)
}

fn next_line(message: &str, at: usize) -> usize {
    message[at..].find('\n').map_or(message.len(), |newline| at + newline + 1)
}

/// The start of the last line before `end`.
fn last_line(bytes: &[u8], end: usize) -> Option<usize> {
    match end {
        0 => None,
        1 => Some(0),
        _ => Some(bytes[..end - 1].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)),
    }
}

fn is_blank(message: &str, at: usize) -> bool {
    let rest = &message.as_bytes()[at..];
    let first = rest.iter().find(|&&byte| byte == b'\n' || !is_space(byte));
    first.is_none_or(|&byte| byte == b'\n')
}

/// Where the colon is after a key of letters, digits and dashes, with blanks after it at most.
fn separator(line: &[u8]) -> Option<usize> {
    let mut blank = false;
    for (at, &byte) in line.iter().enumerate() {
        match byte {
            b':' => return Some(at),
            b'-' if !blank => {}
            _ if byte.is_ascii_alphanumeric() && !blank => {}
            b' ' | b'\t' if at > 0 => blank = true,
            _ => return None,
        }
    }
    None
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_space_char(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_git_takes_for_one() {
        let check = |message: &str, expect: &[(&str, &str)]| {
            let found: Vec<_> =
                trailers(message).into_iter().map(|trailer| (trailer.key, trailer.value)).collect();
            assert_eq!(found, expect, "{message:?}");
        };
        check("Title\n\nReviewed-by: Ada <a@x>\n", &[("Reviewed-by", "Ada <a@x>")]);
        check("\n\nTitle\n\nText\n\nReviewed-by : Ada\n\n\n", &[("Reviewed-by", "Ada")]);
        check("Reviewed-by: Ada\n", &[]);
        check("Title\n\nText\nReviewed-by: Ada\n", &[]);
        check(
            "Title\n\nText\nReviewed-by: Ada\nSigned-off-by: Bo\n",
            &[("Reviewed-by", "Ada"), ("Signed-off-by", "Bo")],
        );
        check("Title\n\na\nb\nc\nd\nSigned-off-by: Bo\n", &[]);
        check("Title\n\nKey: one\n two\nOther: x\n", &[("Key", "one\n two"), ("Other", "x")]);
        check("Title\n\nKey: x\n\nConflicts:\n\tfile.c\n", &[("Key", "x")]);
        check("Title\n\nKey: x\n# comment\n", &[("Key", "x")]);
        check(
            "Title\n\nKey: x\n# ------------------------ >8 ------------------------\nMore\n",
            &[("Key", "x")],
        );
        check("Title\n\nhttp://x.example/\n", &[("http", "//x.example/")]);
        check("Title\n\n\u{e9}t\u{e9}: x\n", &[]);
        check("", &[]);
    }
}
