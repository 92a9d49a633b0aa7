//! Whether a secret that somebody chose could be guessed. Those that the service makes are not asked.

/// Guesses, as a power of ten: 2^64 is about 10^19.
const ENOUGH: f64 = 19.0;
const SHORTEST: usize = 24;
/// What stands in examples and is left there. What it is part of is not random.
const EXAMPLES: [&str; 8] = ["changeme", "change-me", "password", "secret", "example", "default", "admin", "empanel"];

/// # Errors
/// Why it is too weak, and how to make one that is not.
pub fn check(secret: &str) -> Result<(), String> {
    let make = "make one with `openssl rand -hex 32`";
    if secret.len() < SHORTEST {
        return Err(format!("has {} characters; at least {SHORTEST}: {make}", secret.len()));
    }
    if !secret.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("has characters that no header takes; letters, digits and signs alone: {make}"));
    }
    let lower = secret.to_ascii_lowercase();
    if let Some(word) = EXAMPLES.iter().find(|word| lower.contains(*word)) {
        return Err(format!("has the word `{word}` in it, as examples have: {make}"));
    }
    let guesses = zxcvbn::zxcvbn(secret, &[]).guesses_log10();
    if guesses < ENOUGH {
        return Err(format!("could be guessed with about 10^{guesses:.0} tries; at least 10^{ENOUGH:.0}: {make}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_stands_in_examples_or_is_easily_guessed_is_refused_and_what_is_random_is_not() {
        for (weak, why) in [
            ("hunter2", "7 characters"),
            ("changeme-changeme-changeme", "changeme"),
            ("emp_changeme_0000000000000000000", "changeme"),
            ("MyEmpanelKeyOf2026MyEmpanelKey", "empanel"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "guessed"),
            ("12345678901234567890123456789012", "guessed"),
            ("qwertyuiopqwertyuiopqwertyuiop12", "guessed"),
            ("0f3a 9c77b1 2e54 8d60 aa13 5be9", "no header"),
        ] {
            let told = check(weak).unwrap_err();
            assert!(told.contains(why) && told.contains("openssl rand -hex 32"), "{weak}: {told}");
            assert!(!told.contains(weak), "the secret itself is not told: {told}");
        }
        for strong in [
            "emp_5f0c1e7d9ab24c3886d1f7e0c45a9b3277de10f4c8b6a2915e3d0f7c6b8a4d21",
            "9b1c64f02e7d4a85b3c9d0e1f2a47586",
            "kX9#vQ2!mZ7@pL4$wT8%rB3^",
        ] {
            check(strong).unwrap_or_else(|why| panic!("{strong}: {why}"));
        }
    }
}
