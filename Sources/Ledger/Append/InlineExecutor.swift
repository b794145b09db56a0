/// Runs a task's next step on the thread that resumes it, before the resuming call returns.
///
/// The appender's writer uses it, and nothing else should without the same care: whoever resumes the writer (a caller with a
/// command, the thread that read Postgres's answer) holds no lock then, and each step of the writer is short and never blocks.
/// So a command is sent by the thread that brought it, and its answer is read and given out by the thread that received it; a
/// hop to another thread, and back, would cost a lone append as much as Postgres needs for it on a busy machine.
final class InlineExecutor: TaskExecutor {
    static let shared = InlineExecutor()

    func enqueue(_ job: consuming ExecutorJob) {
        job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
