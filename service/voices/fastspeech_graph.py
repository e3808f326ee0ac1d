"""The acoustic model as LiteRT can run it: two layers of dropout, left on by mistake, are taken out.

The model asks for random numbers, by an operation that only all of TensorFlow has, to drop out parts of two
embeddings. Dropout is for training; without it the same text gives the same sound. The file is changed in
memory: what used the result of a dropout uses what went into it, and the random operation becomes one
that costs nothing and whose result nobody uses.
"""

from __future__ import annotations

from typing import Any

RANDOM = b"FlexRandomUniform"
AFTER_RANDOM = 3
"""Operations from the random numbers to the result of a dropout: a comparison, a cast, a product."""
_OPCODE_FIELD = 4
"""Where an operator's table has the number of its code. Source: TensorFlow Lite's `schema.fbs`."""


def without_dropout(model: bytes, schema: Any) -> bytes:
    """The model without its dropouts; `schema` is the module `ai_edge_litert.schema_py_generated`.

    Raises `ValueError` for a model that is built otherwise.
    """
    data = bytearray(model)
    root = schema.Model.GetRootAs(data, 0)
    graph = root.Subgraphs(0)
    codes = [root.OperatorCodes(number) for number in range(root.OperatorCodesLength())]
    tanh = next(
        (number for number, code in enumerate(codes) if code.BuiltinCode() == schema.BuiltinOperator.TANH or
         code.DeprecatedBuiltinCode() == schema.BuiltinOperator.TANH), None
    )  # fmt: skip
    operators = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    made_by = {int(tensor): one for one in operators for tensor in one.OutputsAsNumpy()}
    for one in operators:
        if codes[one.OpcodeIndex()].CustomCode() != RANDOM:
            continue
        if tanh is None:
            raise ValueError("the model has no operation to put in place of the random one")
        source = int(made_by[int(one.Inputs(0))].Inputs(0))  # whose shape the random numbers are to have
        result = int(one.Outputs(0))
        for _ in range(AFTER_RANDOM):
            users = _users(operators, result)
            if len(users) != 1:
                raise ValueError("the model's dropout is built otherwise")
            result = int(users[0].Outputs(0))
        for user in _users(operators, result):
            inputs = user.InputsAsNumpy()
            inputs[inputs == result] = source
        one.InputsAsNumpy()[0] = source
        place = one._tab.Pos + one._tab.Offset(_OPCODE_FIELD)
        data[place : place + 4] = tanh.to_bytes(4, "little")
    return bytes(data)


def _users(operators: list[Any], tensor: int) -> list[Any]:
    return [one for one in operators if tensor in one.InputsAsNumpy()]
