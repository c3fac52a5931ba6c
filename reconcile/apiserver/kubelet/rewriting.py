"""Addresses in what comes through a proxy: those of the same host lead through the proxy again."""

from __future__ import annotations

import html
import posixpath
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_URLS: Final = {
    "a": {"href"}, "applet": {"codebase"}, "area": {"href"}, "audio": {"src"}, "base": {"href"},
    "blockquote": {"cite"}, "body": {"background"}, "button": {"formaction"}, "command": {"icon"},
    "del": {"cite"}, "embed": {"src"}, "form": {"action"}, "frame": {"longdesc", "src"},
    "head": {"profile"}, "html": {"manifest"}, "iframe": {"longdesc", "src"},
    "img": {"longdesc", "src", "usemap"}, "input": {"src", "usemap", "formaction"}, "ins": {"cite"},
    "link": {"href"}, "object": {"classid", "codebase", "data", "usemap"}, "q": {"cite"}, "script": {"src"},
    "source": {"src"}, "video": {"poster", "src"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Where the proxied pages seem to be.

    Attributes:
        prefix: the path of the proxy, which their paths come behind.
        backend: host and port that is proxied to.
        asked: the Host header of the request.
    """

    prefix: str
    backend: str
    asked: str

    def url(self, text: str) -> str:
        """An address of the same host, or without one, with the proxy's path before its own."""
        try:
            found = urlsplit(text)
        except ValueError:
            return text
        other = found.netloc and found.netloc not in (self.backend, self.asked)
        if other or not found.path.startswith("/"):
            return text
        scheme, host = (found.scheme, found.netloc) if found.netloc == self.asked else ("", "")
        path = found.path
        if not path.startswith(self.prefix):
            joined = posixpath.normpath(f"{self.prefix}/{path}".replace("//", "/"))
            path = f"{joined}/" if path.endswith("/") and not joined.endswith("/") else joined
        return urlunsplit((scheme, host, path, found.query, found.fragment))

    def page(self, text: str) -> str:
        """A page of HTML with its addresses rewritten."""
        parser = _Page(self)
        parser.feed(text)
        parser.close()
        return "".join(parser.parts)


class _Page(HTMLParser):
    """Writes down what it reads, as it is but for the tags that have addresses."""

    def __init__(self, rewriting: Rewriting) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._rewriting = rewriting

    def _tag(self, tag: str, attrs: list[tuple[str, str | None]], end: str) -> None:
        wanted = _URLS.get(tag)
        if wanted is None:
            self.parts.append(self.get_starttag_text() or "")
            return
        written = [
            f' {name}="{html.escape(self._rewriting.url(value or "") if name in wanted else value or "")}"'
            for name, value in attrs
        ]
        self.parts.append(f"<{tag}{''.join(written)}{end}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs, ">")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag(tag, attrs, "/>")

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.parts.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.parts.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.parts.append(f"<![{data}]>")
