"""Array specifications -> arrays. Each maker takes a specification, a shape and a random generator."""

from collections.abc import Callable
from typing import Any

import numpy as np

from parity.cases.specs import (
    Arange,
    Bernoulli,
    Choice,
    Classes,
    Full,
    Integers,
    LogProbabilities,
    Magnitudes,
    Mask,
    Normal,
    OneHot,
    Probabilities,
    Spec,
    Uniform,
)
from parity.types import Array

Shape = tuple[int, ...]
Number = Callable[[Any], Any]
Maker = Callable[[Any, Shape, np.random.Generator, Number], Array]


def _normal(spec: Normal, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    values = rng.standard_normal(shape)
    if spec.std != 1:
        values *= number(spec.std)
    if spec.mean != 0:
        values += number(spec.mean)
    return values


def _uniform(spec: Uniform, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    low, high = number(spec.low), number(spec.high)
    return np.asarray(low + (high - low) * rng.random(shape))


def _integers(spec: Integers, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    low, high = number(spec.low), number(spec.high)
    return rng.integers(low, high, shape)


def _classes(spec: Classes, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    return rng.integers(0, number(spec.below), shape)


def _one_hot(spec: OneHot, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    dim = class_dim(shape) if spec.dim is None else spec.dim
    values = np.zeros(shape)
    if shape[dim]:
        rest = tuple(size for axis, size in enumerate(shape) if axis != dim % len(shape))
        np.put_along_axis(values, np.expand_dims(rng.integers(0, shape[dim], rest), dim), 1.0, dim)
    return values


def _probabilities(spec: Probabilities, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    values = np.exp(rng.standard_normal(shape))
    values /= values.sum(axis=class_dim(shape) if spec.dim is None else spec.dim, keepdims=True)
    return values


def _log_probabilities(spec: LogProbabilities, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    values = rng.standard_normal(shape)
    dim = class_dim(shape) if spec.dim is None else spec.dim
    values -= np.log(np.exp(values).sum(axis=dim, keepdims=True))
    return values


def _bernoulli(spec: Bernoulli, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    return np.asarray(rng.random(shape) < number(spec.p), np.float64)


def _magnitudes(spec: Magnitudes, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    low, high = number(spec.low), number(spec.high)
    sign = np.where(rng.random(shape) < 0.5, -1.0, 1.0)
    return np.asarray(sign * 10.0 ** (low + (high - low) * rng.random(shape)))


def _choice(spec: Choice, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    values = np.array([number(value) for value in spec.of])
    return np.asarray(values[rng.integers(0, len(values), shape)])


def _full(spec: Full, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    return np.full(shape, number(spec.value))


def _arange(spec: Arange, shape: Shape, rng: np.random.Generator, number: Number) -> Array:
    size = int(np.prod(shape))
    values = np.arange(size)
    if spec.modulo is not None and size:
        period = min(number(spec.modulo), size)
        values = np.broadcast_to(values[:period], (-(-size // period), period)).reshape(-1)[:size]
    return np.asarray(values.reshape(shape) + number(spec.start))


MAKERS: dict[type[Spec], Maker] = {
    Normal: _normal, Uniform: _uniform, Integers: _integers, Classes: _classes, OneHot: _one_hot,
    Probabilities: _probabilities, LogProbabilities: _log_probabilities, Bernoulli: _bernoulli,
    Magnitudes: _magnitudes, Choice: _choice, Full: _full, Arange: _arange,
}  # fmt: skip


def class_dim(shape: Shape) -> int:
    """The dimension of the classes, as torch has it: 1, or 0 where there is no batch."""
    return 1 if len(shape) > 1 else 0


def masked(values: Array, mask: Mask, rng: np.random.Generator, number: Number) -> Array:
    """The values with the mask's positions set to its value."""
    value = number(mask.value)
    if mask.share is not None:
        values[rng.random(values.shape) < mask.share] = value
    for index in mask.at or ():
        values[tuple(index)] = value
    return values
