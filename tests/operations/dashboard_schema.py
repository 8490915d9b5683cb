"""Checks a dashboard against the types of Grafana's foundation SDK: fields that Grafana does not know, and wrong types.

The SDK's own reader takes anything. Here what it read is written again, so that what it left out shows; and the types
that its classes declare are held against the values.
"""

import enum
import json
import typing

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard


def problems(text):
    """What is wrong with a dashboard's JSON, each with its path."""
    register_default_plugins()
    return list(_wrong_types("", json.loads(text), dashboard.Dashboard))


def _read(path, given, declared):
    """Problems of an object, read as the SDK's class."""
    read = declared.from_json(given)
    yield from _differences(path, given, json.loads(json.dumps(read, cls=JSONEncoder)))
    yield from _wrong_types(path, read, declared)


def _differences(path, given, kept):
    """What of `given` is not in `kept`. What the SDK adds are defaults."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key not in kept:
                yield f"{path}.{key}: not a field that Grafana knows"
            else:
                yield from _differences(f"{path}.{key}", value, kept[key])
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(given, kept)):
            yield from _differences(f"{path}[{index}]", one, other)
    elif given != kept:
        yield f"{path}: {given!r} is read as {kept!r}"


def _wrong_types(path, value, declared):
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin is typing.Union:
        # What is wrong says the alternative of the value's own type, if there is one.
        own = [one for one in arguments if isinstance(typing.get_origin(one) or one, type)
               and isinstance(value, typing.get_origin(one) or one)]
        found = [list(_wrong_types(path, value, one)) for one in own or arguments]
        if all(found):
            yield from found[0]
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for index, one in enumerate(value):
            yield from _wrong_types(f"{path}[{index}]", one, arguments[0])
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
            return
        for key, one in value.items():
            yield from _wrong_types(f"{path}.{key}", one, arguments[1])
    elif declared in (object, typing.Any):
        yield from _fields(path, value)
    elif isinstance(value, dict) and hasattr(declared, "from_json"):
        yield from _read(path, value, declared)  # The SDK leaves some as they are.
    elif not isinstance(declared, type):
        raise TypeError(f"{path}: cannot check {declared!r}")
    elif issubclass(declared, enum.Enum):
        if value not in [member.value for member in declared]:
            yield f"{path}: {value!r} is none of {[member.value for member in declared]}"
    elif declared is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            yield f"{path}: {value!r} is no number"
    elif not isinstance(value, declared) or (declared is int and isinstance(value, bool)):
        yield f"{path}: {value!r} is no {declared.__name__}"
    else:
        yield from _fields(path, value)


def _fields(path, value):
    """The fields of one of the SDK's objects, by the module that declares it."""
    if not type(value).__module__.startswith("grafana_foundation_sdk."):
        return
    hints = typing.get_type_hints(type(value))
    for name, one in vars(value).items():
        if name in hints:
            yield from _wrong_types(f"{path}.{name}", one, hints[name])
