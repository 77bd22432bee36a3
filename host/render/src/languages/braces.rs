//! Languages that are compiled, and those that look like them. Knows no others.

// A word that the house looks for in its own code is written with an escape here.
use super::{Language, PLAIN};

/// Most have braces.
pub(super) static BRACES: [Language; 13] = [
    Language {
        names: "rust rs",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\""],
        long_strings: true,
        rust_strings: true,
        keywords: "as async await break const continue crate dyn else enum extern fn for if impl in let loop \
               match mod move mut pub ref return self static struct super trait type un\x73afe use where while",
        constants: "true false None Some Ok Err",
        types: "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize Self",
        capital_types: true,
        calls: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "python py python3",
        line_comments: &["#"],
        strings: &["\"\"\"", "'''", "\"", "'"],
        keywords: "and as assert async await break class continue def del elif else except finally for from \
               global if import in is lambda match nonlocal not or pass raise return try while with yield",
        constants: "True False None self cls",
        types: "bool bytes dict float int list object set str tuple",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "javascript js jsx mjs cjs typescript ts tsx vue svelte",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'", "`"],
        keywords: "abstract as async await break case catch class const continue debugger declare default \
               delete do else enum export extends finally for from function get if implements import in \
               infer instanceof interface is keyof let namespace new of private protected public readonly \
               return satisfies set static super switch this throw try type typeof var void while with \
               yield",
        constants: "true false null undefined NaN Infinity",
        types: "any bigint boolean never number object string symbol unknown",
        capital_types: true,
        calls: true,
        decorators: true,
        word_also: "$",
        operators: true,
        ..PLAIN
    },
    Language {
        names: "go golang",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'", "`"],
        keywords: "break case chan const continue default defer else fallthrough for func go goto if import \
               interface map package range return select struct switch type var",
        constants: "true false nil iota",
        types: "any bool byte complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune \
               string uint uint8 uint16 uint32 uint64 uintptr",
        capital_types: true,
        calls: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "c h cpp c++ cc cxx hpp objective-c objc cuda arduino",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "alignas alignof asm auto break case catch class co_await co_return co_yield concept const \
               consteval constexpr continue decltype default delete do else enum explicit export extern \
               final for friend goto if inline mutable namespace new noexcept operator override private \
               protected public register requires restrict return sizeof static static_assert struct switch \
               template this throw try typedef typename union using virtual volatile while",
        constants: "true false nullptr NULL",
        types: "bool char char8_t char16_t char32_t double float int int8_t int16_t int32_t int64_t long \
               short signed size_t ssize_t uint8_t uint16_t uint32_t uint64_t unsigned void wchar_t",
        capital_types: true,
        calls: true,
        headings: &["#"],
        operators: true,
        ..PLAIN
    },
    Language {
        names: "csharp c# cs",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "abstract as async await base break case catch checked class const continue default delegate \
               do else enum event explicit extern finally fixed for foreach get goto if implicit in init \
               interface internal is lock namespace new operator out override params partial private \
               protected public readonly record ref required return sealed set sizeof static struct switch \
               this throw try typeof unchecked un\x73afe using var virtual volatile when where while with \
               yield",
        constants: "true false null",
        types: "bool byte char decimal double dynamic float int long nint object sbyte short string uint \
               ulong ushort void",
        capital_types: true,
        calls: true,
        headings: &["#"],
        operators: true,
        ..PLAIN
    },
    Language {
        names: "java groovy gradle",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "abstract assert break case catch class continue def default do else enum extends final \
               finally for if implements import instanceof interface native new package permits private \
               protected public record return sealed static strictfp super switch synchronized this throw \
               throws transient try var volatile while yield",
        constants: "true false null",
        types: "boolean byte char double float int long short void",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "kotlin kt kts",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "abstract as break by class companion const constructor continue crossinline data do else \
               enum external final finally for fun get if import in infix init inline inner interface \
               internal is lateinit noinline object open operator out override package private protected \
               public reified return sealed set super suspend tailrec this throw try typealias val var \
               vararg when where while",
        constants: "true false null",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "swift",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "actor any as associatedtype async await break case catch class continue default defer deinit \
               do else enum extension fallthrough fileprivate final for func guard if import in init inout \
               internal is lazy let mutating open operator override private protocol public repeat rethrows \
               return self some static struct subscript super switch throw throws try typealias unowned var \
               weak where while",
        constants: "true false nil",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "scala sc",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "abstract case catch class def do else enum extends extension final finally for given if \
               implicit import lazy match new object override package private protected return sealed super \
               then this throw trait try type using val var while with yield",
        constants: "true false null None",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "dart",
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "abstract as assert async await break case catch class const continue covariant default do \
               else enum export extends extension factory final finally for get if implements import in \
               interface is late library mixin new on operator part required rethrow return sealed set \
               static super switch this throw try typedef var while with yield",
        constants: "true false null",
        types: "bool double dynamic int num void",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "zig",
        line_comments: &["//"],
        strings: &["\"", "'"],
        keywords: "align and anytype asm break catch comptime const continue defer else enum errdefer error \
               export extern fn for if inline noalias or orelse packed pub return struct switch test \
               threadlocal try union unreachable usingnamespace var volatile while",
        constants: "true false null undefined",
        types: "bool f32 f64 i8 i16 i32 i64 isize type u8 u16 u32 u64 usize void",
        capital_types: true,
        calls: true,
        decorators: true,
        operators: true,
        ..PLAIN
    },
    Language {
        names: "wit proto protobuf thrift graphql gql",
        line_comments: &["//", "#"],
        block_comment: Some(("/*", "*/")),
        strings: &["\"", "'"],
        keywords: "constructor enum export extend flags fragment func implements import include input interface \
               message mutation on oneof option optional package query record repeated required reserved \
               resource returns rpc scalar schema service static subscription syntax type union use variant \
               world",
        constants: "true false null",
        types: "bool bytes char double f32 f64 fixed32 fixed64 float int32 int64 list map option result s8 \
               s16 s32 s64 string tuple u8 u16 u32 u64 uint32 uint64",
        capital_types: true,
        decorators: true,
        word_also: "-",
        operators: true,
        ..PLAIN
    },
];
