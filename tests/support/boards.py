"""What TensorBoard itself makes of event files."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups


def listed(folder: Path) -> dict[str, api_pb2.SessionGroup]:
    """What TensorBoard's HParams page would list with its default filters."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    context = backend_context.Context(TBContext(data_provider=provider))
    described = context.experiment_from_metadata(
        RequestContext(), "e", True, context.hparams_metadata(RequestContext(), "e"), None
    )
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=100,
        allowed_statuses=api_pb2.Status.values(),
        col_params=[_default_filter(info) for info in described.hparam_infos],
    )
    found = list_session_groups.Handler(RequestContext(), context, "e", request).run()
    return {group.name: group for group in found.session_groups}


def _default_filter(info: api_pb2.HParamInfo) -> api_pb2.ColParams:
    column = api_pb2.ColParams(hparam=info.name)
    if info.HasField("domain_interval"):
        column.filter_interval.CopyFrom(info.domain_interval)
    else:
        column.filter_discrete.CopyFrom(info.domain_discrete)
    return column
