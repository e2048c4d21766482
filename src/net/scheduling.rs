//! How the operating system schedules the threads that serve.

/// Asks the scheduler not to preempt another thread when this one wakes.
///
/// This thread then runs when a processor is free, or at the next tick. Meanwhile more clients become
/// ready, and the thread serves them in one turn. Without this, each client would cost a thread
/// switch, and a switch costs as much as a small response.
///
/// If the operator has chosen a policy for the process, it stays. Errors are ignored.
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

/// The portable version does nothing.
#[cfg(not(target_os = "linux"))]
pub fn use_batch_scheduling() {}
