//! The exit codes of the program, which scripts may rely on.

use std::process::ExitCode;

/// The table in the help text.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
    0  done; also when the reader of the output stopped reading
    1  the command failed
    2  wrong arguments or parameters
    3  the configuration is wrong
    4  the database, its driver or the server is not available
    5  something named does not exist: a path, project, file, entity
    6  indexed, but some files could not be; they are listed
    7  the configuration is right, with warnings
  130  interrupted; what was stored stays";

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Ok,
    Failed,
    Usage,
    Configuration,
    Unavailable,
    NotFound,
    Incomplete,
    Warnings,
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Unavailable => 4,
            Self::NotFound => 5,
            Self::Incomplete => 6,
            Self::Warnings => 7,
            Self::Interrupted => 130,
        }
    }

    /// The exit that fits the stable code of a command's error, whoever ran the command.
    pub(super) fn of_error_code(code: &str) -> Self {
        match code {
            "INVALID_PARAMETERS" | "UNKNOWN_COMMAND" | "NOT_A_DIRECTORY" => Self::Usage,
            "DATABASE_UNAVAILABLE" => Self::Unavailable,
            code if code.ends_with("_NOT_FOUND") => Self::NotFound,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.number().into()
    }
}

/// Prints what clap has to say (help, version, or what is wrong with the arguments) and gives its exit code.
pub(super) fn of_usage(usage: &clap::Error) -> ExitCode {
    // Where even that cannot be printed, the exit code is all that is left to say.
    let _ = usage.print();
    if usage.use_stderr() {
        Exit::Usage.into()
    } else {
        Exit::Ok.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_the_help() {
        use Exit::{
            Configuration, Failed, Incomplete, Interrupted, NotFound, Ok, Unavailable, Usage,
            Warnings,
        };
        for exit in [
            Ok,
            Failed,
            Usage,
            Configuration,
            Unavailable,
            NotFound,
            Incomplete,
            Warnings,
            Interrupted,
        ] {
            let line = format!("\n{:5}  ", exit.number());
            assert!(EXIT_CODES.contains(&line), "{exit:?}");
        }
        assert_eq!(EXIT_CODES.lines().count(), 10);
    }

    #[test]
    fn codes_of_errors_have_exits() {
        for (code, exit) in [
            ("INVALID_PARAMETERS", Exit::Usage),
            ("UNKNOWN_COMMAND", Exit::Usage),
            ("NOT_A_DIRECTORY", Exit::Usage),
            ("PROJECT_NOT_FOUND", Exit::NotFound),
            ("PATH_NOT_FOUND", Exit::NotFound),
            ("DATABASE_UNAVAILABLE", Exit::Unavailable),
            ("DATABASE_ERROR", Exit::Failed),
            ("ANYTHING_ELSE", Exit::Failed),
        ] {
            assert_eq!(Exit::of_error_code(code), exit, "{code}");
        }
    }
}
