"""Arithmetic that a model can rely on. A tool is a function with types and a docstring: see docs/tools.md."""

import ast
import math
import operator

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_NAMES = {"pi": math.pi, "e": math.e, "tau": math.tau}
_FUNCTIONS = {
    name: getattr(math, name)
    for name in "sqrt exp log log2 log10 sin cos tan asin acos atan degrees radians floor ceil".split()
} | {"abs": abs, "round": round, "min": min, "max": max}
_POWER_LIMIT = 10_000  # bits: a longer result is no number that anybody reads


def calculate(expression: str) -> str:
    """Work out an arithmetic expression exactly, such as "12.5% of 80" written as 0.125 * 80.

    Knows + - * / // % ** and parentheses, pi, e, tau, and sqrt, exp, log, log2, log10, sin, cos, tan, asin, acos, atan, degrees,
    radians, floor, ceil, abs, round, min, max. Angles are in radians.

    Args:
        expression: The expression, for example "(3 + 4) * sqrt(2)".
    """
    return str(_value(ast.parse(expression.strip(), mode="eval").body))


def _value(node):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _combined(type(node.op), _value(node.left), _value(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id in _FUNCTIONS:
            return _FUNCTIONS[node.func.id](*[_value(argument) for argument in node.args])
    raise ValueError(f"{ast.unparse(node)!r} is not arithmetic")


def _combined(kind, left, right):
    if kind is ast.Pow and isinstance(left, int) and isinstance(right, int):
        if left.bit_length() * abs(right) > _POWER_LIMIT:
            raise ValueError("the power is too large")
    return _OPERATORS[kind](left, right)
