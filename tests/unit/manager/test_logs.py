"""What a manager's logger writes."""

from __future__ import annotations

import io
import json

from reconcile.manager.logs import make_logger
from reconcile.runtime import SimulatedRuntime


async def test_an_error_is_told_with_its_traceback_and_without_what_variables_held() -> None:
    out = io.StringIO()
    log = make_logger(SimulatedRuntime(), format="json", stream=out)

    def connect(password: str) -> None:
        raise ConnectionError("refused")

    try:
        connect("s3cret")
    except ConnectionError as error:
        log.error("reconcile failed", exc_info=error)
    line = json.loads(out.getvalue())
    (told,) = line["exception"]
    assert (told["exc_type"], told["exc_value"]) == ("ConnectionError", "refused")
    assert [frame["name"] for frame in told["frames"]][-1] == "connect"
    assert "s3cret" not in out.getvalue()
