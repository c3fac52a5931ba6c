"""RE2 patterns, as Go's regexp reads them: checked by its syntax rules, and run by Python's `re`.

Both match leftmost-first, so they find the same. What differs: Go's time is linear in the text, while a
pattern such as `(a+)+$` can take `re` very long; scripts (`\\p{Greek}`) go by the names of characters, and
only the common ones are known; Go refuses patterns whose compiled form is too large.

The rules and the words of the errors are those of Go's `regexp/syntax`.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from reconcile.cel.failure import Failure

_MAX_REPEAT = 1000
_MAX_DEPTH = 1000
_CATEGORIES = frozenset(
    [
        "C",
        "Cc",
        "Cf",
        "Co",
        "Cs",
        "Cn",
        "L",
        "LC",
        "Ll",
        "Lm",
        "Lo",
        "Lt",
        "Lu",
        "M",
        "Mc",
        "Me",
        "Mn",
        "N",
        "Nd",
        "Nl",
        "No",
        "P",
        "Pc",
        "Pd",
        "Pe",
        "Pf",
        "Pi",
        "Po",
        "Ps",
        "S",
        "Sc",
        "Sk",
        "Sm",
        "So",
        "Z",
        "Zl",
        "Zp",
        "Zs",
    ]
)
_SCRIPTS: dict[str, tuple[str, ...]] = {
    name.title(): (name,)
    for name in [
        "LATIN",
        "GREEK",
        "CYRILLIC",
        "ARMENIAN",
        "HEBREW",
        "ARABIC",
        "SYRIAC",
        "DEVANAGARI",
        "BENGALI",
        "GURMUKHI",
        "GUJARATI",
        "TAMIL",
        "TELUGU",
        "KANNADA",
        "MALAYALAM",
        "SINHALA",
        "THAI",
        "LAO",
        "TIBETAN",
        "MYANMAR",
        "GEORGIAN",
        "HANGUL",
        "ETHIOPIC",
        "CHEROKEE",
        "KHMER",
        "MONGOLIAN",
        "HIRAGANA",
        "KATAKANA",
        "BOPOMOFO",
        "BRAILLE",
        "COPTIC",
        "GOTHIC",
        "RUNIC",
        "OGHAM",
    ]
}
_SCRIPTS["Han"] = ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "CJK RADICAL", "KANGXI RADICAL")
_PERL = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F", "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~",
    "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ", "upper": "A-Z", "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_WORD = "[0-9A-Za-z_]"
_BOUNDARY = f"(?-i:(?<!{_WORD})(?={_WORD})|(?<={_WORD})(?!{_WORD}))"
_NO_BOUNDARY = f"(?-i:(?<!{_WORD})(?!{_WORD})|(?<={_WORD})(?={_WORD}))"


class PatternError(ValueError):
    """A pattern that RE2 does not take; the text is Go's, without its `error parsing regexp: `."""


def check_re2(pattern: str) -> str | None:
    """What is wrong with a pattern by RE2's rules, in Go's words; None for a good one.

    >>> check_re2("^[a-z]+$") is None
    True
    >>> check_re2("(?=a)")
    'invalid or unsupported Perl syntax: `(?=`'
    """
    try:
        compile_re2(pattern)
    except PatternError as error:
        return str(error)
    return None


@lru_cache(maxsize=2048)
def compile_re2(pattern: str) -> re.Pattern[str]:
    """A pattern of RE2 as one of Python's; groups are not numbered.

    Raises:
        PatternError: RE2 does not take it.
    """
    try:
        return re.compile(_Translator(pattern).translated())
    except (re.error, OverflowError, RecursionError):
        raise PatternError(f"expression too large: `{pattern}`") from None


def search(pattern: str, text: str) -> re.Match[str] | None:
    """The leftmost match in a text.

    Raises:
        Failure: the pattern is none.
    """
    try:
        return compile_re2(pattern).search(text)
    except PatternError as error:
        raise Failure(f"error parsing regexp: {error}") from None


