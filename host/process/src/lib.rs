//! Child processes that really end, behind a wall.
