"""Many requests at a time: joined, limited, and answered through switches of the version; none is lost, none mixed."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from support.served import LOOK_S, put, served, shifted

import sparring
from sparring.errors import DataError
from sparring.production.handover import asking
from sparring.production.handover.asking import ProductionModel
from sparring.production.registry import Registry


def question(rows, row=0, count=1):
    return {"json": {"rows": {"structure": rows["structure"][row : row + count].tolist()}}}


@pytest.fixture
def held(monkeypatch):
    """The model answers nothing until this is set."""
    event, real = threading.Event(), ProductionModel.answer_checked

    def answer(self, verb, arrays):
        assert event.wait(30)
        return real(self, verb, arrays)

    monkeypatch.setattr(ProductionModel, "answer_checked", answer)
    yield event
    event.set()


async def until(is_true):
    for _ in range(1500):
        if is_true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def test_requests_that_wait_are_asked_together_and_each_gets_its_own_answer(models, rows, held):
    expected = sparring.load(str(models / "aegan"))
    held.set()
    expected = expected.predict({"structure": rows["structure"]})["spectrum"]
    held.clear()

    async def run():
        async with served(models / "aegan") as (client, _, meter):
            first = asyncio.create_task(client.post("/predict", **question(rows)))
            await until(lambda: "sparring_batch_rows_count 1\n" in meter.page("aegan", 3))
            tasks = [asyncio.create_task(client.post("/predict", **question(rows, row, 2))) for row in range(8)]
            await until(lambda: meter.in_flight == 9)
            await asyncio.sleep(0.3)  # read, and waiting
            held.set()
            return await first, await asyncio.gather(*tasks), meter.page("aegan", 3)

    first, answers, page = asyncio.run(run())
    assert "sparring_batch_rows_count 2\n" in page
    assert 'sparring_rows_total{verb="predict"} 17\n' in page
    assert 'sparring_requests_total{verb="predict",status="200"} 9\n' in page
    for row, answer in enumerate(answers):
        values = np.array(answer.json()["values"]["spectrum"])
        np.testing.assert_allclose(values, expected[row : row + 2], rtol=1e-5, atol=1e-5)
    assert first.status_code == 200


def test_one_answer_that_is_not_finite_spoils_no_other(models, rows, held, monkeypatch):
    real = asking.ask

    def picky(method, given):
        if (given["structure"] > 1e14).any():
            raise DataError("spectrum: the model's answer is not finite")
        return real(method, given)

    async def run():
        async with served(models / "aegan") as (client, _, meter):
            first = asyncio.create_task(client.post("/predict", **question(rows)))
            await until(lambda: "sparring_batch_rows_count 1\n" in meter.page("aegan", 3))
            bad = {"json": {"rows": {"structure": [[1e15, -1e15] * 24 + [1e15]]}}}
            tasks = [asyncio.create_task(client.post("/predict", **each)) for each in (question(rows), bad)]
            await until(lambda: meter.in_flight == 3)
            await asyncio.sleep(0.3)
            monkeypatch.setattr(asking, "ask", picky)
            held.set()
            return [await first, *await asyncio.gather(*tasks)]

    assert [answer.status_code for answer in asyncio.run(run())] == [200, 200, 422]


def test_more_at_a_time_than_allowed_are_told_to_come_again(models, rows, held):
    async def run():
        async with served(models / "aegan", requests=2) as (client, _, meter):
            tasks = [asyncio.create_task(client.post("/predict", **question(rows))) for _ in range(2)]
            await until(lambda: meter.in_flight == 2)
            refused, ready = await client.post("/predict", **question(rows)), await client.get("/ready")
            held.set()
            answers = await asyncio.gather(*tasks)
            return refused, ready, answers, await client.get("/ready")

    refused, ready, answers, later = asyncio.run(run())
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert (ready.status_code, later.status_code) == (503, 200)
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.fault(70)
def test_a_slow_answer_and_a_slow_body_are_given_up(models, rows, held):
    async def slow():
        yield b"{"
        await asyncio.sleep(20)

    async def run():
        async with served(models / "aegan", seconds=0.3) as (client, _, meter):
            late = await client.post("/predict", **question(rows))
            head = {"content-type": "application/json"}
            body = await client.post("/predict", content=slow(), headers=head)
            held.set()
            return late, body, meter.in_flight

    late, body, left = asyncio.run(run())
    assert (late.status_code, late.headers["retry-after"]) == (503, "1")
    assert body.status_code == 408
    assert left == 0


def test_switches_lose_no_request_and_mix_none(models, rows):
    registry, expected = Registry(address=str(models)), {}
    for version in (1, 2, 3):
        expected[version] = sparring.load(str(models / "aegan"), version).predict({"structure": rows["structure"]})[
            "spectrum"
        ]
    assert np.abs(expected[1] - expected[3]).max() > 0.01  # so that they can be told apart

    async def run():
        seen = []
        async with served(models / "aegan", batch_rows=8) as (client, holder, meter):

            async def caller(number):
                for turn in range(25):
                    row = (number + turn) % 12
                    answer = await client.post("/predict", **question(rows, row))
                    assert answer.status_code == 200
                    body = answer.json()
                    values = np.array(body["values"]["spectrum"])[0]
                    np.testing.assert_allclose(values, expected[body["version"]][row], rtol=1e-4, atol=1e-4)
                    assert answer.headers["sparring-version"] == str(body["version"])
                    seen.append(body["version"])

            async def switcher():
                for to in (1, 2, 1, 3):
                    await asyncio.to_thread(registry.roll_back, "aegan", to)
                    await until(lambda to=to: holder.model.version == to)

            await asyncio.gather(switcher(), *(caller(number) for number in range(12)))
            return seen, meter.switches, (await client.get("/health")).json()

    seen, switches, health = asyncio.run(run())
    assert len(seen) == 300
    assert set(seen) == {1, 2, 3}
    assert switches == 4
    assert (health["version"], "complaint" in health) == (3, False)


def test_a_version_that_is_not_whole_is_not_switched_to(models, rows, bundles, capsys):
    registry = Registry(address=str(models))
    number = put(registry, "aegan", shifted(bundles[0]["aegan"], 0.5))
    registry.roll_back("aegan", 1)
    weights, current = models / "aegan" / str(number) / "model.safetensors", models / "aegan" / "current"
    whole = weights.read_bytes()

    async def run():
        found = []
        async with served(models / "aegan", every_s=60) as (client, holder, meter):

            async def look():
                await asyncio.to_thread(holder.look)
                answer = await client.post("/predict", **question(rows))
                health = (await client.get("/health")).json()
                found.append((answer.json()["version"], health.get("complaint", ""), meter.failed_looks))

            current.rename(models / "aside")
            await look()
            (models / "aside").rename(current)
            await look()
            registry.roll_back("aegan", number)
            weights.write_bytes(whole[:-8])
            await look()
            weights.write_bytes(whole)
            await look()
        return found

    gone, back, torn, mended = asyncio.run(run())
    assert gone[0] == 1
    assert "nothing is current there" in gone[1]
    assert back == (1, "", 1)
    assert torn[0] == 1
    assert "model.safetensors: must have" in torn[1]
    assert mended == (number, "", 2)
    assert "version 1 stays" in capsys.readouterr().err


def test_a_version_that_was_asked_for_stays(models, rows):
    async def run():
        async with served(models / "aegan" / "1") as (client, holder, _):
            await asyncio.sleep(3 * LOOK_S)
            return holder.follows, (await client.post("/predict", **question(rows))).json()["version"]

    assert asyncio.run(run()) == (False, 1)
