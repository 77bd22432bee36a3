//! `make bench`: measures the built host and the built components, each figure beside a comparison
//! from the same run, and prints one table. Owns the order of the measurements and the command line;
//! what is measured and how is each module's own.
//!
//! The machine is never quiet, so whatever is compared is measured in turns, and a ratio says more
//! than a figure.

mod ask;
mod cookie_check;
mod decisions;
mod history;
mod memory;
mod native_server;
mod recording;
mod requests;
mod samples;
mod serde_reader;
mod shadow;
mod speaker;
mod start;
mod swaps;
mod table;
mod tokens;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};

use table::Row;

/// Measures what Overlord costs, each figure beside its comparison from the same run.
#[derive(Debug, Parser)]
#[command(name = "overlord-bench")]
struct Options {
    /// Fewer and shorter rounds: to see that it works, not to quote
    #[arg(long)]
    quick: bool,
    /// Only this part; may be given more than once
    #[arg(long, value_name = "PART", value_enum)]
    only: Vec<Part>,
    /// Also write the rows as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What else this program can be.
#[derive(Debug, Subcommand)]
enum Role {
    /// The comparison: an axum server with the same cookie check in native code
    #[command(hide = true)]
    NativeServer {
        /// What cookies are signed with.
        secret: String,
        /// The name of the cookie that is looked for.
        cookie: String,
    },
    /// A program for a host or the comparison to run, whose tokens say when they were written
    #[command(hide = true)]
    Speak {
        /// The client's, of which only the session is of interest.
        arguments: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Each hook on its own, in this process
    Decisions,
    /// `POST /agent/sessions/new`
    Requests,
    /// Sessions of 64 MiB
    History,
    /// `POST /agent/ask`
    Ask,
    /// `POST /agent/ask`, token by token
    Tokens,
    /// Recording decisions, and replaying them
    Recording,
    /// The load while components are swapped, and one swap
    Swaps,
    /// The load while a candidate is in shadow
    Shadow,
    /// Cold and warm start, and the memory after it
    Start,
}

impl Part {
    /// Those that need no process of a host come first, while the machine is as quiet as it gets.
    const ALL: [Self; 9] = [
        Self::Decisions,
        Self::Requests,
        Self::History,
        Self::Ask,
        Self::Tokens,
        Self::Recording,
        Self::Swaps,
        Self::Shadow,
        Self::Start,
    ];

    fn measure(self, quick: bool) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Decisions => decisions::measure(quick),
            Self::Requests => requests::measure(quick),
            Self::History => history::measure(quick),
            Self::Ask => ask::measure(quick),
            Self::Tokens => tokens::measure(quick),
            Self::Recording => recording::measure(quick),
            Self::Swaps => swaps::measure(quick),
            Self::Shadow => shadow::measure(quick),
            Self::Start => start::measure(quick),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    match options.role {
        Some(Role::NativeServer { secret, cookie }) => return native_server::run(&secret, &cookie),
        Some(Role::Speak { arguments }) => return speaker::run(&arguments),
        None => {}
    }
    let mut rows = Vec::new();
    for part in Part::ALL {
        if options.only.is_empty() || options.only.contains(&part) {
            eprintln!("{part:?} …");
            rows.extend(part.measure(options.quick).with_context(|| format!("measuring {part:?}"))?);
        }
    }
    print!("{}", table::Table(&rows));
    if let Some(file) = options.json {
        let json = serde_json::to_vec_pretty(&rows)?;
        std::fs::write(&file, json).with_context(|| format!("writing the rows to {}", file.display()))?;
    }
    Ok(())
}
