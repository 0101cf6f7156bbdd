"""Models that answer a text in parts, while they make it."""

import contextlib


class Streaming:
    def __init__(self, predict, outputs):
        """`predict(columns)` yields the parts of the text for one row; `outputs` are the names that are known."""
        self.predict = predict
        self.output = outputs[0] if len(outputs) == 1 else "text_output"

    def __call__(self, columns, rows):
        return self.answer(self.whole({name: values[row : row + 1] for name, values in columns.items()}) for row in range(rows))

    def whole(self, columns, told=lambda part: True):
        """The text. `told` hears each part, and says whether anybody waits for more; the generator is closed when nobody does."""
        parts = []
        with contextlib.closing(self.predict(columns)) as yielded:
            for part in yielded:
                if not isinstance(part, str):
                    raise TypeError("the model yielded %s; allowed: texts" % type(part).__name__)
                parts.append(part)
                if not told(part):
                    break
        return "".join(parts)

    def answer(self, wholes):
        return {self.output: list(wholes)}
