//! The world `limit-policy`: generated types in, this policy's own types out.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

wit_bindgen::generate!({ world: "limit-policy", path: "../../wit" });

use overlord_arena as _; // the global allocator