def find_all(pattern: re.Pattern[str], text: str, most: int) -> list[str]:
    """All matches, as Go counts them: an empty one right after another does not count. Below 0, no limit."""
    found: list[str] = []
    place, last_end = 0, -1
    while place <= len(text) and (most < 0 or len(found) < most):
        match = pattern.search(text, place)
        if match is None:
            break
        start, end = match.span()
        if start == end:
            if start != last_end:
                found.append("")
            place = end + 1
        else:
            found.append(match.group())
            place = end
        last_end = end
    return found


@dataclass(slots=True)
class _Repeat:
    """A counted repetition with those inside it: nested, they may not multiply beyond 1000."""

    count: int
    inner: list[_Repeat] = field(default_factory=list["_Repeat"])

    def valid(self, left: int) -> bool:
        if self.count == 0:
            return True
        if self.count > left:
            return False
        if self.count > 0:
            left //= self.count
        return all(each.valid(left) for each in self.inner)


@dataclass(slots=True)
class _Atom:
    text: str
    repeats: list[_Repeat] = field(default_factory=list[_Repeat])


@dataclass(slots=True)
class _Flags:
    fold: bool = False
    multi_line: bool = False
    dot_all: bool = False
    lazy: bool = False

    def copy(self) -> _Flags:
        return _Flags(self.fold, self.multi_line, self.dot_all, self.lazy)


@dataclass(slots=True)
class _Group:
    """What is open: alternatives so far, and the flags to go back to."""

    flags: _Flags
    done: list[str] = field(default_factory=list[str])
    atoms: list[_Atom] = field(default_factory=list[_Atom])
    repeats: list[_Repeat] = field(default_factory=list[_Repeat])

    def close(self) -> _Atom:
        alternatives = [*self.done, "".join(atom.text for atom in self.atoms)]
        repeats = [*self.repeats, *(each for atom in self.atoms for each in atom.repeats)]
        return _Atom("|".join(alternatives), repeats)


