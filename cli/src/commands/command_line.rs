//! `tocsin completions` and `tocsin man`: made of the description of the command line, so they have what it has.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;

const NAME: &str = "tocsin";

/// Prints what makes a shell complete the command.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut text);
    // A reader that closes its end, such as `head`, is not a failure of ours.
    std::io::stdout().lock().write_all(&text).map_err(|error| Failure::no(format!("output: {error}")))
}

/// Writes a man page of each command.
pub(crate) fn man(folder: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::usage(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)?;
    println!("man pages are in {0}; read one with `man -l {0}/{NAME}.1`", folder.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_man_page() {
        let folder = tempfile::tempdir().unwrap();
        man(folder.path()).unwrap();
        for page in ["tocsin.1", "tocsin-run.1", "tocsin-alerts-ack.1"] {
            let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
            assert!(text.contains(".SH"), "{page}");
        }
    }
}
