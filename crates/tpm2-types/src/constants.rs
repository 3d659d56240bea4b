//! Constants (Part 2, 6).
