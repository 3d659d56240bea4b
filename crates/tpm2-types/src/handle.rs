//! Handles (Part 2, 7).
