//! Ring two: each component alone, through the host's own sandbox, with capabilities that a test
//! makes up; and what the sandbox does with components that are none of the project's.

mod adapters;
mod agent_claude;
mod audit_cef;
mod audit_ecs;
mod audit_events;
mod audit_jsonl;
mod auth_cookie;
mod auth_jwt;
mod auth_proxy;
mod bounds;
mod cases;
mod empty_wasi;
mod fake_program;
mod fit;
mod forge;
mod history_claude;
mod limit_bucket;
mod limit_quota;
mod limit_window;
mod limits;
mod migration;
mod names;
mod raw;
mod stage;
mod stock;
mod tally;
mod tools;
mod warm;
