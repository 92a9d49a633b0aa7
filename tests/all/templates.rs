//! Templates that users bring are bounded in what they say, do and make: a hostile one is refused with its name and its
//! line, by a program that has little memory, or it makes no more than a prompt may have.

use std::path::Path;
use std::process::Command;

use crate::support::Home;

const ANSWERS: &str = "{{ requirement }}\nMET UNMET CANNOT_ASSESS \"answer\"\n";

/// `empanel prompts check` with this in place of the question about a criterion, in 1 GiB of address space: the program
/// itself takes a part of it, and what it makes of a template must find room in the rest.
fn check(home: &Home, template: &str) -> (Option<i32>, String) {
    home.write("prompts/criterion.j2", format!("{ANSWERS}{template}").as_str());
    let script = "ulimit -v 1048576; exec \"$0\" prompts check --config \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(Path::new(env!("CARGO_BIN_EXE_empanel"))).arg(home.config());
    let said = command.current_dir(home.path(".")).output().unwrap();
    (said.status.code(), String::from_utf8_lossy(&said.stderr).into_owned())
}

fn home() -> Home {
    let home = Home::new("[prompts]\nfolder = \"prompts\"\n");
    std::fs::create_dir(home.path("prompts")).unwrap();
    home
}

#[test]
fn a_hostile_template_is_refused_with_its_name_and_line_in_little_memory() {
    let home = home();
    let doubled = format!("{{% set a = requirement %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(40));
    let with = format!("{}{{{{ a }}}}{}", "{% with a = [a, a] %}".repeat(40), "{% endwith %}".repeat(40));
    let elif = format!("{{% if trace %}}{}{{% endif %}}", "{% elif trace %}".repeat(4_000));
    let not = format!("{{{{ {}trace }}}}", "not ".repeat(15_000));
    let loops = "{% for a in requirement %}".repeat(12) + "{{ requirement }}" + &"{% endfor %}".repeat(12);
    let indent = format!("{{{{ requirement{} }}}}", "|indent(80)|replace('T', requirement)".repeat(20));
    for (template, line, says) in [
        (doubled.as_str(), 3, "`~`"),
        ("{{ 'x' * 1000000000 }}", 3, "`*`"),
        ("\n{{ '%01000000000d' % 1 }}{{ range(1000000000)|join }}", 4, "called"),
        ("{{ '%1000000000s'|format('x') }}", 3, "no filter `format`"),
        ("{{ requirement|center(1000000000) }}", 3, "no filter `center`"),
        ("{% set a %}{{ requirement }}{% endset %}", 3, "kept aside"),
        ("{% macro m(a) %}{{ a }}{{ a }}{% endmacro %}{{ m(m(m(m(requirement)))) }}", 3, "nothing can be called"),
        ("\n\n{% include '/etc/passwd' %}", 5, "no file"),
        ("{% include '../../../../etc/passwd' %}", 3, "no file"),
        ("{% extends 'http://evil.example/t' %}", 3, "no file"),
        ("{% for a in [1] recursive %}{{ loop([a, a]) }}{% endfor %}", 3, "recursive"),
        ("{{ lipsum(n=1000000) }}", 3, "called"),
        ("{{ requirement.__class__.__mro__ }}", 3, "undefined"),
        ("{{ requirement[::-1] }}", 3, "truncate"),
        (with.as_str(), 3, "constants"),
        (elif.as_str(), 3, "more than 500"),
        (not.as_str(), 3, "more than 200"),
        (loops.as_str(), 3, "fuel"),
        (indent.as_str(), 3, "more than 200 words and signs"),
        ("{{ secret }}", 3, "undefined"),
        ("{% if %}", 3, "syntax"),
    ] {
        let (code, said) = check(&home, template);
        let shown: String = template.chars().take(80).collect();
        assert_eq!(code, Some(2), "{shown}: {said}");
        let at = [format!("line {line}"), format!("criterion:{line}")];
        assert!(said.contains("criterion") && at.iter().any(|at| said.contains(at)), "{shown}: {said}");
        assert!(said.contains(says), "{shown}: {said}");
    }
}

#[test]
fn a_template_that_only_writes_much_ends_at_a_limit() {
    let home = home();
    let long = "x".repeat(40_000);
    let (code, said) = check(
        &home,
        &format!("{{% for a in requirement %}}{{% for b in requirement %}}{long}{{% endfor %}}{{% endfor %}}"),
    );
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("criterion") && said.contains("longer than 32 MiB"), "{said}");
    assert_eq!(check(&home, "{# nothing more #}").0, Some(0));
}

#[test]
fn a_template_is_a_file_of_its_folder_and_no_other() {
    let home = home();
    home.write("elsewhere.j2", ANSWERS);
    let link = home.path("prompts/levels.j2");
    std::os::unix::fs::symlink(home.path("elsewhere.j2"), &link).unwrap();
    let (code, said) = check(&home, "");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("levels.j2") && said.contains("leads out of the folder"), "{said}");
    std::fs::remove_file(&link).unwrap();
    home.write("prompts/levels.j2", "x".repeat(70_000));
    let (code, said) = check(&home, "");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("levels.j2") && said.contains("70000 bytes"), "{said}");
}
