"""How the demo speaks."""

from __future__ import annotations

import json
import textwrap
from decimal import Decimal
from typing import Any

from .settings import WIDTH


def title(number: str, text: str) -> None:
    print(f"\n{f'-- {number}. {text} ':-<{WIDTH}}")


def tell(text: str, indent: str = "  ") -> None:
    print(textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent=indent))


def shown(value: Any) -> str:
    """Short, on one line, with every digit of a number."""
    return str(value) if isinstance(value, Decimal) else textwrap.shorten(json.dumps(value, ensure_ascii=False), 40)


def masked(name: str, value: Any) -> str:
    return "****" if name in ("client_secret", "password") else json.dumps(value, ensure_ascii=False)
