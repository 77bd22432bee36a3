//! Languages of scripts, of settings and of documents. Knows no others.

use super::{Language, PLAIN, Shape};

/// Most have words where others have braces.
pub(super) static WORDS: [Language; 23] = [
    Language {
        names: "ruby rb",
        line_comments: &["#"],
        strings: &["\"", "'"],
        keywords: "alias and begin break case class def defined do else elsif end ensure for if in module next \
               not or redo rescue retry return self super then undef unless until when while yield require \
               attr_reader attr_accessor",
        constants: "true false nil",
        capital_types: true,
        calls: true,
        sigils: "@$",
        operators: true,
        ..PLAIN
    },
    Language {
        names: "php",
        line_comments: &["//", "#"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        long_strings: true,
        keywords: "abstract and as break case catch class clone const continue declare default do echo else \
               elseif empty enum extends final finally fn for foreach function global goto if implements \
               include instanceof interface isset list match namespace new or print private protected \
               public readonly require require_once return static switch throw trait try unset use var \
               while yield",
        constants: "true false null",
        types: "array bool callable float int iterable mixed object string void",
        capital_types: true,
        calls: true,
        sigils: "$",
        operators: true,
        ..PLAIN
    },
    Language {
        names: "bash sh shell zsh console shellsession shell-session terminal fish",
        line_comments: &["#"],
        strings: &["\"", "'"],
        long_strings: true,
        keywords: "case do done elif else esac export fi for function if in local readonly return select set \
               shift source then trap unset until while cd echo exit sudo",
        constants: "true false",
        sigils: "$",
        word_also: "-",
        operators: true,
        ..PLAIN
    },
    Language {
        names: "powershell ps1 pwsh",
        line_comments: &["#"],
        block_comment: Some(("<#", "#>")),
        strings: &["\"", "'"],
        keywords: "begin break catch class continue do else elseif end exit filter finally for foreach function \
               if in param process return switch throw trap try until while",
        any_case: true,
        sigils: "$",
        word_also: "-",
        operators: true,
        ..PLAIN
    },
    Language {
        names: "dockerfile docker containerfile",
        line_comments: &["#"],
        strings: &["\"", "'"],
        keywords: "add arg as cmd copy entrypoint env expose from healthcheck label onbuild run shell \
               stopsignal user volume workdir",
        constants: "true false",
        any_case: true,
        sigils: "$",
        word_also: "-",
        ..PLAIN
    },
    Language {
        names: "makefile make mk cmake",
        line_comments: &["#"],
        strings: &["\"", "'"],
        keywords: "define else endef endif export foreach function if ifdef ifeq ifndef ifneq include override \
               set project",
        any_case: true,
        sigils: "$",
        word_also: "-",
        operators: true,
        ..PLAIN
    },
    Language {
        names: "sql postgresql postgres mysql sqlite plsql tsql",
        line_comments: &["--"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "add all alter analyze and as asc begin between by cascade case cast check column commit \
               conflict constraint create cross database default delete desc distinct do drop else end \
               except exists explain foreign from full function grant group having if in index inner insert \
               intersect into is join key left like limit natural not nothing offset on or order outer over \
               partition primary procedure recursive references replace returning revoke right rollback \
               select set table then to transaction trigger truncate union unique update using vacuum \
               values view when where window with",
        constants: "true false null",
        types: "bigint blob boolean bytea char date decimal double float int integer json jsonb numeric real \
               serial smallint text time timestamp timestamptz uuid varchar",
        any_case: true,
        calls: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "lua",
        line_comments: &["--"],
        block_comment: Some(("--[[", "]]")),
        strings: &["\"", "'"],
        keywords: "and break do else elseif end for function goto if in local not or repeat return then until \
               while",
        constants: "true false nil",
        calls: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "perl pl",
        line_comments: &["#"],
        strings: &["\"", "'"],
        keywords: "and cmp die do else elsif eq for foreach if last local my ne next not or our package print \
               return sub unless until use while",
        constants: "undef",
        calls: true,
        sigils: "$@%",
        operators: true,
        ..PLAIN
    },
    Language {
        names: "r julia jl",
        line_comments: &["#"],
        strings: &["\"", "'"],
        keywords: "abstract baremodule begin break catch const do else elseif end export finally for function \
               global if import in let library local macro module mutable next quote repeat return struct \
               try using where while",
        constants: "true false TRUE FALSE NULL NA nothing Inf NaN",
        calls: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "haskell hs elm ocaml ml fsharp f#",
        line_comments: &["--", "//"],
        block_comment: Some(("{-", "-}")),
        strings: &["\""],
        keywords: "and as begin case class data deriving do else end exception fun function if import in infix \
               infixl infixr instance let match member module mutable newtype of open qualified rec sig \
               struct then try type val when where with",
        constants: "true false True False None Nothing",
        types: "bool float int list string unit",
        capital_types: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "elixir ex exs erlang erl",
        line_comments: &["#", "%"],
        strings: &["\"\"\"", "\"", "'"],
        keywords: "after alias and case catch cond def defmacro defmodule defp defstruct do else end fn for if \
               import in not or quote raise receive require rescue try unless unquote use when with",
        constants: "true false nil ok error",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "clojure clj lisp elisp scheme racket",
        line_comments: &[";"],
        strings: &["\""],
        long_strings: true,
        keywords: "and cond def define defmacro defn defun do fn if in-ns lambda let loop ns or quote recur \
               require set! setq when",
        constants: "true false nil",
        word_also: "-?!*",
        ..PLAIN
    },
    Language {
        names: "nix",
        line_comments: &["#"],
        block_comment: Some(("/*", "*/")),
        strings: &["''", "\""],
        long_strings: true,
        keywords: "assert else if import in inherit let or rec then with",
        constants: "true false null",
        word_also: "-",
        key_sign: Some('='),
        operators: true,
        ..PLAIN
    },
    Language {
        names: "json jsonc json5 jsonl ndjson",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\""],
        constants: "true false null",
        key_sign: Some(':'),
        ..PLAIN
    },
    Language {
        names: "yaml yml",
        line_comments: &["#"],
        strings: &["\"", "'"],
        constants: "true false null yes no on off",
        word_also: "-./",
        key_sign: Some(':'),
        ..PLAIN
    },
    Language {
        names: "toml ini cfg conf properties env dotenv editorconfig systemd",
        line_comments: &["#", ";"],
        strings: &["\"\"\"", "'''", "\"", "'"],
        constants: "true false",
        word_also: "-.",
        key_sign: Some('='),
        headings: &["["],
        ..PLAIN
    },
    Language {
        names: "hcl terraform tf",
        line_comments: &["#", "//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\""],
        keywords: "data for if in locals module output provider resource terraform variable",
        constants: "true false null",
        types: "any bool list map number object set string",
        calls: true,
        word_also: "-",
        key_sign: Some('='),
        operators: true,
        ..PLAIN
    },
    Language {
        names: "nginx caddyfile",
        line_comments: &["#"],
        strings: &["\"", "'"],
        keywords: "events http if include listen location proxy_pass return root server server_name upstream",
        constants: "on off",
        sigils: "$",
        word_also: "-",
        ..PLAIN
    },
    Language {
        names: "css scss sass less",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "important and not only from to",
        constants: "auto inherit initial none unset",
        calls: true,
        decorators: true,
        sigils: "$",
        word_also: "-",
        key_sign: Some(':'),
        ..PLAIN
    },
    Language { names: "markdown md", strings: &["`"], headings: &["#"], ..PLAIN },
    Language { names: "diff patch", shape: Shape::Patch, ..PLAIN },
    Language { names: "html xml svg xhtml htm rss plist xsl", shape: Shape::Markup, ..PLAIN },
];