class _Translator:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0
        self.flags = _Flags()
        self.groups: list[_Group] = [_Group(_Flags())]

    def translated(self) -> str:
        # Where the repetition before this place began: two in a row are an error.
        last_repeat: int | None = None
        while self.place < len(self.pattern):
            char = self.pattern[self.place]
            if char in "*+?":
                last_repeat = self._repeat(self.place, self.place + 1, char, 0, 0, last_repeat)
                continue
            if char == "{" and (counted := self._counted()) is not None:
                low, high, after = counted
                if low < 0 or low > _MAX_REPEAT or high > _MAX_REPEAT or 0 <= high < low:
                    raise PatternError(f"invalid repeat count: `{self.pattern[self.place : after]}`")
                last_repeat = self._repeat(self.place, after, "{", low, high, last_repeat)
                continue
            last_repeat = None
            self._one(char)
        if len(self.groups) != 1:
            raise PatternError(f"missing closing ): `{self.pattern}`")
        return self.groups[0].close().text

    def _one(self, char: str) -> None:
        if char == "(":
            if self.pattern.startswith("(?", self.place):
                self._flags_or_group()
            else:
                self.groups.append(_Group(self.flags.copy()))
                self.place += 1
            if len(self.groups) > _MAX_DEPTH:
                raise PatternError(f"expression nests too deeply: `{self.pattern}`")
        elif char == ")":
            if len(self.groups) == 1:
                raise PatternError(f"unexpected ): `{self.pattern}`")
            group = self.groups.pop()
            inner = group.close()
            self.flags = group.flags
            self._push(_Atom(f"(?:{inner.text})", inner.repeats))
            self.place += 1
        elif char == "|":
            group = self.groups[-1]
            group.done.append("".join(atom.text for atom in group.atoms))
            group.repeats += [each for atom in group.atoms for each in atom.repeats]
            group.atoms = []
            self.place += 1
        elif char == "[":
            self._push(_Atom(self._class()))
        elif char == "\\":
            self._escaped()
        else:
            self.place += 1
            if char == "^":
                self._push(_Atom("(?m:^)" if self.flags.multi_line else r"\A"))
            elif char == "$":
                self._push(_Atom("(?m:$)" if self.flags.multi_line else r"\Z"))
            elif char == ".":
                self._push(_Atom("(?s:.)" if self.flags.dot_all else "[^\\n]"))
            else:
                self._literal(char)

    def _push(self, atom: _Atom) -> None:
        self.groups[-1].atoms.append(atom)

    def _literal(self, char: str) -> None:
        text = _plain(char)
        self._push(_Atom(f"(?i:{text})" if self.flags.fold and _has_cases(char) else text))

    # Repetitions

    def _counted(self) -> tuple[int, int, int] | None:
        match = _COUNTED.match(self.pattern, self.place)
        if match is None:
            return None
        low = int(match.group(1))
        if match.group(2) is None:
            high = low
        elif match.group(2) == ",":
            high = -1
        else:
            high = int(match.group(2)[1:])
            if high >= 10**8:
                low = -1
        return low if low < 10**8 else -1, high, match.end()

    def _repeat(self, start: int, after: int, op: str, low: int, high: int, last: int | None) -> int:
        lazy = self.flags.lazy
        if self.pattern.startswith("?", after):
            after += 1
            lazy = not lazy
        if last is not None:
            raise PatternError(f"invalid nested repetition operator: `{self.pattern[last:after]}`")
        written = self.pattern[start:after]
        atoms = self.groups[-1].atoms
        if not atoms:
            raise PatternError(f"missing argument to repetition operator: `{written}`")
        atom = atoms[-1]
        mark = op
        repeats = atom.repeats
        if op == "{":
            mark = f"{{{low}}}" if low == high else f"{{{low},{'' if high < 0 else high}}}"
            repeats = [_Repeat(low if high < 0 else high, atom.repeats)]
            if (low >= 2 or high >= 2) and not all(each.valid(_MAX_REPEAT) for each in repeats):
                raise PatternError(f"invalid repeat count: `{written}`")
        atoms[-1] = _Atom(f"(?:{atom.text}){mark}{'?' if lazy else ''}", repeats)
        self.place = after
        return start

    # Groups and flags

    def _flags_or_group(self) -> None:
        start = self.place
        named = next((mark for mark in ("(?P<", "(?<") if self.pattern.startswith(mark, start)), None)
        if named and len(self.pattern) > start + len(named):
            end = self.pattern.find(">", start)
            if end < 0:
                raise PatternError(f"invalid named capture: `{self.pattern[start:]}`")
            name = self.pattern[start + len(named) : end]
            if not re.fullmatch(r"\w+", name):
                raise PatternError(f"invalid named capture: `{self.pattern[start : end + 1]}`")
            self.groups.append(_Group(self.flags.copy()))
            self.place = end + 1
            return
        flags, on, seen = self.flags.copy(), True, False
        place = start + 2
        while place < len(self.pattern):
            char = self.pattern[place]
            place += 1
            if char in "imsU":
                setattr(flags, _FLAGS[char], on)
                seen = True
            elif char == "-" and on:
                on, seen = False, False
            elif char in ":)" and (on or seen):
                if char == ":":
                    self.groups.append(_Group(self.flags.copy()))
                self.flags = flags
                self.place = place
                return
            else:
                break
        raise PatternError(f"invalid or unsupported Perl syntax: `{self.pattern[start:place]}`")

    # Escapes and classes

    def _escaped(self) -> None:
        start = self.place
        letter = self.pattern[start + 1 : start + 2]
        simple = {"A": r"\A", "z": r"\Z", "b": _BOUNDARY, "B": _NO_BOUNDARY}.get(letter)
        if simple is not None:
            self.place += 2
            self._push(_Atom(simple))
        elif letter == "C":
            raise PatternError(r"invalid escape sequence: `\C`")
        elif letter == "Q":
            quoted, _, _ = self.pattern[start + 2 :].partition(r"\E")
            self.place = min(start + 2 + len(quoted) + 2, len(self.pattern))
            for char in quoted:
                self._literal(char)
        elif letter and letter in "pP":
            self._push(_Atom(self._folded(f"[{self._unicode_class()}]")))
        elif letter and letter in "dswDSW":
            self.place += 2
            inner = _PERL[letter.lower()]
            self._push(_Atom(self._folded(f"[{'^' if letter.isupper() else ''}{inner}]")))
        else:
            self._literal(self._escape())

    def _folded(self, text: str) -> str:
        return f"(?i:{text})" if self.flags.fold else text

    def _escape(self) -> str:
        """The one character that an escape stands for."""
        start = self.place
        place = start + 1
        if place >= len(self.pattern):
            raise PatternError("trailing backslash at end of expression: ``")
        char = self.pattern[place]
        place += 1
        rest = self.pattern
        if char in _SIMPLE_ESCAPES:
            self.place = place
            return _SIMPLE_ESCAPES[char]
        if char in "01234567" and (char == "0" or rest[place : place + 1] in tuple("01234567")):
            code = int(char)
            for _ in range(2):
                if rest[place : place + 1] not in tuple("01234567"):
                    break
                code = code * 8 + int(rest[place])
                place += 1
            self.place = place
            return chr(code)
        if char == "x":
            match = _HEX.match(rest, place)
            if match is not None:
                code = int(match.group(1) or match.group(2), 16)
                if code <= sys.maxunicode:
                    self.place = match.end()
                    return chr(code)
                place = start + 4
                while int(rest[start + 3 : place], 16) <= sys.maxunicode:
                    place += 1
                raise PatternError(f"invalid escape sequence: `{rest[start:place]}`")
            bad = _BAD_HEX.match(rest, place)
            place = bad.end() if bad else place
        elif ord(char) < 0x80 and not char.isalnum():
            self.place = place
            return char
        raise PatternError(f"invalid escape sequence: `{rest[start:place]}`")

    def _class(self) -> str:
        start = self.place
        self.place += 1
        negated = self.pattern.startswith("^", self.place)
        self.place += negated
        parts: list[str] = []
        first = True
        while self.place >= len(self.pattern) or self.pattern[self.place] != "]" or first:
            first = False
            if self.pattern.startswith("[:", self.place):
                end = self.pattern.find(":]", self.place + 2)
                if end >= 0:
                    parts.append(self._posix(self.pattern[self.place : end + 2]))
                    self.place = end + 2
                    continue
            letter = self.pattern[self.place + 1 : self.place + 2]
            if self.pattern.startswith("\\", self.place) and letter and letter in "pPdswDSW":
                if letter in "pP":
                    parts.append(self._unicode_class())
                else:
                    inner = _PERL[letter.lower()]
                    parts.append(inner if letter.islower() else _complement(inner))
                    self.place += 2
                continue
            begin = self.place
            low = high = self._class_char(start)
            following = self.pattern[self.place + 1 : self.place + 2]
            if self.pattern.startswith("-", self.place) and following and following != "]":
                self.place += 1
                high = self._class_char(start)
                if high < low:
                    wrong = self.pattern[begin : self.place]
                    raise PatternError(f"invalid character class range: `{wrong}`")
            parts.append(_in_class(low) if low == high else f"{_in_class(low)}-{_in_class(high)}")
        self.place += 1
        inner = "".join(parts)
        if not inner:
            return "(?s:.)" if negated else "(?!)"
        return self._folded(f"[{'^' if negated else ''}{inner}]")

    def _class_char(self, start: int) -> str:
        if self.place >= len(self.pattern):
            raise PatternError(f"missing closing ]: `{self.pattern[start:]}`")
        char = self.pattern[self.place]
        if char == "\\":
            return self._escape()
        self.place += 1
        return char

    def _posix(self, written: str) -> str:
        name = written[2:-2]
        negated = name.startswith("^")
        inner = _POSIX.get(name.removeprefix("^"))
        if inner is None:
            raise PatternError(f"invalid character class range: `{written}`")
        return _complement(inner) if negated else inner

    def _unicode_class(self) -> str:
        start = self.place
        negated = self.pattern[start + 1] == "P"
        if start + 2 >= len(self.pattern):
            raise PatternError(f"invalid character class range: `{self.pattern[start:]}`")
        if self.pattern[start + 2] == "{":
            end = self.pattern.find("}", start)
            if end < 0:
                raise PatternError(f"invalid character class range: `{self.pattern[start:]}`")
            name, self.place = self.pattern[start + 3 : end], end + 1
        else:
            name, self.place = self.pattern[start + 2], start + 3
        if name.startswith("^"):
            negated, name = not negated, name[1:]
        ranges = _unicode_ranges(name)
        if ranges is None:
            written = self.pattern[start : self.place]
            raise PatternError(f"invalid character class range: `{written}`")
        return _complement(ranges) if negated else ranges


