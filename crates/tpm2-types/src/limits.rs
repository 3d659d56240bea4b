//! Sizes and counts that bound the structures.
