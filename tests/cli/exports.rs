//! Sessions as documents: where they go, what is in the way, and that an archive gives the same.

use std::os::unix::fs::PermissionsExt as _;

use super::Shell;

fn with_talk() -> Shell {
    let shell = Shell::with_session();
    shell.home.run(&["send", "echo # A title\n\n<b>bold</b> and [a](https://example.org)"]).expect_code(0);
    shell.home.run(&["send", "hello <script>"]).expect_code(0);
    shell
}

#[test]
fn to_where_they_are_wanted() {
    let mut shell = with_talk();
    shell.run(&["session", "export"]).expect_code(0);
    shell.run(&["session", "export", "wor", "--since", "3", "-o", "-"]).expect_code(0);
    shell.run(&["session", "export", "work", "-o", "work.md"]).expect_code(0);
    shell.run(&["session", "export", "work", "-o", "work.md"]).expect_code(1);
    shell.run(&["session", "export", "work", "-o", "work.md", "--force", "--json"]).expect_code(0);
    shell.run(&["session", "export", "work", "--since", "9999"]).expect_code(0);
    shell.matches("exports_where");
}

#[test]
fn what_is_in_the_way() {
    let mut shell = with_talk();
    shell.home.mkdir("project/dir");
    std::os::unix::fs::symlink("elsewhere", shell.home.project().join("link")).expect("a link");
    shell.run(&["session", "export", "nobody"]).expect_code(3);
    shell.run(&["session", "export", "no/such.tar.gz"]).expect_code(3);
    shell.run(&["session", "export", "work", "--since", "yesterday"]).expect_code(2);
    shell.run(&["session", "export", "work", "--json"]).expect_code(2);
    shell.run(&["session", "export", "work", "--json", "-o", "-"]).expect_code(2);
    shell.run(&["session", "export", "work", "-o", "no/such/place.md"]).expect_code(3);
    shell.run(&["session", "export", "work", "-o", "dir", "--force"]).expect_code(2);
    shell.run(&["session", "export", "work", "-o", "link", "--force"]).expect_code(2);
    shell.run(&["session", "export", "work", "-o", "/dev/full", "--force"]).expect_code(2);
    shell.on_terminal(&["session", "export", "work", "--format", "html"]).expect_code(2);
    let left: Vec<_> = std::fs::read_dir(shell.home.project()).expect("it is there").flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
    shell.matches("exports_in_the_way");
}

/// The page is whole, private, and holds what was said as text.
#[test]
fn a_page() {
    let shell = with_talk();
    let leftover = shell.home.write("project/.claudebot-0123.partial", "of an export that was killed");
    shell.home.run(&["session", "export", "work", "-o", "work.html"]).expect_code(0);
    assert!(!leftover.exists());
    let file = shell.home.project().join("work.html");
    let page = std::fs::read_to_string(&file).expect("it was written");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("<h3>A title</h3>") && page.contains("hello &lt;script&gt;"), "{page}");
    assert!(
        page.contains("default-src 'none'") && !page.contains("<script") && !page.contains(" src="),
        "{page}"
    );
    let mode = file.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let piped = shell.home.run(&["session", "export", "work", "-f", "html"]).expect_code(0).stdout;
    let without_time = |page: &str| {
        page.lines().filter(|line| !line.contains("Exported")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_time(&piped), without_time(&page));
}

/// The log of an archived session stays, and its archive has it, too.
#[test]
fn archived() {
    let shell = with_talk();
    shell.home.run(&["session", "archive", "work"]).expect_code(0);
    let said =
        |text: &str| text.split_once("<a id").map(|(_, said)| said.to_owned()).expect("prompts are there");
    let kept = said(&shell.home.run(&["session", "export", "work"]).expect_code(0).stdout);
    let dir = shell.home.data_dir().join("sessions_archive");
    let file =
        std::fs::read_dir(dir).expect("there are archives").flatten().next().expect("there is one").path();
    let packed =
        said(&shell.home.run(&["session", "export", &file.display().to_string()]).expect_code(0).stdout);
    // The notice that it was archived is no part of what was archived.
    assert!(kept.starts_with(packed.trim_end()), "{kept}\n---\n{packed}");
    assert!(packed.contains("hello \\<script>"), "{packed}");
    let damaged = shell.home.write("project/damaged.tar.gz", &std::fs::read(&file).expect("readable")[..200]);
    let output = shell.home.run(&["session", "export", &damaged.display().to_string()]).expect_code(1);
    assert!(output.stderr.contains("damaged.tar.gz") && output.stdout.is_empty(), "{output:?}");
}
