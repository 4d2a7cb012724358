//! Sketches of what a moving frame holds. Rows come and go, and the sketch is always that of the rows that are there.
//!
//! Both keep more hashes than their sketch retains: all that belong to the *reserve*, a level below the sketch's own.
//! So as rows leave, the level can fall again, and no row is read twice. Where the frame shrinks by a third or a half,
//! the reserve is used up. Then the frame has to be read anew.
//!
//! - `levels`: how many hashes there are of each level, and so the level of the sketch.
//! - `values`: [`MovingSketch`], which values enter and leave one at a time.
//! - `bag`: a multiset of few different numbers.
//! - `sketches`: [`MovingUnion`], which whole sketches enter and leave.

mod bag;
mod levels;
mod sketches;
mod values;

pub use sketches::MovingUnion;
pub use values::MovingSketch;
