"""Custom resources: what a definition must be, when it is established, and what its objects must be.

    definition.py  the strategy of CustomResourceDefinitions, and structural-schema rules
    naming.py      names accepted, established: the conditions
    schema.py      a version's schema compiled: pruning, defaulting
    validation.py  a value against a schema, in the server's words
    value_checks.py    what keywords say of one value alone
    string_formats.py  formats of strings
    rules.py       CEL rules (`x-kubernetes-validations`), of definitions and on objects
    resources.py   the `Resource`s that a definition serves

What expressions mean is `reconcile.cel`'s.
"""

from reconcile.apiserver.customresources.naming import establish
from reconcile.apiserver.customresources.resources import custom_resources

__all__ = ["custom_resources", "establish"]
