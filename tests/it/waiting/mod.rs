//! The wait in simulated time: cadence, deadline, outages, grace times, big answers, starts and reruns.

mod big;
mod outages;
mod polling;
mod posts;
mod random;
pub mod sim;
mod six_hours;
