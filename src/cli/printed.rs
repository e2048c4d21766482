//! What docroot prints about itself, made from the command line: the help, the completion scripts and
//! the manual page.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

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
        Printed::Manual => match mode {
            Mode::Serve => manual(&mut text, defaults).unwrap_or_default(),
            _ => page_of_subcommand(mode, &mut text, defaults).unwrap_or_default(),
        },
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
    for mode in Mode::WITH_WORD {
        manual_of_subcommand(mode, page, defaults)?;
    }
    man.render_extra_section(page)?;
    man.render_version_section(page)
}

/// The page that `docroot check --man` prints: docroot-check(1).
fn page_of_subcommand(mode: Mode, page: &mut Vec<u8>, defaults: &Settings) -> io::Result<()> {
    let command = command::full(mode, defaults).version(VERSION);
    let command = command.display_name(mode.typed().replace(' ', "-"));
    let man = Man::new(command.bin_name(mode.typed())).source(format!("docroot {VERSION}"));
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    man.render_extra_section(page)?;
    let mut see_also = Roff::default();
    see_also.control("SH", ["SEE ALSO"]);
    see_also.text([bold("docroot"), roman("(1)")]);
    see_also.to_writer(page)
}

/// `docroot --man` prints everything in one page, so there a subcommand is a section.
fn manual_of_subcommand(mode: Mode, page: &mut Vec<u8>, defaults: &Settings) -> io::Result<()> {
    let command = command::full(mode, defaults);
    let mut heading = Roff::default();
    heading.control("SH", [&*mode.typed().to_uppercase()]);
    let about = command.get_about().map(ToString::to_string);
    heading.text([roman(about.unwrap_or_default())]);
    heading.to_writer(page)?;
    // If all arguments have the same heading, they become one section. It begins with that heading,
    // which the page already has.
    let command = command.mut_args(|argument| argument.help_heading(mode.word()));
    let mut section = Vec::new();
    Man::new(command).render_options_section(&mut section)?;
    let section = String::from_utf8_lossy(&section);
    for line in section.lines().filter(|line| !line.starts_with(".SH")) {
        page.extend_from_slice(line.as_bytes());
        page.push(b'\n');
    }
    Ok(())
}
