"""What the `$filter` languages of both APIs have in common: tokens, operators, and what compares with what."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip


class Family(Enum):
    """Kinds that compare with each other."""

    TEXT = "text"
    NUMBER = "number"
    TRUTH = "truth"
    INSTANT = "instant"
    IDENTITY = "identity"


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    position: int
    cf_kind: str = ""
    cf_path: str = ""


class TokenReader:
    """The tokens of a filter, one after another; both grammars are read so."""

    refusal: Callable[[str], Exception]

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._text, self._tokens, self._at = text, tokens, 0

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> str:
        """The token at hand if it is one of these words or marks, else nothing."""
        if self._now.kind not in ("name", "mark") or self._now.text not in texts:
            return ""
        self._at += 1
        return self._tokens[self._at - 1].text

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._syntax_error()

    def _syntax_error(self) -> Exception:
        return type(self).refusal(f"Syntax error at position {self._now.position} in '{self._text}'.")


def six_digits(text: str) -> str:
    """.NET allows up to seven digits of a second; Python before 3.11 wanted three or six, and none reads seven."""
    return re.sub(r"\.(\d+)", lambda match: "." + match[1][:6].ljust(6, "0"), text)
