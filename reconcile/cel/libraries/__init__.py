"""The functions of expressions, a library a module, in the order in which Kubernetes adds them.

    standard    operators, conversions, strings            sets        sets.contains(), …
    times       getHours() and its like                    ip, cidr    addresses and networks
    urls        url(), isURL(), …                          formats     format.named(), validate()
    regexes     find(), findAll()                          mappings    what transformMap() stands on
    lists       isSorted(), sum(), min(), indexOf(), …     semvers     semver(), …
    authorizer  declared alone                             sequences   slice(), flatten(), sort(), …
    optionals   optional.of(), orValue(), …                strings     charAt(), split(), format(), …
    quantities  quantity(), isQuantity(), …

Each module's `declarations()` makes them anew; `declarations.functions()` keeps them.
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
