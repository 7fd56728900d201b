"""What a package consists of, and what its modules import: for the tests that hold an order between them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Package:
    """A package by its dotted name; its modules are named by their paths in it, without `.py`."""

    name: str

    @cached_property
    def modules(self) -> Mapping[str, ast.Module]:
        """Parsed, and not loaded."""
        return _Parsed(ROOT.joinpath(*self.name.split(".")))

    def own_imports(self, module: str) -> Iterator[str]:
        """The modules of the package that a module imports, be it in a function or for its types only."""
        for node in ast.walk(self.modules[module]):
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{self.name}."):
                place = str(node.module).removeprefix(self.name).removeprefix(".").replace(".", "/") or "__init__"
                # A folder by itself has no names but those of its modules.
                yield from [place] if place in self.modules else (f"{place}/{alias.name}" for alias in node.names)


class _Parsed(Mapping[str, ast.Module]):
    """Each when it is looked at: each process of the tests collects them by name, and looks at a part."""

    def __init__(self, place: Path) -> None:
        self._paths = {path.relative_to(place).with_suffix("").as_posix(): path for path in sorted(place.rglob("*.py"))}
        self._parsed: dict[str, ast.Module] = {}

    def __getitem__(self, module: str) -> ast.Module:
        if module not in self._parsed:
            self._parsed[module] = ast.parse(self._paths[module].read_text())
        return self._parsed[module]

    def __contains__(self, module: object) -> bool:
        return module in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the package"
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def opens_with_one_sentence(tree: ast.Module) -> bool:
    first, _, rest = (ast.get_docstring(tree) or "").partition("\n")
    return first.endswith((".", ":")) and ". " not in first and (not rest or rest.startswith("\n"))
