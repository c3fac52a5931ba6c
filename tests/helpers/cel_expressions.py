"""Drawn expressions over the corpus' schema: mostly well-typed, so that they are run and not only refused."""

from __future__ import annotations

import re

from helpers.cel_corpus import FULL, OTHER, SMALL, SPEC
from helpers.cel_oracle import Question
from hypothesis import strategies as st

_LEAVES = {
    "int": "0 1 -1 2 7 9223372036854775807 self.count self.big self['a-b'] self.nested.deep.b",
    "uint": "0u 1u 18446744073709551615u",
    "double": "0.0 -0.0 1.5 1e300 self.ratio",
    "bool": "true false self.on has(self.text) has(self.nested.a) has(self.labels)",
    "string": "'' 'a' 'web-1' 'é' '1.5' '10.0.0.1' self.name self.text self.size self.maybe",
    "ints": "[] [1,2,3] [3,1] self.numbers",
    "strings": "[] ['a','b','a'] self.tags self.unique self.unbounded self.items.map(i,i.name)",
    "map": "{} {'a':1,'b':2} {'a':1}",
    "labels": "self.labels {'app':'x'}",
    "duration": "duration('90s') duration('-1h') self.span",
    "timestamp": "timestamp('2024-02-29T12:30:15Z') self.when",
    "dyn": "self.port dyn(1) dyn('a') null self.amounts['a'] dyn([1])",
    "quantity": "quantity('1Ki') quantity('500m') quantity(self.name)",
    "ip": "ip('10.0.0.1') ip('::1') ip(self.name)",
    "optional": "optional.of('a') optional.none() self.?text self.labels[?'app'] ['a'][?1]",
}
_CALLS = {
    "int": """
{int} + {int}  {int} - {int}  {int} * {int}  {int} / {int}  {int} % {int}  -({int})  size({string})
{strings}.size()  size({map})  int({string})  int({double})  int({uint})  {string}.indexOf({string})
{string}.lastIndexOf({string}, {int})  {ints}[{int}]  {map}['a']  {ints}.sum()  {ints}.min()
{ints}.indexOf({int})  {bool} ? {int} : {int}  {duration}.getMinutes()
{timestamp}.getDayOfWeek('Europe/Berlin')  {quantity}.asInteger()  {quantity}.sign()  {ip}.family()
{map}.?b.orValue({int})  int({timestamp})  int({dyn})""",
    "uint": """
{uint} + {uint}  {uint} - {uint}  {uint} / {uint}  uint({int})  uint({double})  uint({string})""",
    "double": """
{double} + {double}  {double} / {double}  double({int})  double({string})  -({double})""",
    "bool": """
{int} < {int}  {int} == {int}  {double} >= {double}  {int} <= {double}  {string} < {string}
{string} != {string}  !({bool})  {bool} && {bool}  {bool} || {bool}  {string}.startsWith({string})
{string}.contains({string})  {string}.matches('^[a-z]+$')  {int} in {ints}  {string} in {strings}
{string} in {labels}  {ints}.all(x, x > {int})  {strings}.exists(s, s == {string})
{strings}.exists_one(s, {bool})  {labels}.all(k, v, k < v)  {ints}.isSorted()
{strings} == {strings}  {dyn} == {dyn}  {map} == {map}  {bool} ? {bool} : {bool}
isQuantity({string})  {quantity}.isGreaterThan({quantity})  isIP({string})  {ip}.isLoopback()
cidr('10.0.0.0/8').containsIP({ip})  {optional}.hasValue()  {timestamp} > {timestamp}
{strings}.exists(i, s, i > {int} && s == {string})  isURL({string})  sets.contains({ints}, {ints})
sets.intersects({strings}, {strings})  type({dyn}) == int  {duration} < {duration}  {dyn} < {int}
bool({string})""",
    "string": """
{string} + {string}  {string}.lowerAscii()  {string}.upperAscii()  {string}.substring({int})
{string}.charAt({int})  {string}.substring({int}, {int})  {string}.replace({string}, {string})
{string}.trim()  {strings}.join({string})  string({int})  string({double})  string({duration})
string({timestamp})  {string}.find('[0-9]+')  {strings}[{int}]  {bool} ? {string} : {string}
{optional}.orValue({string})  {labels}['app']  '%s-%d'.format([{string}, {int}])
'%.2f'.format([{double}])  '%s'.format([{dyn}])  string({dyn})  {string}.reverse()  string({uint})""",
    "ints": """
{ints} + {ints}  [{int}, {int}]  {ints}.map(x, {int})  {ints}.filter(x, {bool})
{strings}.map(s, size(s))  lists.range(4)  {bool} ? {ints} : {ints}  {ints}.sort()
{ints}.distinct()  {ints}.slice(0, {int})  {ints}.reverse()  self.matrix.flatten()
{ints}.transformList(i, x, i + x)""",
    "strings": """
{strings} + {strings}  [{string}]  {strings}.map(s, {string})  {strings}.filter(s, {bool})
{string}.split({string})  {labels}.map(k, k)  {string}.findAll('[a-z]')  {strings}.sort()
{string}.split('', {int})  {strings}.sortBy(s, size(s))""",
    "map": """
{{string}: {int}}  {map}.transformMap(k, v, v + {int})  {'a': {int}}
{strings}.transformMap(i, s, i)""",
    "labels": """
{labels}.transformMap(k, v, v + {string})  {{string}: {string}}""",
    "duration": """
{duration} + {duration}  {timestamp} - {timestamp}  duration({string})
{bool} ? {duration} : {duration}""",
    "timestamp": """
{timestamp} + {duration}  {timestamp} - {duration}  timestamp({string})  timestamp({int})""",
    "dyn": """
{dyn} + {int}  dyn({string})  dyn({int})  dyn({double})  [dyn({int}), {dyn}][0]
{bool} ? dyn({int}) : {dyn}""",
    "quantity": """
{quantity}.add({quantity})  {quantity}.sub({int})  quantity(string({int}) + 'Mi')""",
    "ip": """
ip({string})  cidr('10.1.2.3/16').ip()""",
    "optional": """
{optional}.or({optional})  optional.of({string})  optional.ofNonZeroValue({string})
{strings}[?{int}]  {strings}.first()  {optional}.optMap(v, v + {string})
{optional}.optFlatMap(v, {optional})""",
}


_HOLE = re.compile(r"\{([a-z]+)\}")
_BETWEEN = re.compile(r"  +|\n")


_FORMS = {name: (leaves.split(), _BETWEEN.split(_CALLS[name].strip())) for name, leaves in _LEAVES.items()}


def _text(draw: st.DrawFn, name: str, depth: int) -> str:
    """A text of a type, its holes filled with texts of the types they name."""
    leaves, calls = _FORMS[name]
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(leaves))
    pieces = _HOLE.split(draw(st.sampled_from(calls)))
    return "".join(
        _bracketed(_text(draw, piece, depth - 1)) if place % 2 else piece
        for place, piece in enumerate(pieces)
    )


def _bracketed(text: str) -> str:
    plain = text.replace(".", "").replace("_", "").isalnum()
    return text if plain and not text[:1].isdigit() else f"({text})"


@st.composite
def expression_questions(draw: st.DrawFn) -> Question:
    """An expression of any type, and an object for it."""
    text = _text(draw, draw(st.sampled_from(sorted(_FORMS))), draw(st.integers(1, 3)))
    value = draw(st.sampled_from([FULL, SMALL, OTHER]))
    return {"expression": text, "types": {"self": SPEC}, "variables": {"self": value}}
