"""Saves one small network in each way that PyTorch has, and prints rows and what they answer themselves."""

import json
import os
import sys

import torch

target = sys.argv[1]
torch.manual_seed(7)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2), torch.nn.Softmax(dim=1)).eval()
columns = {"a": [0.5, -1.0, 2.0], "b": [1.0, 0.0, 0.25], "c": [-2.0, 1.5, 0.5], "d": [0.0, 0.5, 3.0]}
rows = torch.tensor(list(zip(*columns.values())), dtype=torch.float32)
answers = model(rows).tolist()


def exported(path):
    dynamic = ({0: torch.export.Dim("rows", min=1, max=4096)},)
    torch.export.save(torch.export.export(model, (rows,), dynamic_shapes=dynamic), path)


ways = {
    "module": ("data/model.pth", "model_data: data", lambda path: torch.save(model, path)),
    "script": ("model.pt", "data: model.pt", lambda path: torch.jit.script(model).save(path)),
    "exported": ("data/model.pt2", "model_data: data", exported),
}
told = {}
for name, (file, data, save) in ways.items():
    path = os.path.join(target, name, file)
    os.makedirs(os.path.dirname(path))
    save(path)
    told[name] = {"mlmodel": "flavors: {pytorch: {%s}}" % data, "answers": answers}
print(json.dumps({"columns": columns, "models": told}))
