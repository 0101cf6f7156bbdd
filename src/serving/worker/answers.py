"""What models answer, as columns by name."""


def named(answer, names):
    """From a table, one column, a dict, an array of one or two dimensions, a tensor; `names` are those that are known."""
    if hasattr(answer, "columns") and hasattr(answer, "to_numpy"):
        return {str(name): answer[name].to_numpy() for name in answer.columns}
    if isinstance(answer, dict):
        return {name: plain(values) for name, values in answer.items()}
    values = plain(answer)
    width = values.shape[1] if values.ndim == 2 else 1
    if width > 1 and len(names) == width:
        return {name: values[:, at] for at, name in enumerate(names)}
    return {names[0] if len(names) == 1 else "output": values}


def plain(values):
    """As an array of numpy; a column of one value for each row has one dimension."""
    import numpy

    if hasattr(values, "detach"):
        values = values.detach().cpu()
    if hasattr(values, "toarray"):
        values = values.toarray()
    array = numpy.asarray(values)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
