//! The contract's generated types, one module a world. Nothing outside `sandbox` and `capability`
//! names them.
#![allow(missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

/// Who is asking?
pub mod auth {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "auth-policy",
        exports: { default: async },
    });
}

/// May they ask now?
pub mod limit {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "limit-policy",
        exports: { default: async },
        with: { "overlord:policy/types": super::auth::overlord::policy::types },
    });
}

/// What a limiter may offer besides: what it makes of cells of another form.
pub mod migration {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package overlord:host;
            world cells-of-other-forms { export overlord:policy/migration@0.1.0; }
        ",
        world: "overlord:host/cells-of-other-forms",
        exports: { default: async },
        with: { "overlord:policy/types": super::auth::overlord::policy::types },
    });
}

/// What was said?
pub mod history {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "history-policy",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "overlord:policy/types": super::auth::overlord::policy::types,
            "overlord:policy/files.file": crate::capability::files::LentFile,
        },
    });
}

/// How is it written down?
pub mod audit {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "audit-policy",
        exports: { default: async },
        with: { "overlord:policy/types": super::auth::overlord::policy::types },
    });
}

/// How is the program driven?
pub mod agent {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "agent-adapter",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "overlord:policy/types": super::auth::overlord::policy::types,
            "overlord:policy/process.child": crate::capability::process::LentChild,
        },
    });
}
