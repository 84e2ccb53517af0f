"""The page at /docs: what may be asked, and how, in HTML that loads nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape

from ..handover.asking import ProductionModel
from ..handover.schema import FieldSchema, Verb, VerbSchema
from .bodies import ARROW, JSON
from .limits import ServeLimits
from .openapi import REFUSALS, WORDS

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top;"
    "border-bottom:1px solid #8884}pre{background:#8881;padding:.8rem;overflow-x:auto}h2{margin-top:2.5rem}"
)


def docs_page(model: ProductionModel, limits: ServeLimits) -> str:
    """The page of the model that answers now."""
    verbs = "".join(_verb(model, verb, takes) for verb, takes in model.schema.verbs.items())
    refusals = "".join(f"<tr><td>{status}</td><td>{escape(words)}</td></tr>" for status, words in REFUSALS.items())
    title = escape(f"{model.name} version {model.version}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>Bodies are {JSON} or {ARROW}: a column per number, or a list column per field; "
        f"at most {limits.body_bytes:,} bytes and {limits.rows:,} rows. Every answer names the version that gave it. "
        '<a href="openapi.json">openapi.json</a> has all of this for programs; <a href="schema">schema</a> the fields '
        'with their grids; <a href="health">health</a>, <a href="ready">ready</a>, <a href="metrics">metrics</a>.</p>'
        f"{verbs}<h2>Refusals</h2><table>{refusals}</table>"
    )


def _verb(model: ProductionModel, verb: Verb, takes: VerbSchema) -> str:
    inputs = [model.schema.field(name) for name in takes.inputs]
    joined = " or " if takes.needs == "any" else " and "
    wants = joined.join(escape(each.name) for each in inputs) or "a number of samples"
    body = {"n": 3, "seed": 0} if verb == "sample" else {"rows": {inputs[0].name: "[[…], …]"}}
    example = f"curl -s -X POST -H 'content-type: {JSON}' -d '{json.dumps(body, ensure_ascii=False)}' …/{verb}"
    return (
        f"<h2>POST /{verb}</h2><p>{escape(WORDS[verb])}. Wants {wants}.</p>"
        f"<pre>{escape(example.replace(chr(34) + '[[…], …]' + chr(34), '[[…], …]'))}</pre>"
        f"<table><tr><th></th><th>field</th><th>of one sample</th><th>meaning; unit</th></tr>"
        f"{''.join(_field('takes', each) for each in inputs)}"
        f"{''.join(_field('answers', each) for each in takes.outputs)}</table>"
    )


def _field(role: str, field: FieldSchema) -> str:
    shape = "×".join(map(str, field.shape)) or "a number"
    words = escape(f"{field.meaning}; {field.unit}")
    return f"<tr><td>{role}</td><td>{escape(field.name)}</td><td>{shape} {field.dtype}</td><td>{words}</td></tr>"
