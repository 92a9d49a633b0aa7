use std::process::ExitCode;

fn main() -> ExitCode {
    empanel::cli::run(std::env::args_os())
}