_FLAGS = {"i": "fold", "m": "multi_line", "s": "dot_all", "U": "lazy"}
_SIMPLE_ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_COUNTED = re.compile(r"\{(0|[1-9][0-9]*)(,(?:0|[1-9][0-9]*)|,)?\}")
_HEX = re.compile(r"\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2})")
_BAD_HEX = re.compile(r"\{[0-9a-fA-F]*.?|.{1,2}", re.DOTALL)
_SPECIAL = frozenset(r"\.^$*+?{}[]|()#&~- " + "\t\n\r\v\f")


def _plain(char: str) -> str:
    return f"\\{char}" if char in _SPECIAL else char


def _in_class(char: str) -> str:
    return f"\\{char}" if char in "\\]^-[&~|" else char


def _has_cases(char: str) -> bool:
    return char.lower() != char or char.upper() != char


def _complement(inner: str) -> str:
    """What a class does not hold, as the inside of a class."""
    holds = re.compile(f"[{inner}]")
    return _ranges(code for code in range(sys.maxunicode + 1) if not holds.match(chr(code)))


@lru_cache(maxsize=64)
def _unicode_ranges(name: str) -> str | None:
    """The inside of a class for a category or script; None for one that is not known."""
    plain = name.replace("_", "").replace("-", "").replace(" ", "").lower()
    if plain == "any":
        return r"\x00-\U0010FFFF"
    if plain == "ascii":
        return r"\x00-\x7F"
    if plain == "assigned":
        return _ranges(code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) != "Cn")
    category = next((each for each in _CATEGORIES if each.lower() == plain), None)
    if category == "LC":
        wanted = ("Ll", "Lt", "Lu")
        return _ranges(
            code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in wanted
        )
    if category is not None:
        # Go's C leaves out what is not assigned.
        skipped = "Cn" if category == "C" else ""
        return _ranges(
            code
            for code in range(sys.maxunicode + 1)
            if (found := unicodedata.category(chr(code))).startswith(category) and found != skipped
        )
    script = next((each for each in _SCRIPTS if each.replace("_", "").lower() == plain), None)
    if script is None:
        return None
    prefixes = _SCRIPTS[script]
    return _ranges(
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.name(chr(code), "").startswith(prefixes)
        and unicodedata.category(chr(code))[0] in "LMN"
    )


def _ranges(codes: Iterable[int]) -> str:
    parts: list[str] = []
    first = last = -2
    for code in codes:
        if code != last + 1:
            if first >= 0:
                parts.append(_span(first, last))
            first = code
        last = code
    if first >= 0:
        parts.append(_span(first, last))
    return "".join(parts)


def _span(first: int, last: int) -> str:
    return f"\\U{first:08X}" if first == last else f"\\U{first:08X}-\\U{last:08X}"
