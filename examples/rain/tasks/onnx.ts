import protobuf from 'protobufjs'
import type { Logistic } from './logistic.ts'

/** The part of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that a logistic regression needs. */
export const schema = protobuf.parse(`
  syntax = "proto3";

  message Model {
    int64 ir_version = 1;
    string producer_name = 2;
    Graph graph = 7;
    repeated OperatorSet opset_import = 8;
  }
  message OperatorSet { int64 version = 2; }
  message Graph {
    repeated Node node = 1;
    string name = 2;
    repeated Tensor initializer = 5;
    repeated Value input = 11;
    repeated Value output = 12;
  }
  message Node {
    repeated string input = 1;
    repeated string output = 2;
    string name = 3;
    string op_type = 4;
    repeated Attribute attribute = 5;
  }
  message Attribute { string name = 1; int64 i = 3; int32 type = 20; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; repeated float float_data = 4; string name = 8; }

  message Value { string name = 1; Type type = 2; }
  message Type { TensorType tensor_type = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Shape { repeated Dimension dim = 1; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
`).root

/** Codes of the ONNX standard: the element type of a tensor, the type of an attribute. */
const float = 1
const int = 2

/**
 * The model as an ONNX file. One input for each feature, named as the feature, and one output, `probability`; all are
 * float32 [N, 1]. The standardisation is part of the graph, so whoever calls the model needs to know nothing but names.
 */
export function toOnnx(features: readonly string[], { mean, scale, weights, intercept }: Logistic): Uint8Array {
  const k = features.length
  const Model = schema.lookupType('Model')
  const model = {
    irVersion: 8,
    producerName: 'trainyard-example-rain',
    opsetImport: [{ version: 17 }],
    graph: {
      name: 'rain',
      input: features.map(column),
      node: [
        { ...node('Concat', features, 'x'), attribute: [{ name: 'axis', type: int, i: 1 }] },
        node('Sub', ['x', 'mean'], 'centred'),
        node('Div', ['centred', 'scale'], 'standardised'),
        node('MatMul', ['standardised', 'weights'], 'weighted'),
        node('Add', ['weighted', 'intercept'], 'log_odds'),
        node('Sigmoid', ['log_odds'], 'probability'),
      ],
      initializer: [
        tensor('mean', [1, k], mean),
        tensor('scale', [1, k], scale),
        tensor('weights', [k, 1], weights),
        tensor('intercept', [1, 1], [intercept]),
      ],
      output: [column('probability')],
    },
  }
  return Model.encode(Model.fromObject(model)).finish()
}

const node = (opType: string, input: readonly string[], output: string) => ({
  name: output,
  opType,
  input,
  output: [output],
})

const tensor = (name: string, dims: readonly number[], floatData: readonly number[]) => ({
  name,
  dims,
  dataType: float,
  floatData,
})

const column = (name: string) => ({
  name,
  type: { tensorType: { elemType: float, shape: { dim: [{ dimParam: 'N' }, { dimValue: 1 }] } } },
})
