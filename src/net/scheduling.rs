//! How the operating system schedules the threads that serve.

/// Asks that nothing be interrupted when this thread wakes: it runs when a processor is free, or
/// at the next tick. Meanwhile more clients become ready, and a turn of a worker, or of an
/// acceptor, serves them together; a switch of threads for each would cost as much as an answer.
///
/// An operator who has chosen a policy for the process keeps it, and where the system knows no such
/// policy the wish is dropped.
#[cfg(target_os = "linux")]
pub fn use_batch_scheduling() {
    use preempt_rt::sched::{Pid, Scheduler, SchedulerParams, get_scheduler, set_scheduler};
    let this = Pid::current_thread();
    if let Ok(Scheduler::SCHED_NORMAL) = get_scheduler(this) {
        let _ = set_scheduler(
            this,
            Scheduler::SCHED_BATCH,
            SchedulerParams { priority: 0 },
        );
    }
}

/// The portable twin: nothing is asked.
#[cfg(not(target_os = "linux"))]
pub fn use_batch_scheduling() {}
