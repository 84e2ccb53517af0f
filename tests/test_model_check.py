"""`sparring models check`: every promise of a model, kept by the tutorial's and broken one at a time."""

from __future__ import annotations

import sys

import pytest
from support.own import NAME, blocks, write_tutorial

from sparring.models import own
from sparring.training.contract.checks import CHECKS


@pytest.fixture
def check(tmp_path, monkeypatch, run_verb, capsys):
    """Runs the command on the tutorial's model with one line changed; the exit code and all it said, without breaks."""
    monkeypatch.setattr(own, "_ALLOWED", {})
    monkeypatch.setattr(own, "_CLASSES", {})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    write_tutorial(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(before: str = "", after: str = "", *arguments: str) -> tuple[int, str]:
        text = blocks()["my_module.py"]
        assert before in text
        (tmp_path / "my_module.py").write_text(text.replace(before, after, 1), encoding="utf-8")
        code = run_verb("models", "check", NAME, *arguments)
        said = capsys.readouterr()
        return code, " ".join(f"{said.out} {said.err}".split())

    return run


def test_the_tutorial_s_model_keeps_every_promise(check):
    code, said = check()
    assert code == 0, said
    assert said.count("passed ") == len(CHECKS) + 1
    assert f"keeps all {len(CHECKS)} promises" in said


FAULTS = {
    "a field without words": (
        '        """Optimizer of all nets."""\n', "", "every field of Config is explained", "nothing explains optim_fn",
    ),
    "a net in no phase": (
        'nets=("encoder", "decoder")', 'nets=("encoder",)', "phases name nets", "no phase trains decoder.0.bias",
    ),
    "a net that is not there": ('nets=("critic",)', 'nets=("critics",)', "phases name nets", "names the net critics"),
    "a metric that is not promised": ('"val/mmd_prior",', "", "finite and as promised", "val/mmd_prior is emitted"),
    "a loss that is not finite": (
        "loss = (self.decode(code) - x).square().mean()", "loss = (self.decode(code) - x).square().mean() / 0",
        "figures are finite", "train/loss_gen is inf",
    ),
    "noise of its own": (
        "randn_like(code)", "randn_like(code).normal_()", "the same seed", "a phase may draw noise by torch.randn_like",
    ),
    "rows that know each other": (
        "def dis(", "def view(self, rows):\n        return rows - rows.double().mean()\n\n    def dis(",
        "of that row alone", "x of a row depends on the rows beside it",
    ),
    "a sum for a mean": (".square().mean()", ".square().sum()", "one worker equals two", "with one worker and"),
    "a weight that does more": (
        "loss = loss + self.w_adv *", "loss = 2 * loss + self.w_adv *", "a weight of zero",
        "with w_adv = 0 a loss is not",
    ),
    "state in an attribute": (
        "        code = self.encoder(x)\n        loss = (", "        self.n = getattr(self, 'n', 0) + 1\n"
        "        code = self.encoder(x) * (1 + self.n)\n        loss = (", "a checkpoint resumes", "never stopped",
    ),
    "a phase that writes elsewhere": (
        "        code = self.encoder(x).detach()\n", "        code = self.encoder(x).detach()\n"
        "        self.decoder[0].bias.data += 1\n", "only the nets that it names", "phase dis changed decoder",
    ),
    "a verb of another form": (
        "def dis(", "def sample(self, n):\n        return {}\n\n    def dis(", "verbs answer",
        "sample takes n, not n, seed, boost",
    ),
    "no lesson": ("loss = (self.decode(code)", "loss = -(self.decode(code)", "it learns", "never better in 20 epochs"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_promise_is_told_with_its_reason_and_a_way_out(check, fault, monkeypatch):
    before, after, promise, reason = FAULTS[fault]
    # The check in question, and for speed no other: what it says must not lean on those before it.
    (name,) = (name for name in CHECKS if promise in name)
    monkeypatch.setattr("sparring.training.contract.checks.CHECKS", {name: CHECKS[name]})
    code, said = check(before, after)
    assert code == 2, said
    assert f"failed {name}" in said
    assert reason in said
    assert f"breaks 1 of 1 promises: {name}" in said


def test_a_default_outside_its_range_and_a_set_without_the_field_are_refused_first(check):
    code, said = check("hidden_size: config.Count = 64", "hidden_size: config.Count = 65")
    assert (code, "passed" in said) == (2, False)
    assert "search.hidden_size: the default 65 lies outside" in said
    code, said = check('"val/ms_ssim"', '"val/ms_sim"')
    assert (code, "passed" in said) == (2, False)
    assert "names val/ms_sim, which sparring.metrics does not have; did you mean 'val/ms_ssim'? Or say" in said
    code, said = check("", "", "--dataset", "exafs")
    assert code == 2
    assert "needs the fields image, but it holds" in said
