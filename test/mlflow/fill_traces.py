"""Logs traces of every kind, and evaluation datasets, at a tracking server: python fill_traces.py <tracking uri>"""
import math
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentError, AssessmentSource
from mlflow.genai.datasets import create_dataset

uri = sys.argv[1]
mlflow.set_tracking_uri(uri)
client = MlflowClient(uri)
mlflow.set_experiment('traced/größe')


@mlflow.trace(span_type='LLM', attributes={'n': 1, 'f': 0.5, 'whole': 2.0, 'list': [1, 'a', None, {}], 'big': 2**60, 'flag': True})
def inner(x):
    span = mlflow.get_current_active_span()
    span.set_attribute('mlflow.chat.tokenUsage', {'input_tokens': 3, 'output_tokens': 4, 'total_tokens': 7})
    span.set_attribute('nan', math.nan)
    return {'y': x, 'ü': '💡 it\'s "q"\n'}


@mlflow.trace(name='outer')
def outer(x):
    mlflow.update_current_trace(tags={'t': 'v', 'empty': ''})
    return inner(x)


@mlflow.trace
def bad(x):
    raise ValueError('no')


for number in range(3):
    outer(number)
try:
    bad(1)
except ValueError:
    pass
with mlflow.start_run() as traced:
    outer(9)
mlflow.flush_trace_async_logging()
ids = [trace.info.trace_id for trace in mlflow.search_traces(return_type='list', order_by=['timestamp_ms ASC'])]
human = AssessmentSource('HUMAN', 'ann')
mlflow.log_feedback(trace_id=ids[0], name='good', value=True, rationale='why', source=human, metadata={'a': 'b'})
mlflow.log_feedback(trace_id=ids[0], name='failed', error=AssessmentError('CODE', 'message'))
mlflow.log_feedback(trace_id=ids[1], name='many', value={'a': [1, 2.5]})
mlflow.log_expectation(trace_id=ids[1], name='exp', value={'a': [1, 2]}, source=human)
mlflow.log_expectation(trace_id=ids[1], name='word', value='ü')
first = mlflow.log_feedback(trace_id=ids[1], name='score', value=0.5)
mlflow.override_feedback(trace_id=ids[1], assessment_id=first.assessment_id, value=0.7)
client.link_traces_to_run(ids[:2], traced.info.run_id)

experiment = client.get_experiment_by_name('traced/größe').experiment_id
dataset = create_dataset(name='questions/ü', experiment_id=[experiment, '0'], tags={'a': 'b'})
dataset.merge_records(
    [
        {'inputs': {'q': 'ü', 'n': 1.5}, 'expectations': {'answer': [1, 2]}, 'tags': {'k': 'v'}},
        {'inputs': {'q': 'b', 'n': 2}, 'outputs': {'x': None}},
    ]
)
dataset.merge_records(mlflow.search_traces([experiment], max_results=2))
dataset.merge_records([{'inputs': {'q': 'b', 'n': 2}, 'expectations': {'later': True}}])
create_dataset(name='empty')
