//! The program `code-analysis-host`: everything it does is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    code_analysis_host::cli::main()
}
