"""Traces: spans of every kind, searched, tagged, linked, assessed, deleted."""

import json
import time

import mlflow
from client import pages


def flow(f):
    if not hasattr(mlflow, "start_span"):
        return
    experiment = f.experiment()
    three = f.version >= (3, 0)
    made = make(f)
    f.see("made", lambda: len(made))
    for name, trace_id in made.items():
        f.see(f"trace {name}", lambda: shape(f.until(lambda: f.client.get_trace(trace_id), bool), three))
    search = lambda text=None, **more: found(f, experiment, text, **more)
    f.see("all", lambda: search())
    for text in filters(f):
        f.see(f"filter {text}", lambda: search(text))
    for order in [["timestamp_ms ASC"], ["timestamp_ms DESC"], ["attributes.name ASC"] if three else ["timestamp ASC"], ["status ASC", "timestamp_ms ASC"], ["colour"]]:
        f.see(f"order {order}", lambda: search(order_by=order))
    f.see("pages", lambda: [len(page) for page in pages(lambda **a: f.client.search_traces([experiment], max_results=2, **a))][:2])
    f.see("501 a page", lambda: len(f.client.search_traces([experiment], max_results=501)))
    f.see("in no experiment", lambda: f.client.search_traces(["987654321"]))
    f.see("as a table", lambda: sorted(mlflow.search_traces([experiment]).columns))
    one = made["chain"]
    f.see("tag", lambda: f.client.set_trace_tag(one, "colour", "blue"))
    f.see("long tag", lambda: f.client.set_trace_tag(one, "long", "v" * 4000))
    f.see("longer tag", lambda: f.client.set_trace_tag(one, "longer", "v" * 9000))
    f.see("tag deleted", lambda: f.client.delete_trace_tag(one, "shade"))
    f.see("tag deleted again", lambda: f.client.delete_trace_tag(one, "shade"))
    f.see("tags", lambda: {k: (v if len(v) < 200 else len(v)) for k, v in f.client.get_trace(one).info.tags.items() if k != "longer"})
    f.see("length of the longer", lambda: len(f.client.get_trace(one).info.tags["longer"]))
    f.see("unknown", lambda: f.client.get_trace("tr-" + "0" * 32))
    f.see("tag of nothing", lambda: f.client.set_trace_tag("tr-" + "0" * 32, "a", "b"))
    if three:
        assessed(f, experiment, made)
        measured(f, experiment)
        linked(f, experiment, made)
    f.see("deleted", lambda: f.client.delete_traces(experiment, **{"trace_ids" if three else "request_ids": [one]}))
    f.see("deleted, got", lambda: f.client.get_trace(one))
    f.see("left", lambda: search())
    f.see("deleted by time", lambda: f.client.delete_traces(experiment, max_timestamp_millis=int(time.time() * 1000) + 1000, max_traces=1))
    f.see("deleted without a choice", lambda: f.client.delete_traces(experiment))
    f.see("left at the end", lambda: len(f.client.search_traces([experiment])))


