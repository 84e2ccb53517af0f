"""``sparring serve``: a model in production over HTTP. Needs the extra ``serve`` (FastAPI, uvicorn).

server.py        the process: address, token, start and end
application.py   the routes; openapi.py and docs_page.py describe them from the
                 model's own schema
gate.py          what stands before every request: host, token, how many at a time, how long
bodies.py        JSON and Arrow in and out; arrow_body.py and flatbuffer.py read Arrow that a stranger wrote
batching.py      one model, one thread: requests that wait are asked together
holding.py       the current version, and the switch to the next one
metering.py      what Prometheus reads
limits.py        sizes and times, and a refusal with its status
"""
