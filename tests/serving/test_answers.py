"""What a server answers: the model's own answers, with the version that gave them, or one sentence and a status."""

from __future__ import annotations

import asyncio
import json

import jsonschema
import numpy as np
import pyarrow as pa
import pytest
from support.served import served

import sparring
from sparring.errors import DataError
from sparring.production.serving import arrow_body

ARROW = "application/vnd.apache.arrow.stream"


def packed(table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def columns(rows, name="structure"):
    return pa.table({f"{name}_{number}": rows[name][:, number] for number in range(rows[name].shape[1])})


def asked(place, *requests, **settings):
    """The responses to (path, keywords of httpx's post or, without any, a get)."""

    async def ask():
        async with served(place, **settings) as (client, _, _):
            return [await (client.post(path, **more) if more else client.get(path)) for path, more in requests]

    return asyncio.run(ask())


def in_json(body):
    return {"json": body}


def in_arrow(body, **headers):
    return {"content": body, "headers": {"content-type": ARROW, **headers}}


def test_json_and_arrow_get_the_models_own_answer_and_its_version(models, rows):
    expected = sparring.load(str(models / "aegan")).predict({"structure": rows["structure"]})["spectrum"]
    lists = pa.table({"structure": pa.FixedSizeListArray.from_arrays(pa.array(rows["structure"].ravel()), 49)})
    by_json, by_columns, by_lists, mixed = asked(
        models / "aegan",
        ("/predict", in_json({"rows": {"structure": rows["structure"].tolist()}})),
        ("/predict", in_arrow(packed(columns(rows)))),
        ("/predict", in_arrow(packed(lists))),
        ("/predict", in_arrow(packed(lists), accept="application/json")),
    )
    for response in (by_json, mixed):
        assert response.status_code == 200
        assert (response.json()["model"], response.json()["version"]) == ("aegan", 3)
        assert response.json()["units"] == {"spectrum": "1/Å^2"}
        np.testing.assert_array_equal(np.array(response.json()["values"]["spectrum"], np.float32), expected)
    for response in (by_columns, by_lists):
        table = pa.ipc.open_stream(response.content).read_all()
        np.testing.assert_array_equal(np.stack([column.to_numpy() for column in table.columns], 1), expected)
        assert table.schema.metadata[b"version"] == b"3"
        assert response.headers["sparring-version"] == "3"


def test_what_is_drawn_depends_on_the_seed(models):
    model = sparring.load(str(models / "aux_aae"))
    first, again, many = asked(
        models / "aux_aae",
        ("/sample", in_json({"n": 4, "seed": 7})),
        ("/sample", in_json({"n": 4, "seed": 7})),
        ("/sample", in_json({"n": 5000})),
    )
    assert first.json() == again.json()
    ((name, values),) = first.json()["values"].items()
    np.testing.assert_array_equal(np.array(values, np.float32), model.sample(4, seed=7)[name])
    assert (many.status_code, many.json()["detail"][:37]) == (413, "a request has at most 4,096 rows, but")


JSON_HEAD = {"content-type": "application/json"}
RAW = [
    (b"", 422, "the body must be JSON"),
    (b"[" * 100_000, 422, "the body must be JSON"),
    (b"1" * 5000, 422, "the body must be JSON"),
    (b"\xff", 422, "the body must be JSON"),
    (b'{"rows":{},"rows":{}}', 422, "the key 'rows' occurs twice"),
    (b"null", 422, "wants a table"),
    (b"{}", 422, "rows: is missing"),
    (b'{"rows":{"structure":[[1]]},"more":1}', 422, "more: is not known here"),
    (b'{"rows":{"structure":[[1]]}}', 422, r"structure: wants the shape (rows, 49), but got (1, 1)"),
    (b'{"rows":{"energy":[1]}}', 422, "no field 'energy'; there are: structure, spectrum"),
    (b'{"rows":{"structure":[' + b"[" + b"0," * 48 + b"NaN]]}}", 422, "row 1 has nan in structure_48"),
    (b'{"rows":{"structure":[' + b"[" + b"0," * 48 + b"1e999]]}}", 422, "row 1 has inf in structure_48"),
    (b'{"rows":{"spectrum":[[1]]},"axes":{"structure":[1]}}', 422, "axes: structure is not among what was given"),
    (b" " * 200_001, 413, "a body has at most 200,000 bytes"),
    (b'{"rows":{"structure":[' + b"[0]," * 100 + b"[0]]}}", 413, "at most 100 rows, but got 101"),
]


@pytest.mark.parametrize(("body", "status", "words"), RAW, ids=range(len(RAW)))
def test_a_body_that_cannot_be_read_is_refused_in_one_sentence(body, status, words, models):
    (response,) = asked(
        models / "aegan", ("/predict", {"content": body, "headers": JSON_HEAD}), body_bytes=200_000, rows=100
    )
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert "\n" not in response.json()["detail"]
    assert response.json()["version"] == 3


@pytest.mark.fault(70)
def test_an_endless_body_is_refused_at_its_limit(models):
    sent = []

    async def endless():
        while True:
            sent.append(1)
            yield b" " * 1000

    (response,) = asked(models / "aegan", ("/predict", {"content": endless(), "headers": JSON_HEAD}), body_bytes=5000)
    assert response.status_code == 413
    assert len(sent) <= 7


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda table: packed(table, compression="zstd"), "must not be compressed"),
        (lambda table: packed(table, compression="lz4"), "must not be compressed"),
        (lambda table: packed(table)[:-1000], "must be a whole Arrow stream"),
        (lambda table: b"", "which begins with its schema"),
        (lambda table: b"PAR1" * 100, "must be a whole Arrow stream"),
        (lambda table: packed(pa.table({"structure": pa.array(["a"]).dictionary_encode()})), "must hold plain numbers"),
        (lambda table: packed(pa.table({"structure": pa.nulls(10)})), "must hold numbers"),
        (lambda table: packed(pa.table({"structure": ["1"]})), "must hold numbers"),
        (lambda table: packed(pa.table({"structure": [[1.0] * 49, [1.0] * 48]})), "wants 49 numbers in each row"),
        (lambda table: packed(pa.table({"structure": [[1.0] * 49, None]})), "must have every value"),
        (lambda table: packed(pa.table({"structure": [[1.0] * 48 + [None]]})), "must have every value"),
        (lambda table: packed(pa.table({"structure": [[1.0] * 48 + [np.nan]]})), "row 1 has nan in structure_48"),
        (lambda table: packed(pa.table({f"c{n}": [1] for n in range(1000)})), "has 1,000 columns or entries"),
        (lambda table: packed(table.append_column("more", [table[0].chunk(0)])), "no column 'more'"),
        (lambda table: packed(table.append_column("structure_0", [table[0].chunk(0)])), "occurs 2 times"),
        (lambda table: packed(table.slice(0, 0)), "wants 1 to 100,000 rows"),
        (lambda table: packed(table.replace_schema_metadata({"sparring": '{"axes": 1}'})), "axes: wants a table"),
    ],
)
def test_arrow_that_could_unfold_or_is_torn_is_refused(make, words, models, rows):
    (response,) = asked(models / "aegan", ("/predict", in_arrow(make(columns(rows)))))
    assert response.status_code == 422
    assert words in response.json()["detail"]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "uint64", "float16", "float32", "float64", "bool"])
