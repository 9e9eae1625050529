//! What becomes of each construct.

use super::super::markdown;
use super::{assert_legal, tagged};

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        let rich = markdown(source);
        assert_legal(&rich);
        assert_eq!(tagged(&rich), *expected, "of {source:?}");
    }
}

#[test]
fn styles_of_text() {
    check(&[
        ("", ""),
        (" \n\n\t\n", ""),
        ("plain", "plain"),
        ("**bold** *italic* ~~gone~~", "<b>bold</b> <i>italic</i> <s>gone</s>"),
        ("***both***", "<i><b>both</b></i>"),
        ("**bold *and italic* inside**", "<b>bold <i>and italic</i> inside</b>"),
        ("**a **b** c**", "<b>a b c</b>"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("~one~ and a~b~c, ~/here", "~one~ and a~b~c, ~/here"),
        ("costs $10, or $20 with `$x$`", "costs $10, or $20 with <code>$x$</code>"),
        ("\\*not\\* &amp; &lt;b&gt;", "*not* & <b>"),
        ("😀 **fat** 👩‍👩‍👧 *thin*", "😀 <b>fat</b> 👩‍👩‍👧 <i>thin</i>"),
        ("one\ntwo  \nthree\\\nfour", "one\ntwo\nthree\nfour"),
        ("one\n\n\n\ntwo", "one\n\ntwo"),
        ("**open and", "**open and"),
    ]);
}

#[test]
fn code_combines_with_no_style() {
    check(&[
        ("a `b` c", "a <code>b</code> c"),
        ("``a ` b``", "<code>a ` b</code>"),
        ("**say `ls -l` now**", "<b>say</b> <code>ls -l</code> <b>now</b>"),
        ("***`x`***", "<code>x</code>"),
        ("## The `main` one", "<b>The</b> <code>main</code> <b>one</b>"),
        ("> see `x` there", "<quote>see <code>x</code> there</quote>"),
        ("[`x`](https://a.example/)", "<a https://a.example/>x</a>"),
        ("**[`x`](https://a.example/) y**", "<b><a https://a.example/>x</a> y</b>"),
        ("`` ` ``", "<code>`</code>"),
        ("a ` ` b", "a   b"),
    ]);
}

#[test]
fn blocks_of_code() {
    check(&[
        ("```rust\nfn a() {}\n```", "<pre rust>fn a() {}</pre>"),
        ("```rust,ignore\nx\n```", "<pre rust>x</pre>"),
        ("```c++ title=\"a\"\nx\n```", "<pre c++>x</pre>"),
        ("``` {.python}\nx\n```", "<pre python>x</pre>"),
        ("```\nx\n```", "<pre>x</pre>"),
        (">      x\n> y", "<quote><pre> x</pre>\n\ny</quote>"),
        ("~~~sh\n```\n~~~", "<pre sh>```</pre>"),
        ("    indented\n      more", "<pre>indented\n  more</pre>"),
        ("```\n\n  a\n\n  b\n\n```", "<pre>  a\n\n  b</pre>"),
        ("a\n```\n```\nb", "a\n\nb"),
        ("```rust\nlet a = **1**; // [x](y)", "<pre rust>let a = **1**; // [x](y)</pre>"),
        ("text\n```js\nx\n```\ntext", "text\n\n<pre js>x</pre>\n\ntext"),
        ("> ```\n> x\n> ```", "<quote><pre>x</pre></quote>"),
        ("- do\n  ```sh\n  ls\n  ```\n- then", "• do\n<pre sh>ls</pre>\n• then"),
    ]);
}

#[test]
fn headings_stand_close_to_what_follows() {
    check(&[
        ("# One\ntext", "<b><u>One</u></b>\ntext"),
        ("## Two\n\ntext", "<b>Two</b>\ntext"),
        ("### Three\n\n#### Four", "<b>Three</b>\n<b><i>Four</i></b>"),
        ("a\n\n## **B**\n\n- c", "a\n\n<b>B</b>\n• c"),
        ("Title\n=====\nx", "<b><u>Title</u></b>\nx"),
        ("a\n\n---\n\nb", "a\n\n──────────\n\nb"),
        ("#hashtag", "#hashtag"),
    ]);
}

#[test]
fn lists() {
    check(&[
        ("- a\n- b", "• a\n• b"),
        ("intro:\n- a\n\nafter", "intro:\n\n• a\n\nafter"),
        ("- a\n  - b\n    - c\n      - d\n- e", "• a\n  ◦ b\n    ▪ c\n      ▪ d\n• e"),
        ("3. c\n4. d", "3. c\n4. d"),
        ("1. a\n   - b\n2. c", "1. a\n  ◦ b\n2. c"),
        ("1. a\n\n   more\n\n2. b", "1. a\n\n  more\n\n2. b"),
        ("1. a\n   - x\n\n2. b\n   - y", "1. a\n  ◦ x\n\n2. b\n  ◦ y"),
        ("- a\n  goes on", "• a\n  goes on"),
        ("- [ ] open\n- [x] done", "☐ open\n☑ done"),
        ("1. [x] done", "1. ☑ done"),
        ("- [ ] one\n\n- [ ] two", "☐ one\n\n☐ two"),
        ("- **a**: b", "• <b>a</b>: b"),
        ("-\n- b", "• \n• b"),
        ("- - a", "• \n  ◦ a"),
        ("- a\n  > b\n- c", "• a\n<quote>b</quote>\n• c"),
    ]);
}

#[test]
fn quotes_do_not_nest() {
    check(&[
        ("> a\n> b", "<quote>a\nb</quote>"),
        ("> a\n>\n> b\n\nc", "<quote>a\n\nb</quote>\n\nc"),
        ("> a\n> > b\n>\n> c", "<quote>a\n\nb\n\nc</quote>"),
        ("> **a** [b](https://b.example/)", "<quote><b>a</b> <a https://b.example/>b</a></quote>"),
        ("> - a\n>   - b", "<quote>• a\n  ◦ b</quote>"),
        ("> a\n\nx\n\n> b", "<quote>a</quote>\n\nx\n\n<quote>b</quote>"),
        (">", ""),
    ]);
}

#[test]
fn links_that_telegram_takes() {
    check(&[
        ("[a](https://a.example/b?c=d)", "<a https://a.example/b?c=d>a</a>"),
        ("[a *b* c](http://a.example)", "<a http://a.example/>a <i>b</i> c</a>"),
        ("**[a](https://a.example/)**", "<b><a https://a.example/>a</a></b>"),
        ("[a](tg://user?id=1)", "<a tg://user?id=1>a</a>"),
        ("<https://a.example/x_y>", "<a https://a.example/x_y>https://a.example/x_y</a>"),
        ("[](https://a.example/)", "<a https://a.example/>https://a.example/</a>"),
        ("![cat](https://a.example/c.png)", "<a https://a.example/c.png>cat</a>"),
        ("[![ci](https://a.example/i)](https://a.example/r)", "<a https://a.example/r>ci</a>"),
        ("[a][1]\n\n[1]: https://a.example/", "<a https://a.example/>a</a>"),
        ("https://a.example/ stays", "https://a.example/ stays"),
        ("<me@a.example>", "me@a.example"),
    ]);
}

#[test]
fn other_addresses_are_code() {
    check(&[
        ("[main](src/main.rs)", "main (<code>src/main.rs</code>)"),
        ("[src/my_main.rs](src/my_main.rs) x", "<code>src/my_main.rs</code> x"),
        ("[`a.rs`](a.rs)", "<code>a.rs</code>"),
        ("x **[a.rs](a.rs)** y", "x <code>a.rs</code> y"),
        ("[**a.rs**](a.rs)", "<b>a.rs</b>"),
        ("[a](javascript:alert)", "a (<code>javascript:alert</code>)"),
        ("[a](http://localhost:80)", "a (<code>http://localhost:80</code>)"),
        ("[a](http://[::1]/)", "a (<code>http://[::1]/</code>)"),
        ("[a](https://b.example@c.example/)", "a (<code>https://b.example@c.example/</code>)"),
        ("[a](http://a..b/)", "a (<code>http://a..b/</code>)"),
        ("[a](tg:x)", "a (<code>tg:x</code>)"),
        ("**[a](#b) c**", "<b>a (</b><code>#b</code><b>) c</b>"),
        ("[](x/y)", "(<code>x/y</code>)"),
        ("[a]()", "a"),
        ("![cat](cat.png)", "cat (<code>cat.png</code>)"),
    ]);
    let picture = format!("![x](data:image/png;base64,{})", "A".repeat(9000));
    assert!(markdown(&picture).text.len() < 300);
    let far = format!("[x](https://a.example/{})", "a".repeat(3000));
    assert!(markdown(&far).text.starts_with("x (https://a.example/"));
}

#[test]
fn html_and_footnotes_stay_as_written() {
    check(&[
        ("a <b>b</b> <br> c", "a <b>b</b> <br> c"),
        ("<div>\nx\n</div>\n\ny", "<div>\nx\n</div>\n\ny"),
        ("<pre>\na\n\nb</pre>", "<pre>\na\n\nb</pre>"),
        ("a[^1] b[^2]\n\n[^1]: see **it**", "a[^1] b[^2]\n\n[^1]: see <b>it</b>"),
        ("a[^n]\n\n[^n]: word", "a[^n]\n\n[^n]: word"),
    ]);
}

#[test]
fn narrow_tables_are_aligned() {
    check(&[
        (
            "| Name | Size |\n|:--|--:|\n| a.rs | 12 |\n| **long.rs** | 3 |",
            "<pre>Name     Size\n───────  ────\na.rs       12\nlong.rs     3</pre>",
        ),
        (
            "| 名前 | x |\n|:-:|---|\n| 猫 | 😀 |\n| abcdef | y |",
            "<pre> 名前   x\n──────  ──\n  猫    😀\nabcdef  y</pre>",
        ),
        ("| | A |\n|-|-|\n| b | c |", "<pre>   A\n─  ─\nb  c</pre>"),
        ("x\n\n| A |\n|---|\n\ny", "x\n\n<pre>A\n─</pre>\n\ny"),
        ("| a | b |", "| a | b |"),
    ]);
}

#[test]
fn wide_tables_become_records() {
    check(&[
        (
            "| Name | What it is for |\n|---|---|\n| `a` | a **rather** long explanation of all this |\n| b | |\n| | c |",
            "<b>Name</b>: <code>a</code>\n<b>What it is for</b>: a <b>rather</b> long explanation of all this\n\n\
             <b>Name</b>: b\n\n<b>What it is for</b>: c",
        ),
        ("| A | |\n|---|---|\n| [x](https://a.example/) | y |", "<b>A</b>: <a https://a.example/>x</a>\ny"),
        (
            "> | `A` |\n> |---|\n> | [x](https://a.example/) |",
            "<quote><code>A</code>: <a https://a.example/>x</a></quote>",
        ),
        ("| [A](https://a.example/) | B |\n|---|---|", "<a https://a.example/>A</a>\n<b>B</b>"),
    ]);
}

#[test]
fn what_would_act_on_a_screen_goes() {
    check(&[
        ("a\u{1b}[31mb\u{7}", "a[31mb"),
        ("rm \u{202e}fdp.exe\u{202c}", "rm fdp.exe"),
        ("a&#x202e;b&#27;c", "abc"),
        ("`\u{2066}x\u{2069}`", "<code>x</code>"),
        ("```\na\tb\u{0}\r\nc\n```", "<pre>a\tb\nc</pre>"),
        ("\u{85}", ""),
    ]);
}

#[test]
fn deep_nesting_ends() {
    for source in ["- ".repeat(3000), "> ".repeat(3000) + "x", "*".repeat(3000) + "x", "[".repeat(3000)] {
        let rich = markdown(&source);
        assert_legal(&rich);
        assert!(rich.text.len() < 100_000, "{}", rich.text.len());
    }
}
