//! The third ring: a real host, real sockets, real child processes. Each module is one matter that
//! a stranger could complain about; what they share lies in the crate's library.

mod admin;
mod answers;
mod ask;
mod ask_in_vain;
mod attack_agent;
mod attack_network;
mod audit;
mod auth;
mod auth_tokens;
mod chains;
mod changes;
mod cli;
mod cli_components;
mod components;
mod config_errors;
mod control;
mod decisions;
mod export;
mod figures;
#[path = "../contract/forge.rs"]
#[expect(dead_code, reason = "what the contract's tests make of it is more")]
mod forge;
mod guard;
mod history;
mod history_long;
mod history_pages;
mod lifecycle;
mod limits;
mod made;
mod owners;
mod page_files;
mod processes;
mod processes_wall;
mod recorded;
mod request_ids;
mod rules_candidates;
mod rules_cells;
mod rules_way_back;
mod runs;
mod session_delete;
mod session_list;
mod sign_in;
mod signing;
mod streams;
mod streams_back;
mod streams_html;
mod streams_many;
mod swaps;
mod swaps_load;
mod swaps_refused;
mod traces;
mod wire;

use overlord_tests::{sessions, stand_in};
