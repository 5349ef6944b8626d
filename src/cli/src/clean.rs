//! Cleans the text of users and servers before it reaches a terminal, which would obey some of it.

/// Whether it could deceive a terminal or a reader: control characters, and those that change the
/// direction of text, are invisible, or end lines.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text in one line. Hidden characters are shown as escapes, such as `\u{1b}`.
pub(crate) fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            '\t' => clean.push_str("\\t"),
            c if is_hidden(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}

/// Equal JSON in one line. Hidden characters become escapes.
pub(crate) fn json(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Not in text, which has escapes there: it stands between the parts.
            '\n' | '\r' | '\t' => clean.push(' '),
            c if is_hidden(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    clean.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => clean.push(c),
        }
    }
    clean
}

/// How many columns a character takes: close to what terminals do.
fn columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// How many columns a clean text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// The text in so many columns, with an ellipsis where it is cut.
pub(crate) fn fit(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let (mut cut, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += columns(c);
        if used > most {
            break;
        }
        cut.push(c);
    }
    if most > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All characters, and each between others.
    fn everything() -> impl Iterator<Item = String> {
        (0..=u32::from(char::MAX))
            .filter_map(char::from_u32)
            .map(|c| format!("a{c}b"))
    }

    /// The characters that no terminal may get, listed a second time.
    fn is_dangerous(c: char) -> bool {
        matches!(u32::from(c), 0..0x20 | 0x7f..=0x9f | 0x61c | 0x200e | 0x200f | 0x202a..=0x202e
            | 0x2066..=0x2069 | 0x2028 | 0x2029)
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for text in everything() {
            for clean in [line(&text), json(&text)] {
                assert!(!clean.contains(is_dangerous), "{text:?}: {clean:?}");
                assert!(clean.starts_with('a') && clean.ends_with('b'), "{clean:?}");
            }
        }
    }

    #[test]
    fn clean_json_means_the_same() {
        for text in everything() {
            // Written by hand: as a server that escapes no more than it must.
            let body = text.chars().map(|c| match c {
                '"' | '\\' => format!("\\{c}"),
                c if u32::from(c) < 0x20 => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            });
            let written = format!("{{\n\"a\":\t\"{}\"\n}}", body.collect::<String>());
            let read: serde_json::Value = serde_json::from_str(&json(&written)).expect("JSON");
            assert_eq!(read["a"], text.as_str(), "{written:?}");
        }
    }

    #[test]
    fn plain_text_stays() {
        assert_eq!(line("Zoë 💌 日本\\"), "Zoë 💌 日本\\");
        assert_eq!(
            line("\u{1b}[31mred\u{202e}\n"),
            "\\u{1b}[31mred\\u{202e}\\n"
        );
    }

    #[test]
    fn a_cut_text_has_its_width() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdef", 5), "abcd…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 0), "");
        for text in ["abcdefgh", "日本語", "a日b本c", "e\u{301}e\u{301}e\u{301}"] {
            for most in 0..10 {
                assert!(width(&fit(text, most)) <= most, "{text} {most}");
            }
        }
    }
}
