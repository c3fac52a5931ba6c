"""`reconcile.Model` and `reconcile.CustomResource`: custom kinds that can also be asked for their rules.

They are those of `reconcile.objects.custom`, a room that knows nothing of schemas and expressions, with one
method more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from reconcile.objects import custom

if TYPE_CHECKING:
    from reconcile.cel.results import Violation


class Model(custom.Model):
    __doc__ = custom.Model.__doc__

    def validate_cel(self, old: Self | None = None) -> tuple[Violation, ...]:
        """The rules in CEL that this object breaks: what a server would say, without one.

        They are asked of what would be written: None is absent, defaults are filled in. Types, limits and
        Pydantic's validators are not asked again.

        Args:
            old: the object before, for transition rules (`self == oldSelf`); None at its creation.

        Returns:
            Field path, reason and message of each; empty where the object is as it should be.

        Raises:
            ConfigurationError: a rule is wrong itself; names model, field and rule.
        """
        from reconcile.crd.rules import violations_of

        return violations_of(self, old)


class CustomResource(custom.CustomResource, Model):
    __doc__ = custom.CustomResource.__doc__
