"""From text to tree: cel-spec's grammar, with optional field selection as cel-go has it."""

from __future__ import annotations

from typing import Any

from reconcile.cel.errors import CelSyntaxError, Issue
from reconcile.cel.lexer import RESERVED, Token, bytes_value, string_value, syntax_error, tokens
from reconcile.cel.macros import BINDINGS, MACROS, MacroError, MacroHelper
from reconcile.cel.numerals import parse_double
from reconcile.cel.syntax import (
    Call,
    Entry,
    Expr,
    FieldValue,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    StructExpr,
    Tree,
    line_and_column,
)
from reconcile.cel.values import UInt

_MAX_CHARACTERS = 100_000
_MAX_DEPTH = 250
_LOGICAL = {"||": "_||_", "&&": "_&&_"}
_BINARY = {
    "<": "_<_", "<=": "_<=_", ">=": "_>=_", ">": "_>_", "==": "_==_", "!=": "_!=_", "in": "@in",
    "+": "_+_", "-": "_-_", "*": "_*_", "/": "_/_", "%": "_%_",
}  # fmt: skip
_PRECEDENCE = {
    "||": 1, "&&": 2,
    "<": 3, "<=": 3, ">=": 3, ">": 3, "==": 3, "!=": 3, "in": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip


def parse(text: str, *, bindings: bool = False) -> Tree:
    """The tree of an expression, its macros expanded; with `bindings`, `cel.bind` is one of them.

    Raises:
        CelSyntaxError: it is none; all issues that could be found are in it.
    """
    if len(text) > _MAX_CHARACTERS:
        raise too_large(
            text, f"expression code point size exceeds limit: size: {len(text)}, limit {_MAX_CHARACTERS}"
        )
    parser = _Parser(text)
    if bindings:
        parser.macros = {**MACROS, **BINDINGS}
    try:
        root = parser.expression()
        parser.expect("end")
    except RecursionError:
        raise too_large(text) from None
    if parser.issues:
        issues = sorted(parser.issues, key=lambda issue: (issue.line, issue.column))
        shown = "\n".join(issue.shown(text) for issue in issues)
        raise CelSyntaxError(shown, expression=text, issues=issues)
    return Tree(text, root, parser.offsets)


def too_large(text: str, message: str = "max recursion depth exceeded") -> CelSyntaxError:
    """An expression that is too long, or nested too deeply."""
    issue = Issue(message, -1, 0)
    return CelSyntaxError(issue.shown(text), expression=text, issues=[issue])


_STARTS = "STRING, BYTES, IDENTIFIER}"
_STARTING = frozenset(
    (
        "[",
        "{",
        "(",
        ".",
        "-",
        "!",
        "true",
        "false",
        "null",
        "float",
        "int",
        "uint",
        "string",
        "bytes",
        "ident",
    )
)
"""The words that an expression begins with; how messages end that list all of them."""
_NESTING = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


class _Parser:
    """One pass, left to right. Problems that leave the grammar intact are collected, others end it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0
        self.next_id = 1
        self.depth = 0
        self.unclosed = 0
        self.offsets: dict[int, int] = {}
        self.issues: list[Issue] = []
        self.macros = MACROS

    # Words

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.tokens[self.place]
        self.place += 1
        self.unclosed += _NESTING.get(token.kind, 0)
        return token

    def accept(self, kind: str) -> Token | None:
        return self.take() if self.tokens[self.place].kind == kind else None

    def expect(self, kind: str) -> Token:
        if self.tokens[self.place].kind == kind:
            return self.take()
        if kind == ")" and self.token.kind == "end" and self.unclosed == 1:
            # With it, the expression would be whole.
            raise syntax_error(self.text, self.token.offset, f"missing '{kind}' at '<EOF>'")
        raise self.unexpected(f"'{kind}'" if kind != "end" else "<EOF>")

    def unexpected(self, wanted: str) -> CelSyntaxError:
        token = self.token
        after = self.tokens[self.place + 1].kind if token.kind != "end" else ""
        # Without this word, the expression would go on as it should.
        fits = after == "end" if wanted == "<EOF>" else wanted.endswith(_STARTS) and after in _STARTING
        name = "extraneous" if fits else "mismatched"
        return syntax_error(self.text, token.offset, f"{name} input '{token.text}' expecting {wanted}")

    # Nodes

    def id(self, offset: int) -> int:
        number = self.next_id
        self.next_id = number + 1
        self.offsets[number] = offset
        return number

    def report(self, offset: int, message: str) -> Expr:
        """Note a problem and go on with something in its place."""
        line, column = line_and_column(self.text, offset)
        self.issues.append(Issue(message, line, column, offset))
        return Literal(self.id(offset), None)

    def call(self, offset: int, function: str, args: list[Expr], target: Expr | None = None) -> Expr:
        macro = self.macros.get((function, len(args), target is not None))
        if macro is not None:
            helper = MacroHelper(self.id, offset, self.offsets)
            try:
                expanded = macro(helper, target, args)
            except MacroError as error:
                return self.report(error.offset, error.message)
            if expanded is not None:
                return expanded
        return Call(self.id(offset), function, args, target)

    # Grammar, loosest first

    def expression(self) -> Expr:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise RecursionError
        result = self.binary(1)
        question = self.accept("?")
        if question:
            number = self.id(question.offset)
            self.unclosed += 1
            then = self.binary(1)
            self.expect(":")
            self.unclosed -= 1
            result = Call(number, "_?_:_", [result, then, self.expression()])
        self.depth -= 1
        return result

    def binary(self, loosest: int) -> Expr:
        """Operators that bind at least so tightly, from left to right."""
        left = self.unary()
        chained = 0
        while True:
            kind = self.token.kind
            binds = _PRECEDENCE.get(kind, 0)
            if binds < loosest:
                return left
            if kind in _LOGICAL:
                left = self._logical(left, kind, binds + 1)
                continue
            chained = self._chain(chained)
            operator = self.take()
            number = self.id(operator.offset)
            left = Call(number, _BINARY[kind], [left, self.binary(binds + 1)])

    def _logical(self, first: Expr, kind: str, tighter: int) -> Expr:
        terms, numbers = [first], list[int]()
        while (operator := self.accept(kind)) is not None:
            terms.append(self.binary(tighter))
            numbers.append(self.id(operator.offset))
        return _balanced(_LOGICAL[kind], terms, numbers)

    def _chain(self, length: int) -> int:
        if length + self.depth >= _MAX_DEPTH:
            raise RecursionError
        return length + 1

    def unary(self) -> Expr:
        first = self.token
        if first.kind not in ("!", "-"):
            return self.member()
        # A minus right before a number is part of it.
        if first.kind == "-" and self.tokens[self.place + 1].kind in ("int", "float"):
            return self.member()
        count = 0
        while self.token.kind == first.kind:
            self.take()
            count += 1
        if count % 2 == 0:
            return self.member()
        number = self.id(first.offset)
        return Call(number, "!_" if first.kind == "!" else "-_", [self.member()])

    def member(self) -> Expr:
        result = self.primary()
        chained = 0
        while True:
            kind = self.token.kind
            if kind == ".":
                chained = self._chain(chained)
                result = self._dotted(result)
            elif kind == "[":
                chained = self._chain(chained)
                bracket = self.take()
                optional = self.accept("?")
                number = self.id(bracket.offset)
                index = self.expression()
                self.expect("]")
                result = Call(number, "_[?_]" if optional else "_[_]", [result, index])
            else:
                return result

    def _dotted(self, operand: Expr) -> Expr:
        dot = self.take()
        optional = self.accept("?")
        name = self.token
        if name.kind not in ("ident", "quoted"):
            after = "" if name.kind == "end" else name.text
            text = f"no viable alternative at input '.{'?' if optional else ''}{after}'"
            raise syntax_error(self.text, name.offset, text)
        self.take()
        if name.kind == "quoted":
            self.report(name.offset, "unsupported syntax: '`'")
        elif not optional and self.token.kind == "(":
            bracket = self.take()
            return self.call(bracket.offset, name.text, self.arguments(), operand)
        if optional:
            number = self.id(dot.offset)
            return Call(number, "_?._", [operand, Literal(self.id(name.offset), name.text)])
        return Select(self.id(dot.offset), operand, name.text)

    def arguments(self) -> list[Expr]:
        found: list[Expr] = []
        if self.accept(")"):
            return found
        found.append(self.expression())
        while self.accept(","):
            found.append(self.expression())
        self.expect(")")
        return found

    def primary(self) -> Expr:
        token = self.token
        kind = token.kind
        if kind == "(":
            self.take()
            inner = self.expression()
            self.expect(")")
            return inner
        if kind == "[":
            return self._list()
        if kind == "{":
            return self._map()
        if kind in ("ident", "."):
            return self._named()
        return self._literal()

    def _named(self) -> Expr:
        first = self.token
        dot = self.accept(".")
        if dot and self.token.kind != "ident":
            after = "" if self.token.kind == "end" else self.token.text
            raise syntax_error(self.text, self.token.offset, f"no viable alternative at input '.{after}'")
        if self.token.kind != "ident":
            raise self.unexpected("IDENTIFIER")
        name = self.take()
        struct = self._struct_name(name)
        if struct is not None:
            return self._struct(("." if dot else "") + struct)
        if name.text in RESERVED:
            problem = self.report(first.offset, f"reserved identifier: {name.text}")
            if self.accept("("):
                self.arguments()
            return problem
        full = f".{name.text}" if dot else name.text
        if self.token.kind == "(":
            bracket = self.take()
            return self.call(bracket.offset, full, self.arguments())
        return Ident(self.id(name.offset), full)

    def _struct_name(self, name: Token) -> str | None:
        """The type's name where `a.b.C{` stands; None for anything else, nothing taken."""
        place, names = self.place, [name.text]
        while self.tokens[place].kind == "." and self.tokens[place + 1].kind == "ident":
            names.append(self.tokens[place + 1].text)
            place += 2
        if self.tokens[place].kind != "{":
            return None
        self.place = place
        return ".".join(names)

    def _struct(self, type_name: str) -> Expr:
        bracket = self.take()
        number = self.id(bracket.offset)
        fields: list[FieldValue] = []
        while self.token.kind != "}":
            optional = self.accept("?") is not None
            name = self.token
            if name.kind not in ("ident", "quoted"):
                raise self.unexpected("{'}', ',', IDENTIFIER}")
            self.take()
            if name.kind == "quoted":
                self.report(name.offset, "unsupported syntax: '`'")
            colon = self.expect(":")
            fields.append(FieldValue(self.id(colon.offset), name.text, self.expression(), optional))
            if not self.accept(","):
                break
        self.expect("}")
        return StructExpr(number, type_name, fields)

    def _list(self) -> Expr:
        bracket = self.take()
        number = self.id(bracket.offset)
        elements: list[Expr] = []
        optional: set[int] = set()
        while self.token.kind != "]":
            if not elements and self.accept(","):
                break
            if self.accept("?"):
                optional.add(len(elements))
            elements.append(self.expression())
            if not self.accept(","):
                break
        self.expect("]")
        return ListExpr(number, elements, frozenset(optional))

    def _map(self) -> Expr:
        bracket = self.take()
        number = self.id(bracket.offset)
        entries: list[Entry] = []
        while self.token.kind != "}":
            if not entries and self.accept(","):
                break
            optional = self.accept("?") is not None
            key = self.expression()
            colon = self.expect(":")
            entry_id = self.id(colon.offset)
            entries.append(Entry(entry_id, key, self.expression(), optional))
            if not self.accept(","):
                break
        self.expect("}")
        return MapExpr(number, entries)

    def _literal(self) -> Expr:
        first = self.token
        minus = self.accept("-")
        token = self.token
        value: Any
        if token.kind == "int":
            self.take()
            value = int(token.text, 16) if token.text.startswith("0x") else int(token.text)
            value = -value if minus else value
            if not -(2**63) <= value < 2**63:
                return self.report(first.offset, "invalid int literal")
        elif token.kind == "float":
            self.take()
            value = parse_double(token.text)
            if value is None or value in (float("inf"), float("-inf")):
                return self.report(first.offset, "invalid double literal")
            value = -value if minus else value
        elif minus:
            raise self.unexpected("{NUM_FLOAT, NUM_INT}")
        elif token.kind == "uint":
            self.take()
            digits = token.text[:-1]
            number = int(digits, 16) if digits.startswith("0x") else int(digits)
            if number >= 2**64:
                return self.report(first.offset, "invalid uint literal")
            value = UInt(number)
        elif token.kind in ("string", "bytes"):
            self.take()
            try:
                value = string_value(token.text) if token.kind == "string" else bytes_value(token.text)
            except ValueError as error:
                return self.report(first.offset, str(error))
        elif token.kind in ("true", "false", "null"):
            self.take()
            value = {"true": True, "false": False, "null": None}[token.kind]
        else:
            wanted = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, "
            raise self.unexpected(wanted + _STARTS)
        return Literal(self.id(first.offset), value)


def _balanced(function: str, terms: list[Expr], numbers: list[int]) -> Expr:
    """A chain of && or || as a tree of little depth, as cel-go builds it."""
    if len(terms) == 1:
        return terms[0]

    def build(low: int, high: int) -> Expr:
        middle = (low + high + 1) // 2
        left = terms[middle] if middle == low else build(low, middle - 1)
        right = terms[middle + 1] if middle == high else build(middle + 1, high)
        return Call(numbers[middle], function, [left, right])

    return build(0, len(numbers) - 1)
