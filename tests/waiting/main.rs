//! The wait in simulated time: cadence, deadline, outages, grace times, big answers, starts and reruns.
#![allow(clippy::indexing_slicing, clippy::expect_used)]

mod big;
mod outages;
mod polling;
mod posts;
mod random;
mod sim;
mod six_hours;
