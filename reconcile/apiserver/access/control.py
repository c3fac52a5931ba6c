"""All of access control for one server, put together from its options."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconcile.apiserver.access.authentication import Authentication
from reconcile.apiserver.access.options import AccessOptions
from reconcile.apiserver.access.service_account_tokens import ServiceAccountTokens
from reconcile.apiserver.interfaces import Access, AdmissionPlugin
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from reconcile.apiserver.access.aggregation import RoleAggregation
    from reconcile.apiserver.access.gate import Gate
    from reconcile.apiserver.access.rbac import RBAC
    from reconcile.apiserver.handlers.messages import Request, Response
    from reconcile.apiserver.storage import Storage


@dataclass(frozen=True, slots=True)
class AccessControl:
    """The parts.

    Attributes:
        tokens: of service accounts; they are signed also where nobody is asked for one.
        authentication: whose a token is.
        gate: before the handlers; None: everybody may do everything.
        plugins: for the admission chain.
        rbac: the roles and bindings; None where they do not decide.
    """

    tokens: ServiceAccountTokens
    authentication: Authentication
    gate: Gate | None = None
    plugins: tuple[AdmissionPlugin, ...] = ()
    rbac: RBAC | None = None

    async def bootstrap(self, access: Access) -> None:
        """Make the roles and bindings of a new cluster, where they decide."""
        if self.rbac is not None:
            from reconcile.apiserver.access.bootstrap import ensure_bootstrap

            await ensure_bootstrap(access)

    def aggregation(
        self, storage: Storage, handle: Callable[[Request], Awaitable[Response]]
    ) -> RoleAggregation | None:
        """The controller of aggregated roles, where roles decide."""
        if self.rbac is None:
            return None
        from reconcile.apiserver.access.aggregation import RoleAggregation

        return RoleAggregation(storage, handle)


def access_control(options: AccessOptions | None, storage: Storage, runtime: Runtime) -> AccessControl:
    """Put together what the options want; None: off."""
    given = options or AccessOptions()
    tokens = ServiceAccountTokens(runtime, given.issuer, given.audiences)
    tokens.key_file = given.signing_key
    authentication = Authentication(given.tokens, tokens, anonymous=given.anonymous)
    if options is None:
        return AccessControl(tokens, authentication)
    from reconcile.apiserver.access.gate import Gate

    if options.authorization == "AlwaysAllow":
        from reconcile.apiserver.access.always_allow import AlwaysAllow

        return AccessControl(tokens, authentication, Gate(authentication, AlwaysAllow()))
    from reconcile.apiserver.access.escalation import CreateOnUpdate, NoEscalation
    from reconcile.apiserver.access.policy_params import PolicyParams
    from reconcile.apiserver.access.rbac import RBAC

    rbac = RBAC(storage)
    plugins = (CreateOnUpdate(), PolicyParams(), NoEscalation(rbac))
    return AccessControl(tokens, authentication, Gate(authentication, rbac), plugins, rbac)
