//! The ring of other languages: a limiter and an audit format in JavaScript and in Python, made here by
//! componentize-js and componentize-py, held to the case files of the ones in Rust. Owns which tests
//! there are; how the components are made is `made`'s.

mod answers;
mod cases;
mod figures;
mod live;
mod made;