def make(f):
    ids = {}

    @mlflow.trace(span_type="CHAIN", attributes={"k": 1})
    def chain(question):
        with mlflow.start_span("retrieve", span_type="RETRIEVER") as span:
            span.set_inputs({"query": question})
            span.set_outputs([{"page_content": "ü 🌧", "metadata": {"doc_uri": "a"}}])
            span.set_attribute("rows", 3)
        with mlflow.start_span("generate", span_type="LLM") as span:
            span.set_inputs({"messages": [{"role": "user", "content": question}]})
            span.set_attributes({"temperature": 0.5, "stop": ["\n"], "chat": {"a": {"b": None}}, "flag": True})
            if f.version >= (3, 2):
                span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12})
                span.set_attributes({"mlflow.llm.cost": {"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75}, "mlflow.llm.model": "lama", "mlflow.llm.provider": "herd"})
            if f.version >= (3, 0):
                span.add_event(mlflow.entities.SpanEvent("token", timestamp=1, attributes={"n": 1}))
            span.set_outputs({"answer": 42})
        mlflow.update_current_trace(tags={"shade": "dark", "größe": "ü"}, **({"client_request_id": f.name("request"), "metadata": {"user": "ann"}} if f.version >= (3, 1) else {}))
        return {"answer": "42", "for": question}

    chain("How much rain?")
    ids["chain"] = last(f)

    @mlflow.trace
    def fails():
        raise ValueError("as planned")

    try:
        fails()
    except ValueError:
        pass
    ids["fails"] = last(f)
    with mlflow.start_run(run_name="traced"):
        with mlflow.start_span("in a run") as span:
            span.set_inputs({"x": 1})
        ids["in a run"] = last(f)
    with mlflow.start_span("long") as span:
        span.set_inputs({"text": "x" * 20_000})
        span.set_outputs({"text": "y" * 2_000})
    ids["long"] = last(f)
    if hasattr(mlflow, "flush_trace_async_logging"):
        try:
            mlflow.flush_trace_async_logging()
        except Exception:
            pass
    return ids


def last(f):
    if hasattr(mlflow, "get_last_active_trace_id"):
        return mlflow.get_last_active_trace_id()
    trace = mlflow.get_last_active_trace()
    return trace.info.request_id


# What depends on time, size in bytes of times, or this machine.
VOLATILE = {"mlflow.trace.sizeStats", "mlflow.trace.sizeBytes", "mlflow.trace.size_stats", "mlflow.trace.size_bytes", "mlflow.traceRequestId"}


def shape(trace, three):
    info = trace.info
    spans = sorted(trace.data.spans, key=lambda s: s.start_time_ns)
    names = {span.span_id: span.name for span in spans}
    seen = {
        "spans": [{"name": s.name, "type": s.span_type, "parent": names.get(s.parent_id), "status": s.status, "inputs": cut(s.inputs), "outputs": cut(s.outputs),
                   "attributes": {k: cut(v) for k, v in s.attributes.items() if k not in VOLATILE},
                   "events": [(e.name, sorted(e.attributes)) for e in s.events]} for s in spans],
        "tags": info.tags,
        "metadata": {k: json.loads(v) if k == "mlflow.trace.cost" else v for k, v in (info.trace_metadata if three else info.request_metadata).items() if k not in VOLATILE},
        "has size": sorted(VOLATILE & set(info.trace_metadata if three else info.request_metadata)),
    }
    if three:
        seen |= {"state": info.state, "location": info.trace_location.to_dict(), "request": cut(info.request_preview), "response": cut(info.response_preview),
                 "client id": info.client_request_id, "assessments": len(info.assessments)}
    else:
        seen |= {"state": info.status, "experiment_id": info.experiment_id}
    return seen


def cut(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) < 300 else f"{text[:40]}… {len(text)}"


def label(trace):
    return trace.data.spans[0].name if trace.data and trace.data.spans else "none"


def found(f, experiment, text=None, **more):
    traces = f.client.search_traces([experiment], filter_string=text, **more)
    names = [t.info.tags.get("mlflow.traceName") for t in traces]
    return names if more else sorted(names)


def filters(f):
    both = ["tags.shade = 'dark'", "tag.shade != 'dark'", "tags.`größe` = 'ü'", "timestamp_ms > 0", "timestamp < 1000", "execution_time_ms >= 0", "colour = 'x'", "tags.shade = dark",
            "name = 'chain'", "status = 'ERROR'", "status = 'OK'", "timestamp_ms = 'x'", "tags.shade = 'dark' AND status = 'OK'", "tags.shade = 'a' OR status = 'OK'"]
    three = ["name != 'chain'", "trace.status = 'OK'", "attributes.status = 'ERROR'", "name LIKE 'ch%'", "name ILIKE 'CH%'", "name IN ('chain', 'fails')", "name NOT IN ('chain')", "tags.shade LIKE 'd%'",
             "metadata.user = 'ann'", f"client_request_id = '{f.name('request')}'", "trace.timestamp_ms > 0", "trace.execution_time_ms > 1000000"]
    six = ["span.name = 'retrieve'", "span.type = 'LLM'", "span.name LIKE 'gen%'", "span.status = 'ERROR'", "span.attributes.rows LIKE '%3%'", "span.type IN ('LLM', 'X')", "span.name RLIKE '^re.*ve$'",
           "span.name = 'retrieve' AND span.type = 'LLM'", "trace.text LIKE '%How much%'", "tags.shade RLIKE 'd.r'", "span.content LIKE '%answer%'"]
    # MLflow's client of 2.x speaks the v2 words.
    return both + (three if f.version >= (3, 0) else []) + (six if f.version >= (3, 6) else [])


def assessed(f, experiment, made):
    from mlflow.entities import AssessmentError, AssessmentSource, AssessmentSourceType

    one = made["chain"]
    human = AssessmentSource(AssessmentSourceType.HUMAN, "ann")
    seen = lambda a: {**{k: v for k, v in a.to_dictionary().items() if not k.endswith("_time")}}
    good = mlflow.log_feedback(trace_id=one, name="good", value=True, rationale="It rains.", source=human, metadata={"a": "b"})
    f.see("feedback", lambda: seen(good))
    for value in [0.5, 3, "text", ["a", 1], {"a": {"b": 1}}, None]:
        f.see(f"feedback {value!r}", lambda: seen(mlflow.log_feedback(trace_id=one, name="value", value=value, source=human)))
    f.see("feedback that failed", lambda: seen(mlflow.log_feedback(trace_id=one, name="failed", error=AssessmentError("CODE", "message"))))
    expected = mlflow.log_expectation(trace_id=one, name="answer", value={"answer": 42, "ü": [1]}, source=human)
    f.see("expectation", lambda: seen(expected))
    f.see("got", lambda: seen(mlflow.get_assessment(one, good.assessment_id)))
    f.see("updated", lambda: seen(mlflow.update_assessment(one, good.assessment_id, mlflow.entities.Feedback(name="good", value=False, rationale="It does not.", metadata={"c": "d"}))))
    f.see("overridden", lambda: seen(mlflow.override_feedback(trace_id=one, assessment_id=good.assessment_id, value="maybe", source=human)))
    f.see("old one", lambda: seen(mlflow.get_assessment(one, good.assessment_id)))
    f.see("on the trace", lambda: sorted((a.name, str(a.value), a.valid) for a in f.client.get_trace(one).info.assessments))
    f.see("deleted assessment", lambda: mlflow.delete_assessment(one, expected.assessment_id))
    f.see("deleted, got it", lambda: mlflow.get_assessment(one, expected.assessment_id))
    f.see("deleted it again", lambda: mlflow.delete_assessment(one, expected.assessment_id))
    f.see("unknown assessment", lambda: mlflow.get_assessment(one, "a-" + "0" * 32))
    f.see("of an unknown trace", lambda: mlflow.log_feedback(trace_id="tr-" + "0" * 32, name="x", value=1))
    if f.version >= (3, 6):
        for text in ["feedback.good = 'maybe'", "feedback.good = '\"maybe\"'", "feedback.value = '3'", "feedback.good LIKE '%may%'", "expectation.answer LIKE '%42%'", "feedback.nothing = '1'"]:
            f.see(f"filter {text}", lambda: found(f, experiment, text))


    if f.version >= (3, 17):
        for text in ["feedback.value > 0.4", "feedback.value >= 3", "feedback.value < 0.5", "expectation.answer > 1", "feedback.good > 0", "feedback.value > '1'"]:
            f.see(f"filter {text}", lambda: found(f, experiment, text))


def measured(f, experiment):
    if f.version < (3, 17):
        return
    from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

    store = mlflow.tracking._tracking_service.utils._get_store()
    count = [MetricAggregation(AggregationType.COUNT)]
    spread = [MetricAggregation(AggregationType.PERCENTILE, 50.0), MetricAggregation(AggregationType.MAX), MetricAggregation(AggregationType.AVG)]
    total = [MetricAggregation(AggregationType.SUM)]

    def measure(view, metric, aggregations, **more):
        points = store.query_trace_metrics([experiment], MetricViewType(view), metric, aggregations, **more)
        # How long things took differs from server to server.
        return [(p.metric_name, sorted(p.dimensions.items()), sorted(p.values) if metric == "latency" else sorted(p.values.items())) for p in points]

    f.see("traces by name", lambda: measure("TRACES", "trace_count", count, dimensions=["trace_name"]))
    f.see("traces by status", lambda: measure("TRACES", "trace_count", count, dimensions=["trace_status"]))
    f.see("traces with a tag", lambda: measure("TRACES", "trace_count", count, filters=["trace.tag.shade = 'dark'"]))
    f.see("sessions", lambda: measure("TRACES", "session_count", count))
    f.see("latency", lambda: measure("TRACES", "latency", spread, dimensions=["trace_name"]))
    f.see("tokens", lambda: measure("TRACES", "total_tokens", total))
    f.see("tokens of a name", lambda: measure("TRACES", "input_tokens", spread, dimensions=["trace_name"]))
    f.see("spans", lambda: measure("SPANS", "span_count", count, dimensions=["span_name", "span_type"]))
    f.see("spans of a type", lambda: measure("SPANS", "span_count", count, filters=["span.type = 'LLM'", "trace.status = 'OK'"]))
    f.see("cost", lambda: measure("SPANS", "total_cost", total, dimensions=["span_model_name"]))
    f.see("assessments", lambda: measure("ASSESSMENTS", "assessment_count", count, dimensions=["assessment_name"]))
    f.see("assessed values", lambda: measure("ASSESSMENTS", "assessment_value", spread, dimensions=["assessment_name"]))
    now = int(time.time() * 1000)
    f.see("in time", lambda: len(measure("TRACES", "trace_count", count, time_interval_seconds=86400 * 3650, start_time_ms=0, end_time_ms=now + 60_000)))
    f.see("an unknown metric", lambda: measure("TRACES", "colour", count))
    f.see("a sum of counts", lambda: measure("TRACES", "trace_count", total))
    f.see("an unknown dimension", lambda: measure("TRACES", "trace_count", count, dimensions=["span_name"]))
    f.see("an interval without time", lambda: measure("TRACES", "trace_count", count, time_interval_seconds=60))
    f.see("another filter", lambda: measure("TRACES", "trace_count", count, filters=["trace.colour = 'x'"]))
    f.see("a filter of spans", lambda: measure("TRACES", "trace_count", count, filters=["span.name = 'x'"]))


def linked(f, experiment, made):
    if f.version < (3, 4):
        return
    run_id = f.client.create_run(experiment, start_time=1, run_name="linked").info.run_id
    f.see("linked", lambda: f.client.link_traces_to_run([made["chain"], made["long"]], run_id))
    f.see("of the run", lambda: found(f, experiment, f"attributes.run_id = '{run_id}'"))
    f.see("linked to nothing", lambda: f.client.link_traces_to_run([made["chain"]], "0" * 32))
