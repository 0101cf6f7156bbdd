"""One revision of a deployment, embedded: it checks rows as the model server does, and tells it of its predictions.

    model = rain.open()
    model.predict([{"wind": 1.0, "rain": 0.0}])
"""

from .model import Model, RequestError, open

__all__ = ["Model", "RequestError", "open"]
