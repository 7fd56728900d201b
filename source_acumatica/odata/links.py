"""Finds what a link to a further page names below the address of a service."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


def below(root: str, link: str) -> str | None:
    """Path and query of a link below the service at ``root``, in any directory; None if it leads elsewhere."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    path = parts.path
    if "\\" in unquote(path) or ".." in unquote(path).split("/"):
        return None
    if parts.scheme or parts.netloc or path.startswith("/"):
        ours = [_spelt(segment) for segment in root.split("/") if segment]
        theirs = [segment for segment in path.split("/") if segment]
        begins = range(len(theirs) - len(ours))
        begin = next((at for at in begins if [*map(_spelt, theirs[at : at + len(ours)])] == ours), None)
        if begin is None:
            return None
        path = "/".join(theirs[begin + len(ours) :])
    below = f"{path}?{parts.query}" if parts.query else path
    return below or None


def _spelt(segment: str) -> str:
    """A segment of a path in one spelling: with percent codes or without, a plus or a space, in capitals or not."""
    return unquote(segment.replace("+", " ")).replace("+", " ").casefold()
