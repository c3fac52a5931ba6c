"""The functions of expressions, a library a module, in the order in which Kubernetes adds them.

standard     operators, conversions, strings, times       ip, cidr    addresses and networks
times        getHours() and its like                      formats     format.named(), validate()
urls         url(), isURL(), …                            semvers     semver(), …
regexes      find(), findAll()                            mappings    what transformMap() stands on
lists        isSorted(), sum(), min(), max(), indexOf()   sequences   slice(), flatten(), sort(), …
optionals    optional.of(), orValue(), …
quantities   quantity(), isQuantity(), …
strings      charAt(), split(), format(), …
sets         sets.contains(), …
"""

from __future__ import annotations

from collections.abc import Callable

from reconcile.cel.declarations import Function
from reconcile.cel.libraries import (
    authorizer,
    cidr,
    formats,
    ip,
    lists,
    mappings,
    optionals,
    quantities,
    regexes,
    semvers,
    sequences,
    sets,
    standard,
    strings,
    times,
    urls,
)

LIBRARIES: tuple[Callable[[], list[Function]], ...] = (
    standard.declarations,
    times.declarations,
    urls.declarations,
    regexes.declarations,
    lists.declarations,
    authorizer.declarations,
    optionals.declarations,
    quantities.declarations,
    strings.declarations,
    sets.declarations,
    ip.declarations,
    cidr.declarations,
    formats.declarations,
    mappings.declarations,
    semvers.declarations,
    sequences.declarations,
)
