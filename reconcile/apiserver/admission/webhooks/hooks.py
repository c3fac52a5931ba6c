"""The webhooks of all configurations, in the order of calling, and which of them a request is for."""

from __future__ import annotations

from dataclasses import dataclass

from reconcile.apiserver.admission.conditions import Conditions, ConditionsError
from reconcile.apiserver.admission.matching import Criteria, Match, Objects
from reconcile.apiserver.interfaces import AdmissionAttributes, JSONObject
from reconcile.apiserver.status import forbidden


@dataclass(slots=True)
class Hook:
    """One webhook.

    Attributes:
        key: distinguishes it from all others: configuration, name, and how often the name came before.
        spec: as configured.
        criteria: what it is about.
    """

    key: str
    spec: JSONObject
    criteria: Criteria
    _conditions: Conditions | None = None

    @property
    def name(self) -> str:
        return self.spec["name"]

    @property
    def ignores_failures(self) -> bool:
        return self.spec.get("failurePolicy") == "Ignore"

    @property
    def timeout(self) -> float:
        """Seconds."""
        return float(self.spec.get("timeoutSeconds") or 10)

    def conditions(self) -> Conditions:
        if self._conditions is None:
            from reconcile.apiserver.admission.expressions import variables

            given = self.spec.get("matchConditions") or []
            self._conditions = Conditions.of(given, variables(), fails=not self.ignores_failures)
        return self._conditions

    async def match(self, attributes: AdmissionAttributes, objects: Objects) -> Match | None:
        """How the request matches, conditions included. Raises StatusError."""
        match = self.criteria.match(attributes, objects)
        if match is None or not self.spec.get("matchConditions"):
            return match
        from reconcile.apiserver.admission.expressions import values_of

        new = await objects.converted(attributes.object, attributes, match)
        old = await objects.converted(attributes.old_object, attributes, match)
        try:
            return match if self.conditions().hold(values_of(attributes, match, new, old)) else None
        except ConditionsError as error:
            kind = attributes.resource.type
            raise forbidden(kind.group, kind.plural, attributes.name, str(error)) from None


def hooks_of(configurations: list[JSONObject]) -> list[Hook]:
    """The webhooks of configurations that come in the order of their names."""
    found: list[Hook] = []
    for configuration in configurations:
        counts: dict[str, int] = {}
        for spec in configuration.get("webhooks") or ():
            name = spec["name"]
            number = counts[name] = counts.get(name, -1) + 1
            key = f"{configuration['metadata']['name']}/{name}/{number}"
            found.append(Hook(key, spec, Criteria.of_webhook(spec)))
    return found
