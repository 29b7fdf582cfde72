"""Forking beside threads."""

import os
import threading

from audiofeat.forks import between_forks


def test_a_fork_waits_for_a_thread_at_work() -> None:
    """A child never starts with a lock that a thread of its parent holds and would have released."""
    lock, inside, may_end = threading.Lock(), threading.Event(), threading.Event()

    def work() -> None:
        with between_forks(), lock:
            inside.set()
            may_end.wait(timeout=0.5)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    child = os.fork()
    if not child:
        os._exit(0 if lock.acquire(timeout=1) else 1)
    thread.join()
    _, status = os.waitpid(child, 0)
    assert status == 0


def test_it_can_be_taken_again_after_a_fork() -> None:
    """Parent and child go on as before."""
    child = os.fork()
    if not child:
        with between_forks():
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with between_forks():
        pass