def test_arrow_is_read_as_arrow_reads_it(kind, models):
    schema = sparring.load(str(models / "aegan")).schema
    flat = pa.array(np.arange(22, dtype=kind) if kind != "bool" else np.arange(22) % 3 == 0)
    lists = pa.array([[float(row + column) for column in range(49)] for row in range(22)])
    for part in (slice(None), slice(3, 14)):  # a slice of a list keeps the offsets of the whole
        found, _ = arrow_body.read_arrow(packed(pa.table({"q": flat[part]})), schema, 100)
        assert np.array_equal(found["q"], flat[part].to_numpy(zero_copy_only=False))
        for each in (lists, lists.cast(pa.large_list(pa.float32())), lists.cast(pa.list_(pa.float64(), 49))):
            found, _ = arrow_body.read_arrow(packed(pa.table({"structure": each[part]})), schema, 100)
            assert np.array_equal(found["structure"], np.array(each[part].to_pylist()))
    two = pa.table({"q": pa.chunked_array([flat[:5], flat[5:]])})
    found, _ = arrow_body.read_arrow(packed(two), schema, 100)
    assert np.array_equal(found["q"], flat.to_numpy(zero_copy_only=False))


def test_bytes_turned_at_random_are_read_or_refused(models, rows):
    schema = sparring.load(str(models / "aegan")).schema
    whole, random = packed(columns(rows)), np.random.default_rng(0)
    refused = 0
    for flips in random.integers(1, 20, 400):
        body = bytearray(whole)
        for place in random.integers(0, len(whole), flips):
            body[place] = random.integers(256)
        try:
            arrow_body.read_arrow(bytes(body), schema, 100)
        except DataError:
            refused += 1
    assert 100 < refused < 400


@pytest.mark.parametrize(
    ("path", "more", "status", "words"),
    [
        ("/score", in_json({"rows": {}}), 404, "score: aegan cannot; it can predict, reconstruct"),
        ("/predict", {"content": b"{}"}, 415, "but got none"),
        ("/predict", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, "but got text/plain"),
        ("/nothing", in_json({}), 404, "Not Found"),
        ("/predict", {}, 405, "Method Not Allowed"),
    ],
)
def test_what_is_not_there_is_said(path, more, status, words, models):
    (response,) = asked(models / "aegan", (path, more))
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert response.headers["sparring-version"] == "3"


def test_a_page_of_elsewhere_is_not_answered(models):
    (response,) = asked(models / "aegan", ("/schema", {}), base="http://rebound.example")
    assert response.status_code == 421


def test_a_token_is_wanted_of_all_but_what_watches_the_process(models):
    token = "x" * 20
    good, bad = {"headers": {"authorization": f"Bearer {token}"}}, {"headers": {"authorization": "Bearer y"}}
    answers = asked(
        models / "aegan",
        ("/health", {}),
        ("/ready", {}),
        ("/metrics", {}),
        ("/predict", in_json({"rows": {}}) | bad),
        ("/predict", in_json({"rows": {}}) | good),
        token=token,
        is_loopback=False,
        base="http://model.example",
    )
    assert [answer.status_code for answer in answers] == [200, 200, 401, 401, 422]


@pytest.mark.parametrize("name", ["aegan", "aux_aae"])
def test_the_description_fits_what_is_asked_and_answered(name, models, rows):
    model = sparring.load(str(models / name))
    verb, body = ("predict", {"rows": {"structure": rows["structure"].tolist()}}) if name == "aegan" else (
        "sample", {"n": 3})  # fmt: skip
    described, answer, page = asked(models / name, ("/openapi.json", {}), (f"/{verb}", in_json(body)), ("/docs", {}))
    paths = described.json()["paths"]
    assert {path.strip("/") for path in paths} - {"health", "ready", "schema", "metrics"} == set(model.schema.verbs)
    operation = paths[f"/{verb}"]["post"]
    jsonschema.validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
    told = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), told)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**answer.json(), "version": "3"}, told)
    assert f"POST /{verb}" in page.text
    assert "http" not in page.text  # nothing from elsewhere
    json.dumps(described.json())
