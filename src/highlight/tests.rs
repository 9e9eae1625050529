use proptest::prelude::*;

use super::*;

/// The pieces that are not plain, each with a letter for its class.
fn shown(language: &str, text: &str) -> String {
    let letter = |class| match class {
        Class::Plain => ' ',
        Class::Comment => 'c',
        Class::String => 's',
        Class::Number => 'n',
        Class::Keyword => 'k',
        Class::Constant => 'v',
        Class::Type => 't',
        Class::Function => 'f',
        Class::Key => 'a',
        Class::Added => '+',
        Class::Removed => '-',
    };
    let lines = lines(language, text);
    let spans =
        lines.iter().flatten().filter(|(class, text)| *class != Class::Plain && !text.trim().is_empty());
    spans.map(|(class, text)| format!("{}:{}", letter(*class), text.trim())).collect::<Vec<_>>().join(" | ")
}

#[test]
fn languages_are_told_apart() {
    for (language, text, classes) in [
        (
            "rust",
            "fn f<'a>(x: &'a str) -> u8 { b'\\n'; 'x' } // end",
            "k:fn | t:'a | t:'a | k:str | k:u8 | s:'\\n' | s:'x' | c:// end",
        ),
        ("rs", "#[test]\nlet r = r#\"a \"b\" c\"#;", "a:#[test] | k:let | s:r#\"a \"b\" c\"#"),
        ("rust", "println!(\"{x} \\\" y\");", "f:println | s:\"{x} \\\" y\""),
        (
            "Python",
            "@cache\ndef f(x=1.5): # note\n  \"\"\"doc\n  two\"\"\"",
            "a:@cache | k:def | f:f | n:1.5 | c:# note | s:\"\"\"doc | s:two\"\"\"",
        ),
        ("ts", "const a: Map = `x ${y}`; /* b */", "k:const | t:Map | s:`x ${y}` | c:/* b */"),
        (
            "bash",
            "if [ $x = \"$y\" ]; then echo a#b ${HOME} # no",
            "k:if | v:$x | s:\"$y\" | k:then | k:echo | v:${HOME} | c:# no",
        ),
        ("json", "{\"a\": [1, true, \"b\"]}", "a:\"a\" | n:1 | v:true | s:\"b\""),
        ("toml", "[a.b]\nc-d = 'x' # y", "k:[a.b] | a:c-d | s:'x' | c:# y"),
        ("yml", "a-b: yes\n# c", "a:a-b | v:yes | c:# c"),
        ("SQL", "SELECT count(*) FROM t -- x", "k:SELECT | f:count | k:FROM | c:-- x"),
        (
            "html",
            "<a href=\"x\">&amp; <!-- y --></a>",
            "k:<a | a:href | s:\"x\" | k:> | v:&amp; | c:<!-- y --> | k:</a | k:>",
        ),
        ("css", "a { color-x: #fff }", "a:color-x"),
        ("diff", "--- a\n+b\n c\n@@ d", "-:--- a | +:+b | f:@@ d"),
        ("md", "# a\nb\n```\nc\n```\nd", "k:# a | s:``` | s:c | s:```"),
        ("Dockerfile", "FROM x AS y", "k:FROM | k:AS"),
        ("rust,no_run", "let", "k:let"),
        ("klingon", "let", ""),
        ("", "let", ""),
    ] {
        assert_eq!(shown(language, text), classes, "{language}");
    }
}

#[test]
fn files_have_a_language() {
    assert_eq!((of_file("/a/b.tar.rs"), of_file("Dockerfile"), of_file("a.b/c")), ("rs", "Dockerfile", "c"));
}

#[test]
fn lines_are_those_of_the_text() {
    let plain = |text| vec![vec![(Class::Plain, text)]];
    assert_eq!(lines("", "a\n"), plain("a"));
    assert_eq!(lines("", "a"), plain("a"));
    assert_eq!(lines("", ""), Vec::<Vec<Span<'_>>>::new());
    assert_eq!(lines("", "\n\n").len(), 2);
}

/// A megabyte of what is worst is not looked at, and half of one goes through once.
#[test]
fn long_texts_are_plain() {
    let long = "let \"".repeat(200_000);
    assert_eq!(lines("rust", &long).concat().len(), 1);
    for worst in ["'", "\"", "r#", "<", "/*", "`", "&", "a ", "${", "#["] {
        for language in ["rust", "sh", "html", "ts", "py"] {
            let text = worst.repeat((100 << 10) / worst.len());
            assert!(!lines(language, &text).is_empty());
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost(
        language in prop::sample::select(&["rust", "py", "ts", "sh", "html", "toml", "sql", "diff", "md", "nix", "x"][..]),
        text in "([a-z]{1,3}|[ \\n\"'`#/*<>&$@{}\\[\\]=:!\\\\-]|r#|\"\"\"|é|🙂|\\PC){0,40}",
    ) {
        let joined: Vec<String> = lines(language, &text)
            .iter()
            .map(|line| line.iter().map(|(_, span)| *span).collect())
            .collect();
        prop_assert_eq!(joined, text.lines_exact());
    }
}

trait Exact {
    fn lines_exact(&self) -> Vec<String>;
}

impl Exact for String {
    /// As `lines`, but a carriage return belongs to its line.
    fn lines_exact(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.split('\n').map(str::to_owned).collect();
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
}
