"""YAML read strictly: what each scalar means, and what is not plain YAML refused with its place."""

import math
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from parity.cases import reader
from parity.cases.errors import CaseError
from parity.cases.reader import parse, read

SCALARS: list[tuple[str, Any]] = [
    ("1e-6", 1e-6), ("1E+6", 1e6), ("-2.5e3", -2500.0), (".5", 0.5), ("5.", 5.0), ("+3", 3), ("-0", 0), ("1_000", 1000),
    ("010", 10), ("0x10", "0x10"), ("1:30", "1:30"), ("1e", "1e"), ("--1", "--1"), ("1.2.3", "1.2.3"), ("_1", "_1"),
    ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("1e308", 1e308),
    ("1e-400", 0.0), ("=", "="), (".inf", math.inf), ("+.Inf", math.inf), ("-.INF", -math.inf),
    ("inf", "inf"), ("nan", "nan"), ("true", True), ("False", False), ("yes", "yes"), ("no", "no"),
    ("on", "on"), ("null", None), ("~", None), ("", None), ("'1'", "1"), ('"true"', "true"), ("'.inf'", ".inf"),
    ("2026-01-01", "2026-01-01"), ("\u0663", "\u0663"),
]  # fmt: skip

NOT_YAML: list[tuple[str | bytes, str]] = [
    ("", "1:1: the file is empty, expected 'loss:' and 'cases:'"),
    ("# only a comment\n", "2:1: the file is empty"),
    ("loss: [kl_div\n", "2:1: this is not YAML: did not find expected ',' or ']' while parsing a flow sequence"),
    ("loss: 'kl_div\n", "2:1: this is not YAML: found unexpected end of stream while scanning a quoted scalar"),
    ("loss: a: b\n", "1:8: this is not YAML: mapping values are not allowed in this context"),
    ("loss:\n\tkl_div: 1\n", "2:1: this is not YAML: found the character '\\t' that cannot start any token"),
    ("loss: @kl_div\n", "1:7: this is not YAML: found the character '@' that cannot start any token"),
    ('loss: "\\ud800"\n', "1:10: this is not YAML: found invalid Unicode character escape code"),
    ("%YAML 9.9\n---\nloss: kl_div\n", "1:1: this is not YAML: found incompatible YAML document"),
    ("loss: kl_div\n---\nloss: kl_div\n", "2:1: found a second document, expected one document a file"),
    (b"loss: kl_div\nwhy: caf\xe9\n", "2:9: found byte 0xe9, expected UTF-8 text"),
    ("loss: é\n".encode() + b"\xff", "2:1: found byte 0xff, expected UTF-8 text"),
    ("loss: kl_div\n".encode("utf-16"), "1:1: found byte 0xff, expected UTF-8 text"),
    ("loss: \x00\n", "1:7: found the character U+0000, expected text without control characters"),
    ("loss: kl_div\nwhy: é\x1b[31m\n", "2:7: found the character U+001B"),
    ("loss: kl_div\n\ufeffwhy: a\n", "2:1: found the character U+FEFF"),
    ("a: &x [1]\nb: *x\n", "1:4: found the anchor '&x', expected no anchors or aliases"),
    ("a: 1\nb: *x\n", "2:4: found the alias '*x', expected the value itself"),
    ("&x a: 1\n", "1:1: found the anchor '&x'"),
    ("*x : 1\n", "1:1: found the alias '*x'"),
    ("!!python/object:os.system {}\n", "1:1: found the tag 'tag:yaml.org,2002:python/object:os.system', expected a"),
    ("!!str loss: kl_div\n", "1:1: found the tag 'tag:yaml.org,2002:str'"),
    ("? [a]\n: 1\n", "1:3: found a list or a mapping as a key, expected a word"),
    ("loss: kl_div\nloss: l1_loss\n", "2:1: the key 'loss' stands here again, it is already in line 1"),
    ("seeds: 99999999999999999999\n", "1:8: found '99999999999999999999', expected a whole number of at most 64 bits"),
    (f"seeds: {'9' * 5000}\n", "1:8: found '999"),
    ("seeds: -1e999\n", "1:8: found '-1e999', expected a number within float64, or .inf"),
    ("[" * 1_000_000, "1:1: the file is too long, expected at most 262144 bytes"),
    ("[" * 250_000, "1:25: values nest more than 24 deep here, expected fewer"),
    ("{a: " * 60_000, "1:97: values nest more than 24 deep here"),
    ("- " * 120_000, "1:49: values nest more than 24 deep here"),
    ("a: &a [x]\n" + "".join(f"b{i}: &b{i} [{'*a, ' * 9}*a]\n" for i in range(2000)), "1:4: found the anchor '&a'"),
]  # fmt: skip


LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]


@pytest.mark.parametrize("loader", LOADERS, ids=["python", "libyaml"])
@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_a_scalar_means_one_thing(monkeypatch: pytest.MonkeyPatch, loader: Any, text: str, value: Any) -> None:
    monkeypatch.setattr(reader, "_Loader", loader)
    found = parse(f"key: {text}\n", Path("f.yaml")).data["key"]
    assert (found, type(found)) == (value, type(value))


def test_nan_is_a_number() -> None:
    assert math.isnan(parse("key: .NaN\n", Path("f.yaml")).data["key"])


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes("\ufeffloss: kl_div\n".encode())
    document = read(path)
    assert document.data == {"loss": "kl_div"}
    assert (document.mark(("loss",)).line, document.mark(("loss",)).column) == (1, 7)


def test_every_value_has_its_place() -> None:
    document = parse("a:\n  - b: {c: [1, x]}\nd: 2\n", Path("f.yaml"))
    places: dict[tuple[str | int, ...], tuple[int, int]] = {
        ("a",): (2, 3), ("a", 0): (2, 5), ("a", 0, "b"): (2, 8), ("a", 0, "b", "c", 1): (2, 16), ("d",): (3, 4),
        ("a", 0, "b", "none"): (2, 8), ("a", 7, 0): (2, 5), ("none",): (1, 1),
    }  # fmt: skip
    for place, (line, column) in places.items():
        assert (document.mark(place).line, document.mark(place).column) == (line, column), place
    assert document.mark(("a", 0, "b", "c"), key=True).column == 9
    assert document.mark(("a", 0, "b", "none"), key=True).column == 8


@pytest.mark.parametrize(("text", "sentence"), NOT_YAML)
def test_what_is_not_strict_yaml_is_refused(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CaseError) as info:
        read(path)
    assert f"bad.yaml:{sentence}" in str(info.value)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"none\.yaml:1:1: the file cannot be read: No such file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(CaseError, match="1:1: the file cannot be read: Is a directory"):
        read(tmp_path)
    with pytest.raises(CaseError, match="1:1: the file cannot be read: it is a device, expected a regular file"):
        read(Path("/dev/zero"))
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(CaseError, match="1:1: the file cannot be read: it is a pipe, expected a regular file"):
        read(pipe)
    with pytest.raises(CaseError, match="1:1: the file cannot be read: embedded null byte"):
        read(tmp_path / "a\0b.yaml")
    long = tmp_path / "long.yaml"
    long.write_bytes(b"#" * 300_000)
    with pytest.raises(CaseError, match="1:1: the file is too long, expected at most"):
        read(long)
