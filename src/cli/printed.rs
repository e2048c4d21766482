//! The completion scripts and the manual page, made from the command line.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::command::{self, EXPLAIN};
use super::settings::{Printed, Settings};

/// The text to print.
pub fn render(printed: Printed, defaults: &Settings) -> Vec<u8> {
    let mut text = Vec::new();
    match printed {
        Printed::Completions(shell) => {
            let mut command = command::command(defaults);
            clap_complete::generate(shell, &mut command, "docroot", &mut text);
        }
        // Writing to a vector never fails.
        Printed::Manual => manual(&mut text, defaults).unwrap_or_default(),
    }
    text
}

fn manual(page: &mut Vec<u8>, defaults: &Settings) -> io::Result<()> {
    let man = Man::new(command::command(defaults));
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    manual_of_explain(page, defaults)?;
    man.render_extra_section(page)?;
    man.render_version_section(page)
}

/// `docroot --man` prints one page, so the subcommand is a section instead of a page of its own.
fn manual_of_explain(page: &mut Vec<u8>, defaults: &Settings) -> io::Result<()> {
    let command = command::explain(defaults);
    let mut heading = Roff::default();
    heading.control("SH", ["DOCROOT EXPLAIN"]);
    let about = command.get_about().map(ToString::to_string);
    heading.text([roman(about.unwrap_or_default())]);
    heading.to_writer(page)?;
    // If all arguments have the same heading, they become one section. It begins with that heading,
    // which the page already has.
    let command = command.mut_args(|argument| argument.help_heading(EXPLAIN));
    let mut section = Vec::new();
    Man::new(command).render_options_section(&mut section)?;
    let section = String::from_utf8_lossy(&section);
    for line in section.lines().filter(|line| !line.starts_with(".SH")) {
        page.extend_from_slice(line.as_bytes());
        page.push(b'\n');
    }
    Ok(())
}
