//! What docroot prints about itself, made from the command line: the help, the completion scripts and
//! the manual page.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::command::{self, VERSION};
use super::options::Mode;
use super::settings::{Printed, Settings};

/// The text to print. The help is that of the command `mode`.
pub fn render(printed: Printed, mode: Mode, defaults: &Settings) -> Vec<u8> {
    let mut text = Vec::new();
    match printed {
        Printed::ShortHelp => text = help(command::short(mode, defaults), defaults),
        Printed::Help => text = help(command::full(mode, defaults), defaults),
        Printed::Version => text.extend_from_slice(format!("docroot {VERSION}\n").as_bytes()),
        Printed::Completions(shell) => {
            let mut command = command::command(defaults);
            clap_complete::generate(shell, &mut command, "docroot", &mut text);
        }
        // Writing to a vector never fails.
        Printed::Manual => manual(&mut text, defaults).unwrap_or_default(),
    }
    text
}

fn help(mut command: Command, defaults: &Settings) -> Vec<u8> {
    let help = command.render_help();
    match defaults.config.log.colour {
        true => help.ansi().to_string().into_bytes(),
        false => help.to_string().into_bytes(),
    }
}

fn manual(page: &mut Vec<u8>, defaults: &Settings) -> io::Result<()> {
    let man = Man::new(command::command(defaults));
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    manual_of(command::explain(defaults), "DOCROOT EXPLAIN", page)?;
    manual_of(
        command::hash_password(defaults),
        "DOCROOT HASH-PASSWORD",
        page,
    )?;
    man.render_extra_section(page)?;
    man.render_version_section(page)
}

/// `docroot --man` prints one page, so a subcommand is a section instead of a page of its own.
fn manual_of(command: Command, title: &'static str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut heading = Roff::default();
    heading.control("SH", [title]);
    let about = command.get_about().map(ToString::to_string);
    heading.text([roman(about.unwrap_or_default())]);
    heading.to_writer(page)?;
    // If all arguments have the same heading, they become one section. It begins with that heading,
    // which the page already has.
    let command = command.mut_args(|argument| argument.help_heading(title));
    let mut section = Vec::new();
    Man::new(command).render_options_section(&mut section)?;
    let section = String::from_utf8_lossy(&section);
    for line in section.lines().filter(|line| !line.starts_with(".SH")) {
        page.extend_from_slice(line.as_bytes());
        page.push(b'\n');
    }
    Ok(())
}
