//! What is known of each language.

/// How a text of a language is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Code,
    Markup,
    Diff,
    Markdown,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Quote {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    /// A backslash keeps the next character.
    pub(super) escapes: bool,
    /// It may hold line ends.
    pub(super) goes_on: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Language {
    /// In small letters: names behind a fence, endings of files.
    names: &'static [&'static str],
    pub(super) form: Form,
    pub(super) line_comments: &'static [&'static str],
    pub(super) block_comment: Option<(&'static str, &'static str)>,
    /// The longer before the shorter that it begins with.
    pub(super) quotes: &'static [Quote],
    /// With a space between.
    pub(super) keywords: &'static str,
    pub(super) constants: &'static [&'static str],
    pub(super) ignores_case: bool,
    /// Words with a capital letter are types.
    pub(super) has_types: bool,
    pub(super) has_functions: bool,
    pub(super) has_decorators: bool,
    /// `$name`.
    pub(super) has_variables: bool,
    /// Characters of words beside letters, digits and `_`.
    pub(super) word_marks: &'static str,
    /// What stands behind a key.
    pub(super) key: Option<char>,
    pub(super) is_rust: bool,
}

/// The language that goes by a name, in any case, with or without a dot.
pub(super) fn find(name: &str) -> Option<&'static Language> {
    let name = name.trim_start_matches('.').split([' ', ',', '{', ':']).next()?.to_ascii_lowercase();
    LANGUAGES.iter().find(|language| language.names.contains(&name.as_str()))
}

const fn quote(mark: &'static str, escapes: bool, goes_on: bool) -> Quote {
    Quote { open: mark, close: mark, escapes, goes_on }
}

const DOUBLE: Quote = quote("\"", true, false);
const SINGLE: Quote = quote("'", true, false);
const BOTH: &[Quote] = &[DOUBLE, SINGLE];
const PYTHON: &[Quote] = &[quote("\"\"\"", true, true), quote("'''", true, true), DOUBLE, SINGLE];
const SCRIPT: &[Quote] = &[DOUBLE, SINGLE, quote("`", true, true)];
const SHELL: &[Quote] = &[quote("\"", true, true), quote("'", false, true)];
const TOML: &[Quote] =
    &[quote("\"\"\"", true, true), quote("'''", false, true), DOUBLE, quote("'", false, false)];
const SQL: &[Quote] = &[quote("'", false, true), quote("\"", false, false)];
const LONG_DOUBLE: &[Quote] = &[quote("\"\"\"", true, true), DOUBLE, SINGLE];
const MULTILINE: &[Quote] = &[quote("\"", true, true)];
const NIX: &[Quote] = &[quote("''", false, true), quote("\"", true, true)];

const C_BLOCK: Option<(&str, &str)> = Some(("/*", "*/"));
const TRUTH: &[&str] = &["true", "false", "null"];

const NONE: Language = Language {
    names: &[],
    form: Form::Code,
    line_comments: &[],
    block_comment: None,
    quotes: &[],
    keywords: "",
    constants: &[],
    ignores_case: false,
    has_types: false,
    has_functions: false,
    has_decorators: false,
    has_variables: false,
    word_marks: "",
    key: None,
    is_rust: false,
};

/// With braces and `//`.
const CURLY: Language = Language {
    line_comments: &["//"],
    block_comment: C_BLOCK,
    quotes: BOTH,
    constants: TRUTH,
    has_types: true,
    has_functions: true,
    ..NONE
};

/// With `#`.
const HASH: Language = Language { line_comments: &["#"], quotes: BOTH, has_functions: true, ..NONE };

