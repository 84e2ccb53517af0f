"""What Ray Tune is told of the referee's answers; Ray itself is not started."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import ray
from ray.exceptions import RayTaskError
from ray.tune.search import Searcher

from sparring.cluster.searcher import RefereeSearcher
from sparring.cluster.slot import TRIAL
from sparring.errors import SpaceError
from sparring.records import WAIT


class Remote:
    """A method of an actor that has been called already; an exception is raised by ``ray.get``."""

    def __init__(self, answer):
        self.answer, self.heard = answer, []

    def remote(self, *arguments):
        self.heard.append(arguments)
        return self.answer


@pytest.fixture
def suggest(monkeypatch):
    def get(answer):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ray, "get", get)

    def suggest_it(answer):
        referee = SimpleNamespace(ask=Remote(answer), give_up=Remote(None))
        return RefereeSearcher(referee).suggest("t"), referee.give_up.heard

    return suggest_it


@pytest.mark.parametrize(
    ("answer", "told"), [(3, {TRIAL: 3}), (0, {TRIAL: 0}), (None, Searcher.FINISHED), (WAIT, None)]
)
def test_a_number_is_a_configuration(suggest, answer, told):
    assert suggest(answer) == (told, [])


def test_a_sentence_of_ours_ends_the_search_with_it(suggest):
    told, given_up = suggest(RayTaskError("ask", "a long traceback", SpaceError("no configuration was found")))
    assert told == Searcher.FINISHED
    assert given_up == [("no configuration was found",)]


def test_any_other_error_is_raised(suggest):
    with pytest.raises(RayTaskError):
        suggest(RayTaskError("ask", "a long traceback", ZeroDivisionError()))
