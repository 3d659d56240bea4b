//! Structures, unions and lists (Part 2, 10 to 16).