const LANGUAGES: &[Language] = &[
    Language {
        names: &["rust", "rs"],
        keywords: "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub ref return self static struct super trait type union unsafe use where while bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64",
        constants: &["true", "false"],
        quotes: MULTILINE,
        is_rust: true,
        ..CURLY
    },
    Language {
        names: &["python", "py", "python3", "pyi"],
        keywords: "and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield",
        constants: &["True", "False", "None", "self", "cls"],
        quotes: PYTHON,
        has_types: true,
        has_decorators: true,
        ..HASH
    },
    Language {
        names: &["javascript", "js", "jsx", "mjs", "cjs", "typescript", "ts", "tsx", "mts", "vue", "svelte"],
        keywords: "abstract any as async await boolean break case catch class const continue declare default delete do else enum export extends finally for from function get if implements import in infer instanceof interface is keyof let namespace never new number of private protected public readonly return satisfies set static string super switch throw try type typeof unknown var void while with yield",
        constants: &["true", "false", "null", "undefined", "this", "NaN"],
        quotes: SCRIPT,
        has_decorators: true,
        word_marks: "$",
        ..CURLY
    },
    Language {
        names: &["go", "golang"],
        keywords: "any break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var bool byte error float32 float64 int int8 int16 int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr",
        constants: &["true", "false", "nil", "iota"],
        quotes: &[DOUBLE, SINGLE, quote("`", false, true)],
        ..CURLY
    },
    Language {
        names: &[
            "c", "h", "cpp", "c++", "cc", "cxx", "hpp", "hh", "objc", "m", "arduino", "ino", "cuda", "cu",
        ],
        keywords: "alignas alignof asm auto bool break case catch char class concept const consteval constexpr constinit continue co_await co_return co_yield decltype default delete do double else enum explicit export extern final float for friend goto if inline int long mutable namespace new noexcept operator override private protected public register requires restrict return short signed sizeof static static_assert struct switch template this throw try typedef typename union unsigned using virtual void volatile while define elif endif error ifdef ifndef include pragma undef",
        constants: &["true", "false", "nullptr", "NULL"],
        ..CURLY
    },
    Language {
        names: &[
            "java", "kotlin", "kt", "kts", "scala", "groovy", "gradle", "csharp", "cs", "c#", "swift", "dart",
        ],
        keywords: "abstract actor as assert async await base boolean break byte case catch char checked class companion const continue data default defer def delegate do double else enum event explicit extends extension external final finally fixed float fn for foreach fun func get given go guard if implements implicit import in init inline inout instanceof int interface internal is lateinit lazy let lock long match mut namespace native new object open operator out override package partial private protected protocol public readonly record return sealed set short sizeof static string struct super suspend switch synchronized then this throw throws trait try type typealias typeof unsafe using val var virtual void volatile when where while with yield",
        constants: &["true", "false", "null", "nil", "self", "None", "Some"],
        quotes: LONG_DOUBLE,
        has_decorators: true,
        ..CURLY
    },
    Language {
        names: &["php"],
        keywords: "abstract and array as break callable case catch class clone const continue declare default do echo else elseif enum extends final finally fn for foreach function global goto if implements include instanceof insteadof interface isset list match namespace new or print private protected public readonly require return static string switch throw trait try unset use var while xor yield int bool float void",
        line_comments: &["//", "#"],
        has_variables: true,
        ..CURLY
    },
    Language {
        names: &[
            "zig", "v", "vlang", "odin", "solidity", "sol", "proto", "protobuf", "thrift", "glsl", "wgsl",
        ],
        keywords: "and align anytype asm async await break case catch comptime const contract continue defer else enum error errdefer event export extern fn for function if import in inline interface let loop map match memory message mut noalias or orelse packed payable pub public private return returns rpc repeated optional required reserved oneof service storage struct switch syntax test try type uniform union unreachable usingnamespace var view void volatile while bool string bytes int32 int64 uint32 uint64 double float u8 u16 u32 u64 i32 i64 usize f32 f64",
        ..CURLY
    },
    Language {
        names: &[
            "sh",
            "bash",
            "shell",
            "zsh",
            "ksh",
            "fish",
            "console",
            "shellsession",
            "bats",
            "envrc",
            "bashrc",
        ],
        keywords: "alias and begin break builtin case cd command continue do done echo elif else end esac eval exec exit export fi for function if in local not or read readonly return select set shift sudo source switch test then trap type unset until while",
        constants: &["true", "false"],
        quotes: SHELL,
        has_functions: false,
        has_variables: true,
        word_marks: "-",
        ..HASH
    },
    Language {
        names: &["powershell", "ps1", "pwsh", "psm1"],
        keywords: "begin break catch class continue data do dynamicparam else elseif end exit filter finally for foreach from function if in param process return switch throw trap try until using while",
        block_comment: Some(("<#", "#>")),
        has_variables: true,
        ignores_case: true,
        word_marks: "-",
        ..HASH
    },
    Language {
        names: &["dockerfile", "containerfile", "docker"],
        keywords: "add arg as cmd copy entrypoint env expose from healthcheck label maintainer onbuild run shell stopsignal user volume workdir",
        ignores_case: true,
        has_functions: false,
        has_variables: true,
        ..HASH
    },
    Language {
        names: &["makefile", "make", "mk", "gnumakefile", "justfile", "just", "cmake"],
        keywords: "define else endef endif export ifdef ifeq ifndef ifneq include override set unexport vpath add_executable add_library if endif elseif foreach endforeach function endfunction project find_package",
        has_functions: false,
        has_variables: true,
        key: Some(':'),
        word_marks: "-.",
        ..HASH
    },
    Language {
        names: &["ruby", "rb", "rake", "gemfile", "crystal", "cr"],
        keywords: "alias and begin break case class def defined do else elsif end ensure extend for if in include module next not or private protected public raise redo require rescue retry return super then undef unless until when while yield attr_reader attr_writer attr_accessor puts",
        constants: &["true", "false", "nil", "self"],
        has_types: true,
        word_marks: "@?",
        ..HASH
    },
    Language {
        names: &["perl", "pl", "pm", "r", "julia", "jl"],
        keywords: "and begin break catch const continue do else elseif elsif end eq export finally for foreach function global if import in last let local macro module my ne next not or our package print quote return sub struct try unless until use using while library",
        constants: &["TRUE", "FALSE", "NULL", "NA", "true", "false", "nothing", "undef"],
        has_types: true,
        has_variables: true,
        ..HASH
    },
    Language {
        names: &["elixir", "ex", "exs"],
        keywords: "after alias and case catch cond def defimpl defmacro defmodule defp defprotocol defstruct do else end fn for if import in not or quote raise receive require rescue try unless use when with",
        constants: &["true", "false", "nil"],
        quotes: LONG_DOUBLE,
        has_types: true,
        has_decorators: true,
        ..HASH
    },
    Language {
        names: &["nix"],
        keywords: "assert else if in inherit let or rec then with",
        constants: TRUTH,
        quotes: NIX,
        block_comment: C_BLOCK,
        has_functions: false,
        word_marks: "-'",
        key: Some('='),
        ..HASH
    },
    Language {
        names: &["hcl", "terraform", "tf", "tfvars"],
        keywords: "data dynamic for for_each if in locals module output provider resource terraform variable",
        constants: TRUTH,
        line_comments: &["#", "//"],
        block_comment: C_BLOCK,
        key: Some('='),
        ..HASH
    },
    Language {
        names: &["lua"],
        keywords: "and break do else elseif end for function goto if in local not or repeat return then until while",
        constants: &["true", "false", "nil", "self"],
        line_comments: &["--"],
        block_comment: Some(("--[[", "]]")),
        ..HASH
    },
    Language {
        names: &["haskell", "hs", "elm", "purescript", "idris", "lean"],
        keywords: "as case class data default deriving do else exposing family forall foreign hiding if import in infix infixl infixr instance let module newtype of port qualified then type where def theorem",
        line_comments: &["--"],
        block_comment: Some(("{-", "-}")),
        quotes: &[DOUBLE],
        has_types: true,
        word_marks: "'",
        ..NONE
    },
    Language {
        names: &["ocaml", "ml", "mli", "fsharp", "fs", "f#"],
        keywords: "and as assert begin class do done else end exception external for fun function functor if in include inherit let match member method module mutable new object of open or rec sig struct then to try type val when while with yield",
        constants: &["true", "false"],
        line_comments: &["//"],
        block_comment: Some(("(*", "*)")),
        quotes: &[DOUBLE],
        has_types: true,
        word_marks: "'",
        ..NONE
    },
    Language {
        names: &["lisp", "clojure", "clj", "cljs", "edn", "scheme", "scm", "elisp", "el", "racket", "rkt"],
        keywords: "and begin case cond def define defmacro defn defun defvar do fn for if lambda let let* letrec loop ns or progn quote recur require setq unless when",
        constants: &["true", "false", "nil", "t"],
        line_comments: &[";"],
        quotes: MULTILINE,
        word_marks: "-*?!:",
        ..NONE
    },
    Language {
        names: &["sql", "sqlite", "mysql", "postgres", "postgresql", "psql", "plsql"],
        keywords: "add all alter and any as asc begin between by cascade case check collate column commit conflict constraint create cross database default delete desc distinct drop else end exists explain foreign from full function grant group having if ilike in index inner insert into is join key left like limit natural not null offset on or order outer over partition pragma primary procedure references replace returning returns revoke right rollback row rows select set table temporary then to transaction trigger truncate union unique update using values view when where with without integer int bigint text real blob boolean varchar char numeric timestamp date json jsonb serial",
        constants: &["true", "false", "null"],
        line_comments: &["--"],
        block_comment: C_BLOCK,
        quotes: SQL,
        ignores_case: true,
        has_functions: true,
        ..NONE
    },
    Language {
        names: &["json", "jsonc", "json5", "jsonl", "ndjson", "ipynb", "webmanifest"],
        key: Some(':'),
        has_types: false,
        has_functions: false,
        ..CURLY
    },
    Language {
        names: &["yaml", "yml"],
        constants: &["true", "false", "null", "yes", "no", "on", "off"],
        has_functions: false,
        key: Some(':'),
        word_marks: "-./",
        ..HASH
    },
    Language {
        names: &[
            "toml",
            "ini",
            "cfg",
            "conf",
            "properties",
            "env",
            "service",
            "timer",
            "desktop",
            "gitconfig",
            "editorconfig",
        ],
        constants: &["true", "false"],
        line_comments: &["#", ";"],
        quotes: TOML,
        has_functions: false,
        key: Some('='),
        word_marks: "-.",
        ..HASH
    },
    Language {
        names: &["nginx", "caddyfile", "caddy"],
        keywords: "events http location proxy_pass root server server_name listen upstream include return rewrite if index reverse_proxy file_server",
        constants: &["on", "off"],
        has_functions: false,
        has_variables: true,
        ..HASH
    },
    Language {
        names: &["css", "scss", "sass", "less"],
        keywords: "important media import supports keyframes font-face include mixin use from to",
        line_comments: &["//"],
        has_types: false,
        has_variables: true,
        word_marks: "-",
        key: Some(':'),
        ..CURLY
    },
    Language {
        names: &["graphql", "gql"],
        keywords: "directive enum extend fragment implements input interface mutation on query scalar schema subscription type union",
        constants: TRUTH,
        quotes: LONG_DOUBLE,
        has_types: true,
        has_decorators: true,
        has_variables: true,
        ..HASH
    },
    Language {
        names: &["html", "htm", "xml", "svg", "xhtml", "plist", "xsl", "rss"],
        form: Form::Markup,
        ..NONE
    },
    Language { names: &["diff", "patch"], form: Form::Diff, ..NONE },
    Language { names: &["markdown", "md", "mdx"], form: Form::Markdown, ..NONE },
];
