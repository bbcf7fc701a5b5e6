"""A conversation with a model as a trace of MLflow: one span with what was sent, what came back and how long it took.

MLflow's own way of tracing measures time as it passes and asks for a running program; here everything is known.
"""

import json
from collections.abc import Mapping
from typing import Any


def log_trace(
    uri: str,
    experiment: str,
    name: str,
    trace_id: str,
    request: Any,
    response: Any,
    begun: int,
    seconds: float,
    tokens: tuple[int, int] | None,
    error: str | None,
    tags: Mapping[str, str],
    run: str | None,
) -> str:
    """Log a trace unless one of this id is there, and return its id; arguments as ``Tracker.trace`` says them."""
    from mlflow.entities import TraceInfo, TraceLocation, TraceState
    from mlflow.entities.span import Span, SpanType
    from mlflow.exceptions import MlflowException
    from mlflow.tracing.client import TracingClient

    client = TracingClient(uri)
    try:
        client.get_trace_info(trace_id)
    except MlflowException:
        pass
    else:
        return trace_id
    metadata = {"mlflow.trace_schema.version": "3"}
    attributes: dict[str, Any] = {
        "mlflow.traceRequestId": trace_id,
        "mlflow.spanType": SpanType.CHAT_MODEL,
        "mlflow.spanInputs": request,
        "mlflow.spanOutputs": response,
    }
    if tokens is not None:
        usage = {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
        attributes["mlflow.chat.tokenUsage"] = usage
        metadata["mlflow.trace.tokenUsage"] = json.dumps(usage)
    if run is not None:
        metadata["mlflow.sourceRun"] = run
    otel = trace_id.removeprefix("tr-")
    span = Span.from_dict(
        {
            "name": name,
            "context": {"trace_id": f"0x{otel}", "span_id": f"0x{otel[:16]}"},
            "parent_id": None,
            "start_time": begun * 1000,
            "end_time": begun * 1000 + round(seconds * 1e9),
            "attributes": {key: json.dumps(value) for key, value in attributes.items()},
            "status_code": "OK" if error is None else "ERROR",
            "status_message": error or "",
            "events": [],
        }
    )
    info = TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id(experiment),
        request_time=begun // 1000,
        execution_duration=round(seconds * 1e3),
        state=TraceState.OK if error is None else TraceState.ERROR,
        request_preview=_preview(request),
        response_preview=_preview(response),
        trace_metadata=metadata,
        tags={**tags, "mlflow.traceName": name},
    )
    client.start_trace(info)
    client.log_spans(experiment, [span])
    return trace_id


def _preview(value: Any) -> str:
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return told if len(told) <= 1000 else told[:999] + "…"
