//! What the process gives up before it serves.

use super::definition::{Choice, Group, Kind, OptionDef, store};
use crate::net::privileges::options::Landlock;
use crate::net::privileges::user::UserName;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Privileges",
    options: &[USER, LANDLOCK],
};

const USER: OptionDef = OptionDef::new(
    "user",
    Kind::Text("NAME[:GROUP]", |settings, text| {
        let user = UserName::parse(text).map(Some);
        store(
            &mut settings.config.privileges.user,
            user.map_err(str::to_owned),
        )
    }),
    "If docroot is started as root, become this user for good after opening the ports and reading the private key and \
     the password file. docroot reads everything else as this user, and changes of these files too. Without a group, \
     the user's own is used. Numbers are allowed",
)
.default(|_| "the user who starts docroot".into());

const LANDLOCK: OptionDef = OptionDef::new(
    "landlock",
    Kind::Choice(
        "WHEN",
        &[
            Choice {
                word: "auto",
                help: "If the kernel can",
                apply: |settings| settings.config.privileges.landlock = Landlock::Auto,
            },
            Choice {
                word: "require",
                help: "If the kernel cannot, do not start; it takes Linux 6.7",
                apply: |settings| settings.config.privileges.landlock = Landlock::Require,
            },
            Choice {
                word: "off",
                help: "Never",
                apply: |settings| settings.config.privileges.landlock = Landlock::Off,
            },
        ],
    ),
    "Let the Linux kernel confine docroot (Landlock) to reading what it serves and the files that options name. docroot \
     can then write only its logs, run nothing, open no other port, and connect to nothing. Because files and directories may \
     be replaced, it can also read the directory above them, unless that is private. With --follow-symlinks, it can \
     read everything. -v says what it can read",
)
.default(|_| "auto".into());
