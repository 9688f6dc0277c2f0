"""Checks that schemathesis does not have."""

import re

import schemathesis

# Codes of requests that break the document.
FORM = {"MalformedRequest", "ValidationFailed", "InvalidId", "UnsupportedMediaType", "BodyTooLarge", "NotAcceptable"}


def problem_of(response):
    if response.status_code < 400 or not response.content:
        return None
    return response.json()


@schemathesis.hook
def map_case(ctx, case):
    """Gives a posting that is right by the document the key that it must have, which the document cannot say."""
    transaction = case.body.get("transactionId") if isinstance(case.body, dict) else None
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and isinstance(transaction, str) and "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = transaction
    return case


@schemathesis.check
def refused_for_its_form(ctx, response, case):
    """A request that is right by the document is not refused for its form."""
    problem = problem_of(response)
    if problem is None or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    assert problem.get("code") not in FORM, f"right by the document, and refused: {problem['detail']}"


@schemathesis.check
def tells_a_problem(ctx, response, case):
    """Each answer that is no success is a problem. If the document lists its status, it lists the code, too."""
    problem = problem_of(response)
    if problem is None or case.path in ("/livez", "/readyz") and response.status_code == 503:
        return
    assert response.headers["content-type"] == ["application/problem+json"], response.headers["content-type"]
    assert problem["status"] == response.status_code
    assert problem["type"] == "urn:fencelog:problem:" + problem["code"]
    assert response.headers["x-correlation-id"] == [problem["correlationId"]]
    described = case.operation.definition.raw["responses"].get(str(response.status_code))
    if described is not None:
        assert problem["code"] in re.findall(r"\w+", described["description"]), f"{problem['code']} is not described for {response.status_code}"
