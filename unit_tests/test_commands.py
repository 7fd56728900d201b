"""Tests that a command ends with the right code and without a seat, however it ends; no process is started."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest
from airbyte_cdk.utils.print_buffer import PrintBuffer

from source_acumatica import commands


class Ended(BaseException):
    """Stands for the end of the process."""


def with_(module, **own):
    """The module with other functions of these names, for the commands alone."""
    return SimpleNamespace(**{**vars(module), **own})


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """What is done to the process: nothing of it reaches that of the tests, and no time passes."""
    found = SimpleNamespace(
        exits=[], handlers={}, hooked=[], timers=[], workers=[], pipes=[], has_ended=threading.Event()
    )

    def end(code):
        found.exits.append(code)
        raise Ended

    def thread(target, **more):
        def until_the_end():
            with suppress(Ended):
                target()
            found.has_ended.set()

        return threading.Thread(target=until_the_end, **more)

    def timer(seconds, *_work):
        found.timers.append(seconds)
        return SimpleNamespace(start=lambda: None)

    def pipe():
        found.pipes.append(os.pipe())
        return found.pipes[-1]

    names = [SimpleNamespace(name=threading.main_thread().name), SimpleNamespace(name=commands._ENDING_THREAD)]
    threads = {"Thread": thread, "Timer": timer, "enumerate": lambda: [*names, *found.workers]}
    signals = {"signal": found.handlers.__setitem__, "set_wakeup_fd": lambda *_, **__: None}
    monkeypatch.setattr(commands, "threading", with_(threading, **threads))
    monkeypatch.setattr(commands, "signal", with_(signal, **signals))
    monkeypatch.setattr(commands, "os", with_(os, _exit=end, pipe=pipe))
    monkeypatch.setattr(commands, "sys", with_(sys, excepthook=lambda *error: found.hooked.append(error[1])))
    monkeypatch.setattr(commands, "PRINT_BUFFER", PrintBuffer(flush_interval=60))
    yield found
    for reader, writer in found.pipes:
        if not found.has_ended.is_set():
            os.write(writer, b"\x0f")
            assert found.has_ended.wait(10)
        os.close(writer)
        os.close(reader)


class Source:
    """Notes what is asked of it at the end."""

    def __init__(self):
        self.asked = []

    def close(self, seconds=None):
        self.asked.append(("close", seconds))

    def sum_up(self):
        self.asked.append(("sum up", None))


def fails_with(error):
    def work():
        raise error

    return work


# ----------------------------------------------------------------------------------------------------- an end by itself


@pytest.mark.parametrize(
    ("work", "code", "is_told"),
    [
        (lambda: None, 0, False),
        (fails_with(SystemExit(3)), 3, False),
        (fails_with(ValueError("x")), 1, True),
        (fails_with(KeyboardInterrupt()), 1, True),
    ],
    ids=["well", "by a code of its own", "by an error", "by a key"],
)
def test_however_the_work_ends_the_seats_are_given_back_and_the_code_says_how(work, code, is_told, process):
    source = Source()
    with pytest.raises(SystemExit) as caught:
        commands.until_the_end(source, work)
    assert caught.value.code == code
    assert source.asked == [("close", None)]
    assert len(process.hooked) == is_told, "the CDK's hook makes a message of it"


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (3, 3), (None, 0), ("a sentence", 1)])
def test_a_worker_that_is_in_a_request_is_not_waited_for(code, expected, process):
    process.workers.append(SimpleNamespace(name="worker"))
    with pytest.raises(Ended):
        commands._leave(code)
    assert process.exits == [expected]


# ----------------------------------------------------------------------------------------------------- an end by signal


def signalled(process, number, source):
    ending = commands._Ending(source)
    os.write(process.pipes[0][1], bytes([number]))
    assert process.has_ended.wait(10)
    return ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_gives_the_seats_back_in_time_says_what_was_read_and_ends_the_process(number, process):
    source = Source()
    ending = signalled(process, number, source)
    assert process.handlers[number] is commands._go_on, "the handler itself does nothing"
    assert source.asked == [("close", commands._SIGN_OUT_SECONDS), ("sum up", None)]
    assert process.timers == [9.0, 2.0], "it ends though signing out or printing hangs, and before Docker kills"
    assert process.exits[0] == ending.code == 128 + number


def test_what_waits_to_be_printed_is_printed_before_a_signal_ends_the_process(process, monkeypatch):
    monkeypatch.setattr(sys, "__stdout__", io.StringIO())
    commands.PRINT_BUFFER.write("a message\n")
    signalled(process, signal.SIGTERM, Source())
    assert sys.__stdout__.getvalue() == "a message\n"


def test_a_command_that_is_to_outlive_its_terminal_does(process, monkeypatch):
    monkeypatch.setattr(commands.signal, "getsignal", lambda _number: signal.SIG_IGN, raising=False)
    commands._Ending(Source())
    assert process.handlers.keys() == {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def test_where_nobody_reads_any_more_the_process_ends_nevertheless(process, monkeypatch):
    """The hook prints the error, to the pipe that is closed; workers may still wait for their messages to be taken."""
    source = Source()
    process.workers.append(SimpleNamespace(name="worker"))
    monkeypatch.setattr(commands, "sys", with_(sys, excepthook=fails_with(BrokenPipeError())))
    with pytest.raises(Ended):
        commands.until_the_end(source, fails_with(BrokenPipeError()))
    assert (source.asked, process.exits) == ([("close", None)], [1])


def test_after_a_signal_an_error_is_no_message_and_the_code_is_that_of_the_signal(process):
    ending = SimpleNamespace(number=signal.SIGTERM, code=128 + signal.SIGTERM)
    with pytest.raises(SystemExit) as caught:
        commands._run(Source(), ending, fails_with(ValueError("the client is closed")))
    assert caught.value.code == 143
    assert process.hooked == []


# ------------------------------------------------------------------------------------------------------------- printing


LONG = "x" * commands._LONG_CHARACTERS


@pytest.fixture
def printed(monkeypatch):
    """Prints these texts as a command does, and returns what has come out of the process, write by write."""

    class Pipe(io.StringIO):
        def __init__(self):
            super().__init__()
            self.writes = []

        def write(self, text):
            self.writes.append(text)
            return len(text)

    def of(texts, ending=SimpleNamespace(number=0, code=0)):  # noqa: B008 (nothing changes it)
        entrypoint = SimpleNamespace(parse_args=lambda arguments: arguments, run=lambda _arguments: texts)
        monkeypatch.setattr(commands, "Entrypoint", lambda _source: entrypoint)
        pipe = Pipe()
        # The buffer writes to the real one, the commands to that of their own copy.
        monkeypatch.setattr(sys, "__stdout__", pipe)
        monkeypatch.setattr(commands.sys, "__stdout__", pipe)
        monkeypatch.setattr(commands.sys, "stdout", commands.PRINT_BUFFER)
        try:
            commands._print(Source(), ["read"], ending)
        finally:
            commands.PRINT_BUFFER.flush()
        return [text for text in pipe.writes if text]

    return of


def test_long_texts_go_past_the_buffer_and_all_stay_in_their_order(printed):
    assert printed(["a", "b", LONG, "c", LONG]) == ["a\nb\n", f"{LONG}\n", "c\n", f"{LONG}\n"]


def test_nothing_is_printed_once_a_signal_has_come(printed):
    ending = SimpleNamespace(number=0, code=143)

    def texts():
        yield "a"
        ending.number = signal.SIGTERM
        yield "the run was ended"

    with pytest.raises(SystemExit) as caught:
        printed(texts(), ending)
    assert caught.value.code == 143
