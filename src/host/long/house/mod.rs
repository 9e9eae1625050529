//! Moving house: everything into one file here, and out of it on another machine.
//!
//! | part | what it is for |
//! |---|---|
//! | [`out`] | packs session after session, each asleep meanwhile |
//! | [`plan`] | what a house would bring, and what becomes of its names and places |
//! | [`into`] | brings it |
//! | [`files`] | the configuration and personas, which never replace others |
//! | [`maps`] | where directories of there lie here |
//!
//! Of a stranger's archive nothing is believed that a person did not choose (`restore`). A house is a person's own and
//! is believed as a whole, once that person has seen what it sets: the request that brings it names the house that was
//! agreed to.

mod files;
mod into;
mod maps;
mod out;
mod plan;
