"""The server does what its own OpenAPI says: requests drawn from that description, right ones and wrong ones.

schemathesis draws them, and compares status, type, form and headers of every answer with what is described.
"""

from __future__ import annotations

import pyarrow as pa
import pytest
import requests
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from support.served import listening

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed; pip install schemathesis")
from schemathesis.generation import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance  # noqa: E402

ARROW = "application/vnd.apache.arrow.stream"
TOKEN = "a-token-of-this-test"
BEYOND_SCHEMAS = (
    "every field needs one row per sample",
    "the model's answer is not finite",
    "is not among what was given",
)
"""Words of refusals of well-formed bodies: what no JSON schema can say."""
PATIENCE_S = 120
"""On a crowded machine; what the server itself allows is test_load's."""
TIMES = settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@st.composite
def streams(draw) -> bytes:
    """Arrow streams of columns that a model may know or not; some cut short."""
    names = draw(st.lists(st.sampled_from(["aux_0", "aux_1", "aux_2", "aux_3", "other"]), min_size=1, unique=True))
    count = draw(st.integers(0, 3))
    numbers = st.lists(st.floats(width=32, allow_nan=True), min_size=count, max_size=count)
    table = pa.table({name: pa.array(draw(numbers), pa.float32()) for name in names})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = bytes(sink.getvalue())
    return data[: draw(st.sampled_from([len(data), len(data) // 2]))]


def asked(operation, url, mode, session, headers) -> dict[int, int]:
    """How many answers of each status there were; raises what schemathesis complains of."""
    found: dict[int, int] = {}

    @TIMES
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        is_arrow = case.media_type == ARROW  # any bytes fit its schema, a stream or not
        assume(mode is GenerationMode.POSITIVE or not is_arrow)
        response = case.call(url, session, headers, timeout=PATIENCE_S)
        # Too many rows are 413, which it does not know as a refusal of wrong data.
        left_out = [positive_data_acceptance, *([negative_data_rejection] if response.status_code == 413 else [])]
        told = {"base_url": url, "session": session, "headers": headers, "timeout": PATIENCE_S}
        case.validate_response(response, excluded_checks=left_out, headers=headers, transport_kwargs=told)
        if mode is GenerationMode.POSITIVE and not is_arrow and response.status_code != 200:
            assert response.status_code == 422, response.text
            assert any(words in response.json()["detail"] for words in BEYOND_SCHEMAS), response.text
        found[response.status_code] = found.get(response.status_code, 0) + 1

    ask()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "token"), [("aux_aae", TOKEN), ("aegan", None)])
def test_what_is_described_is_what_is_answered(name, token, models):
    schemathesis.openapi.media_type(ARROW, streams())
    with listening(models / name, token=token, rows=20) as url, requests.Session() as session:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        described = schemathesis.openapi.from_dict(
            session.get(f"{url}/openapi.json", headers=headers, timeout=PATIENCE_S).json()
        )
        for each in described.get_all_operations():
            operation = each.ok()
            is_verb = operation.method == "post"
            found = asked(operation, url, GenerationMode.POSITIVE, session, headers)
            assert found.get(200, 0) > 0, (operation.label, found)
            if is_verb:
                found = asked(operation, url, GenerationMode.NEGATIVE, session, headers)
                assert found.get(422, 0) > 0, (operation.label, found)
