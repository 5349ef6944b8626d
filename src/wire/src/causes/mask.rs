//! What differs between errors of one cause becomes `*`: ids, long numbers, times and durations.

/// A longer line is cut, in characters.
const LINE_MAX: usize = 200;
/// A number with so many digits is an id. One of three digits may be a status code.
const NUMBER_MIN: usize = 4;
/// A hexadecimal word of so many characters is an id.
const HEX_MIN: usize = 6;
/// So is another word of so many characters with
const MIXED_MIN: usize = 10;
/// so many digits.
const MIXED_DIGITS_MIN: usize = 3;

/// Behind a number, with or without a space between.
const UNITS: [&str; 26] = [
    "ns", "us", "µs", "μs", "ms", "s", "sec", "secs", "second", "seconds", "min", "mins", "minute",
    "minutes", "h", "hour", "hours", "day", "days", "byte", "bytes", "kb", "mb", "gb", "kib",
    "mib",
];
/// Behind a number, without a space.
const CLOSE_UNITS: [&str; 2] = ["m", "d"];

/// The cause that a line names.
pub(super) fn cause(line: &str) -> String {
    let short = cut(line);
    let mut masked = masked(short);
    if !masked.contains(char::is_alphabetic) {
        // Nothing would be left that tells it from other causes.
        masked = short.to_owned();
    }
    match &line[short.len()..] {
        "" => {}
        rest if rest.starts_with(' ') => masked.push_str(" *"),
        _ => masked.push('*'),
    }
    masked
}

/// The line, cut at a space if it is long, or within a word if there is none.
fn cut(line: &str) -> &str {
    let Some((end, _)) = line.char_indices().nth(LINE_MAX) else {
        return line;
    };
    line[..end].rsplit_once(' ').map_or(&line[..end], |it| it.0)
}

fn masked(line: &str) -> String {
    let (mut masked, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(c) = rest.chars().next() {
        let len = match variable(rest) {
            Some(len) => {
                if !masked.ends_with('*') {
                    masked.push('*');
                }
                len
            }
            None => {
                let len = word(rest).len().max(c.len_utf8());
                masked.push_str(&rest[..len]);
                len
            }
        };
        rest = &rest[len..];
    }
    masked
}

/// The letters and digits at the begin of a text.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The length of what differs at the begin of a text, if something does.
fn variable(text: &str) -> Option<usize> {
    let found = [uuid(text), moment(text), durations(text)];
    let ends = |len: &usize| word(text.get(*len..).unwrap_or("x")).is_empty();
    let found = found.into_iter().flatten().find(ends);
    found.or_else(|| Some(word(text)).filter(|word| is_id(word)).map(str::len))
}

fn uuid(text: &str) -> Option<usize> {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let id = text.get(..36)?;
    let mut parts = id.split('-').map(|part| (part.len(), is_hex(part)));
    let is_uuid = LENGTHS.iter().all(|len| parts.next() == Some((*len, true)));
    is_uuid.then_some(36)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text begins as `shape`, in which `0` stands for a digit.
fn has_shape(text: &str, shape: &str) -> bool {
    let mut bytes = text.bytes();
    shape.bytes().all(|wanted| match (wanted, bytes.next()) {
        (b'0', Some(byte)) => byte.is_ascii_digit(),
        (wanted, byte) => byte == Some(wanted),
    })
}

/// A date, a time of the day, or both.
fn moment(text: &str) -> Option<usize> {
    let mut len = 0;
    if has_shape(text, "0000-00-00") {
        len = 10;
    }
    let behind = match (len, text.as_bytes().get(len)) {
        (10, Some(b'T' | b't' | b' ')) => 11,
        _ => len,
    };
    let time = text.get(behind..)?;
    let hours = ["00:00", "0:00"].into_iter().find(|h| has_shape(time, h));
    if let Some(hours) = hours {
        len = behind + hours.len();
        if has_shape(&text[len..], ":00") {
            len += 3;
        }
        len += fraction(&text[len..]);
        len += zone(&text[len..]);
    }
    (len > 0).then_some(len)
}

/// The length of `.123` or `,123`.
fn fraction(text: &str) -> usize {
    match text.strip_prefix(['.', ',']).map(digits) {
        Some(digits @ 1..) => digits + 1,
        _ => 0,
    }
}

fn zone(text: &str) -> usize {
    if text.starts_with(['Z', 'z']) {
        return 1;
    }
    let shapes = ["+00:00", "-00:00", "+0000", "-0000"];
    let zone = shapes.into_iter().find(|shape| has_shape(text, shape));
    zone.map_or(0, str::len)
}

/// A duration or a size of one or more parts, such as `1 min 30.5s`.
fn durations(text: &str) -> Option<usize> {
    let mut len = 0;
    while let Some(part) = duration(&text[len..]) {
        len += part;
        let next = text[len..].strip_prefix(' ').and_then(duration);
        len += usize::from(next.is_some());
    }
    (len > 0).then_some(len)
}

fn duration(text: &str) -> Option<usize> {
    let number = digits(text);
    let number = number + fraction(&text[number..]);
    if number == 0 || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let behind = &text[number..];
    let (space, unit) = match behind.strip_prefix(' ') {
        Some(unit) => (1, unit),
        None => (0, behind),
    };
    // The next part may follow at once: 1m30s.
    let end = unit.find(|c: char| !c.is_alphabetic());
    let unit = &unit[..end.unwrap_or(unit.len())];
    let lower = unit.to_lowercase();
    let is_unit = UNITS.contains(&&*lower) || space == 0 && CLOSE_UNITS.contains(&&*lower);
    is_unit.then_some(number + space + unit.len())
}

fn is_id(word: &str) -> bool {
    let count = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.strip_prefix("0x").unwrap_or(word);
    count > 0
        && (count == word.len() && count >= NUMBER_MIN
            || is_hex(hex) && hex.len() >= HEX_MIN
            || word.len() >= MIXED_MIN && count >= MIXED_DIGITS_MIN)
}
