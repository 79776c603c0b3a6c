"""schemathesis sends what the OpenAPI description allows, and what it does not: no request may break the server."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dashboard.api import api, guard

TOKEN = "secret"
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("served")]
schema = schemathesis.openapi.from_asgi("/openapi.json", api)


@schema.parametrize()
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_is_sent_is_answered_as_described(case, run, monkeypatch):
    monkeypatch.setenv(guard.TOKEN, TOKEN)
    if "run_id" in case.path_parameters and len(str(case.path_parameters["run_id"])) % 4:
        case.path_parameters["run_id"] = "starter" if case.path.endswith("predict") else run.id
    run.set_state("finished")  # what was resumed would be watched without end
    case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, checks=CHECKS)
