//! Source code, scripts, settings and markup that people write: recognised by name, kept verbatim with its
//! indentation, one segment per line. What a name promises is not checked: `a.py` need not be valid Python.

use super::draft::Draft;
use super::{Reader, Sample, text};

pub(super) const READER: Reader = Reader { id: "code/1", recognise, read };

/// Endings (lower case) and the media type of each: registered ones where there are, else as `file(1)` and
/// freedesktop.org's shared MIME database name them.
const KINDS: &[(&[&str], &str)] = &[
    (&["py", "pyi", "pyw"], "text/x-python"),
    (&["rs"], "text/x-rust"),
    (&["js", "mjs", "cjs", "jsx"], "text/javascript"),
    (&["ts", "mts", "cts", "tsx"], "text/x-typescript"),
    (&["vue", "svelte"], "text/x-component"),
    (&["css"], "text/css"),
    (&["scss", "sass", "less"], "text/x-scss"),
    (&["c", "h"], "text/x-c"),
    (&["cpp", "cc", "cxx", "hpp", "hh", "hxx", "ino", "cu"], "text/x-c++"),
    (&["cs"], "text/x-csharp"),
    (&["java"], "text/x-java"),
    (&["kt", "kts"], "text/x-kotlin"),
    (&["scala", "sc"], "text/x-scala"),
    (&["groovy", "gradle"], "text/x-groovy"),
    (&["go"], "text/x-go"),
    (&["swift"], "text/x-swift"),
    (&["m", "mm"], "text/x-source"),
    (&["rb", "erb"], "text/x-ruby"),
    (&["php"], "text/x-php"),
    (&["pl", "pm"], "text/x-perl"),
    (&["lua"], "text/x-lua"),
    (&["r", "rmd", "qmd"], "text/x-r"),
    (&["jl"], "text/x-julia"),
    (&["sas", "do", "ado", "sps"], "text/x-statistics"),
    (&["hs"], "text/x-haskell"),
    (&["ml", "mli", "fs", "fsx"], "text/x-ocaml"),
    (&["ex", "exs", "erl"], "text/x-erlang"),
    (&["clj", "cljs", "lisp", "el", "scm"], "text/x-lisp"),
    (&["dart"], "text/x-dart"),
    (&["zig", "nim", "d", "pas", "f90", "f95", "for", "cob", "asm", "s", "v", "sv", "vhd", "vhdl"], "text/x-source"),
    (&["vb", "vbs", "bas", "frm"], "text/x-vb"),
    (&["sh", "bash", "zsh", "fish", "ksh"], "application/x-sh"),
    (&["ps1", "psm1"], "text/x-powershell"),
    (&["bat", "cmd"], "text/x-batch"),
    (&["sql", "ddl", "psql"], "application/sql"),
    (&["graphql", "gql", "proto", "thrift", "avsc"], "text/x-schema"),
    (&["yaml", "yml"], "application/yaml"),
    (&["toml"], "application/toml"),
    (&["ini", "cfg", "conf", "properties", "env", "editorconfig"], "text/x-ini"),
    (&["tf", "tfvars", "hcl", "nix", "bicep"], "text/x-settings"),
    (&["dockerfile", "mk", "cmake", "ninja", "bzl"], "text/x-build"),
    (&["tex", "sty", "cls", "bib", "ltx"], "application/x-tex"),
    (&["rst", "adoc", "org", "textile", "wiki"], "text/x-markup"),
    (&["ics", "ical"], "text/calendar"),
    (&["vcf"], "text/vcard"),
    (&["srt", "vtt"], "text/vtt"),
    (&["diff", "patch"], "text/x-diff"),
    (&["log"], "text/x-log"),
    (&["json5", "jsonc"], "application/json5"),
    (&["dot", "gv", "mmd", "puml", "plantuml"], "text/x-diagram"),
];

/// Files that are known by their whole name.
const NAMES: &[&str] = &[
    "dockerfile",
    "containerfile",
    "makefile",
    "gnumakefile",
    "rakefile",
    "gemfile",
    "jenkinsfile",
    "justfile",
    "procfile",
    ".gitignore",
    ".env",
];

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let file = sample.name.rsplit(['/', '\\']).next().unwrap_or(sample.name).to_ascii_lowercase();
    let by_ending = KINDS.iter().find(|(endings, _)| sample.has_extension(endings)).map(|(_, media_type)| *media_type);
    let media_type = by_ending.or_else(|| NAMES.contains(&file.as_str()).then_some("text/x-build"))?;
    sample.decoded()?;
    Some(media_type)
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    (text::READER.read)(sample, draft)
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, reason, text_of};

    #[test]
    fn code_is_known_by_its_name_and_kept_as_written() {
        let source = "def f(x):\n\tif x:\n\t\treturn '  two  blanks'\n";
        let file = read_one("src/a.py", source.as_bytes());
        assert_eq!((file.media_type.as_str(), file.reader.as_str()), ("text/x-python", "code/1"));
        assert_eq!(text_of(&file), source.trim_end());
        for (name, kind) in [
            ("Q.SQL", "application/sql"),
            ("Dockerfile", "text/x-build"),
            ("a.yaml", "application/yaml"),
            ("a.ts", "text/x-typescript"),
        ] {
            assert_eq!(read_one(name, b"key: value").media_type, kind);
        }
    }

    #[test]
    fn a_binary_with_the_name_of_code_is_no_code() {
        assert!(
            reason(&read_one("a.rs", &[b"\x7fELF\x02\x01\x01".as_slice(), &[0; 200]].concat())).contains("not read")
        );
    }
}
