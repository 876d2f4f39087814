"""A YAML file whose values know their lines, so that a mistake in it can be named by line."""

from dataclasses import dataclass
from typing import NoReturn

import yaml

from dagster_code.lib.errors import UserError


@dataclass(frozen=True)
class Text:
    """A scalar, as it was written.

    Attributes:
        text: its text; empty for null.
        line: where it stands, counted from 1.
    """

    text: str
    line: int


@dataclass(frozen=True)
class Items:
    """A list.

    Attributes:
        items: what it holds.
        line: where it begins.
    """

    items: tuple["Value", ...]
    line: int


@dataclass(frozen=True)
class Pairs:
    """A mapping from texts to values, in the order of the file.

    Attributes:
        pairs: key and value.
        line: where it begins.
    """

    pairs: tuple[tuple[Text, "Value"], ...]
    line: int


Value = Text | Items | Pairs


@dataclass(frozen=True)
class Document:
    """A file that was read.

    Attributes:
        shown: how the file is named in messages.
        root: its content.
    """

    shown: str
    root: Pairs

    def refuse(self, line: int, what: str) -> NoReturn:
        """Refuse the file.

        Args:
            line: where the mistake is.
            what: is wrong.

        Raises:
            UserError: always; one line that names file and line.
        """
        raise UserError(f"{self.shown}, line {line}: {what}")


def read_document(text: str, shown: str) -> Document:
    """Read a YAML mapping.

    Args:
        text: of the file.
        shown: how to name the file in messages.

    Raises:
        UserError: it is no YAML, or no mapping, or a key occurs twice; names the line.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise UserError(f"{shown}, line {line}: this is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{shown}: this is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{shown}, line 1: a mapping file holds `key: value` pairs")
    root = _value(node, shown)
    if not isinstance(root, Pairs):
        raise UserError(f"{shown}, line 1: a mapping file holds `key: value` pairs")
    return Document(shown, root)


def _value(node: yaml.Node, shown: str) -> Value:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_value(item, shown) for item in node.value), line)
    if isinstance(node, yaml.MappingNode):
        pairs = tuple((_key(key, shown), _value(value, shown)) for key, value in node.value)
        _refuse_repeated([key for key, _ in pairs], shown)
        return Pairs(pairs, line)
    is_null = node.tag == "tag:yaml.org,2002:null"
    return Text("" if is_null else str(node.value).strip(), line)


def _key(node: yaml.Node, shown: str) -> Text:
    if not isinstance(node, yaml.ScalarNode):
        raise UserError(f"{shown}, line {node.start_mark.line + 1}: a key is a plain word")
    return Text(str(node.value).strip(), node.start_mark.line + 1)


def _refuse_repeated(keys: list[Text], shown: str) -> None:
    first: dict[str, int] = {}
    for key in keys:
        if key.text in first:
            raise UserError(
                f"{shown}, line {key.line}: {key.text} stands here a second time, first in line"
                f" {first[key.text]}"
            )
        first[key.text] = key.line
