//! what becomes of a question.
