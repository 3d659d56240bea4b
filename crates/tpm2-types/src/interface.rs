//! Interface types: TPMI_* (Part 2, 9, 11 and 12).
