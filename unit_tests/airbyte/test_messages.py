"""Tests that no state and no log overtakes the records that were queued before it."""

from __future__ import annotations

import threading
from queue import Full, Queue

import pytest
from airbyte_cdk.models import AirbyteLogMessage, AirbyteMessage, AirbyteStateMessage, Level, Type

from source_acumatica.airbyte.messages import OrderedMessageRepository, RowQueue
from source_acumatica.airbyte.records import RecordBatch


def message(text):
    return AirbyteMessage(type=Type.LOG, log=AirbyteLogMessage(level=Level.INFO, message=text))


def state():
    return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(type=None))


def in_a_thread(work):
    failures = []

    def run():
        try:
            work()
        except Exception as error:  # noqa: BLE001 (whatever it is belongs to the test)
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=2)
    assert not thread.is_alive(), "stuck"
    assert not failures


def drained(queue):
    found = []
    while not queue.empty():
        found.append(queue.get_nowait())
    return found


def test_a_workers_state_stands_behind_the_records_that_the_worker_queued_before():
    queue = Queue()
    repository = OrderedMessageRepository(queue)
    one, two = state(), state()

    def work():
        for number in range(3):
            queue.put(number)
        repository.emit_message(one)
        queue.put(3)
        repository.emit_message(two)

    in_a_thread(work)
    assert list(repository.consume_queue()) == []
    found = drained(queue)
    assert found == [0, 1, 2, one, 3, two]
    assert found[3] is one


def test_each_workers_messages_keep_their_order_among_several_workers():
    queue = Queue()
    repository = OrderedMessageRepository(queue)

    def work(worker):
        for number in range(100):
            queue.put((worker, number))
            repository.emit_message(message(f"{worker} {number}"))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=2)
    found = drained(queue)
    assert len(found) == 800
    for worker in range(4):
        own = [
            one if isinstance(one, tuple) else tuple(map(int, one.log.message.split()))
            for one in found
            if (one[0] if isinstance(one, tuple) else int(one.log.message.split()[0])) == worker
        ]
        assert own == [(worker, number) for number in range(100) for _ in "rs"]


def test_the_main_threads_messages_do_not_wait_in_a_full_queue():
    queue = Queue(maxsize=1)
    queue.put("full")
    repository = OrderedMessageRepository(queue)
    one, two = message("1"), message("2")
    repository.emit_message(one)
    repository.emit_message(two)
    assert list(repository.consume_queue()) == [one, two]
    assert list(repository.consume_queue()) == []
    assert drained(queue) == ["full"]


def test_the_thread_that_reads_is_the_one_that_says_so():
    queue = Queue()
    repository = OrderedMessageRepository(queue)
    one = message("1")

    def read():
        repository.consume_here()
        repository.emit_message(one)
        assert list(repository.consume_queue()) == [one]

    in_a_thread(read)
    # The thread that made the repository is a worker now.
    repository.emit_message(one)
    assert drained(queue) == [one]


def test_a_message_that_is_emitted_while_the_messages_are_read_is_read_too():
    repository = OrderedMessageRepository(Queue())
    repository.emit_message(message("1"))
    found = []
    for one in repository.consume_queue():
        found.append(one.log.message)
        if len(found) < 3:
            repository.emit_message(message(str(len(found) + 1)))
    assert found == ["1", "2", "3"]


@pytest.mark.parametrize(("level", "comes"), [(Level.INFO, True), (Level.ERROR, True), (Level.DEBUG, False)])
def test_a_log_comes_if_its_level_is_logged(level, comes):
    repository = OrderedMessageRepository(Queue())
    repository.log_message(level, lambda: {"text": "said"})
    found = list(repository.consume_queue())
    assert len(found) == comes
    assert all("said" in one.log.message and one.log.level is level for one in found)


def test_a_workers_log_stands_in_the_queue():
    queue = Queue()
    repository = OrderedMessageRepository(queue)

    def work():
        queue.put("record")
        repository.log_message(Level.INFO, lambda: {"text": "said"})

    in_a_thread(work)
    record, log = drained(queue)
    assert record == "record"
    assert log.type is Type.LOG


@pytest.mark.parametrize(("line_bytes", "fitting"), [(500, 16), (999, 9), (4_000, 2), (8_000, 1), (10**6, 1)])
def test_the_queue_holds_so_many_bytes_and_always_one_message(line_bytes, fitting):
    queue = RowQueue(8_000)
    for _ in range(fitting):
        queue.put_nowait(RecordBatch("Customer", "x" * line_bytes, 1))
    with pytest.raises(Full):
        queue.put_nowait("one more")
    assert len(drained(queue)) == fitting
    assert queue.empty()
    queue.put_nowait("room again")


def test_what_is_staged_for_records_counts_as_queued():
    """Files are not staged further ahead than a slow destination takes them."""
    queue = RowQueue(8_000)
    queue.put_nowait(RecordBatch("Bill__files", "x", 1, file_bytes=40_000_000))
    with pytest.raises(Full):
        queue.put_nowait("one more")
    drained(queue)
    queue.put_nowait("room again")


def test_other_messages_count_as_a_kilobyte():
    queue = RowQueue(8_000)
    for number in range(8):
        queue.put_nowait(number)
    with pytest.raises(Full):
        queue.put_nowait("one more")
    assert drained(queue) == list(range(8))
