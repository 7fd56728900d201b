"""The entry point of the command ``source-acumatica`` and of the container: it loads only what a command needs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from source_acumatica.specification import specification_message


def run() -> None:
    """Run one command of the Airbyte protocol, as ``commands.run_command`` does.

    The specification is asked for often, and by itself: it is printed without the CDK, whose import takes ten times as
    long as all the rest.
    """
    if sys.argv[1:] == ["spec"]:
        sys.stdout.write(f"{specification_message()}\n")
        return
    with _quick_imports():
        from source_acumatica.commands import run_command
    run_command()


@contextmanager
def _quick_imports() -> Iterator[None]:
    """Load what a command needs without work that nothing comes of; it took two fifths of the time to load the CDK.

    Modules are no garbage, so none is looked for; it is again once the command begins. And the protocol's classes are
    not searched for comments on their attributes (BEHAVIOR.md, fact 240).
    """
    gc.disable()
    try:
        comments: Any = import_module("attributes_doc")
    except ImportError:  # another release of the CDK may do without it
        comments = SimpleNamespace(get_attributes_doc=None)
    search, comments.get_attributes_doc = comments.get_attributes_doc, lambda _class: {}
    try:
        yield
    finally:
        comments.get_attributes_doc = search
        gc.enable()


if __name__ == "__main__":
    run()
