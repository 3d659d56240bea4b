//! Attributes: TPMA_* (Part 2, 8).
