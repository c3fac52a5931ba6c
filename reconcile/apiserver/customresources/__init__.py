"""Custom resources: what a definition must be, when it is established, and what its objects must be.

    definition.py  the strategy of CustomResourceDefinitions, and structural-schema rules
    naming.py      names accepted, established: the conditions
    schema.py      a version's schema compiled: pruning, defaulting
    validation.py  a value against a schema, in the server's words
    resources.py   the `Resource`s that a definition serves

CEL rules (`x-kubernetes-validations`) are accepted and left to a `RuleEvaluator`; without one they are not
evaluated.
"""

from reconcile.apiserver.customresources.naming import establish
from reconcile.apiserver.customresources.resources import custom_resources
from reconcile.apiserver.customresources.rules import RuleEvaluator

__all__ = ["RuleEvaluator", "custom_resources", "establish"]
