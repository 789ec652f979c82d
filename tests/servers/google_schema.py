"""Google's own description of its calendar API, as JSON Schema: every request and answer of the fake is held to it.

The document is the one that Google publishes; it comes with its Python client, which is used for nothing else.
"""

import json
import re
from functools import cache
from importlib import resources

from jsonschema import Draft202012Validator

DOCUMENT = "discovery_cache/documents/calendar.v3.json"


@cache
def document():
    return json.loads((resources.files("googleapiclient") / DOCUMENT).read_text())


def _as_json_schema(part):
    """Discovery speaks JSON Schema of 2010: references by bare name, and `any`. What it does not name is a mistake."""
    if isinstance(part, list):
        return [_as_json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return {"$ref": f"#/$defs/{part['$ref']}"}
    kept = {name: part[name] for name in ("type", "items", "properties", "additionalProperties") if name in part}
    if kept.get("type") == "any":
        del kept["type"]
    if "properties" in kept:
        kept["properties"] = {name: _as_json_schema(one) for name, one in kept["properties"].items()}
        kept["additionalProperties"] = False
    for name in ("items", "additionalProperties"):
        if name in kept:
            kept[name] = _as_json_schema(kept[name])
    if part.get("format") == "date-time":
        kept["pattern"] = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
    if part.get("format") == "date":
        kept["pattern"] = r"^\d{4}-\d\d-\d\d$"
    return kept


@cache
def _validator(name):
    definitions = {key: _as_json_schema(schema) for key, schema in document()["schemas"].items()}
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})


@cache
def _methods():
    found = []

    def collect(resources_):
        for resource in resources_.values():
            found.extend(resource.get("methods", {}).values())
            collect(resource.get("resources", {}))

    collect(document()["resources"])
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", method["path"])), method) for method in found]


def method_of(verb, path):
    """Find the method that a request is for; its path is below the API's base and still quoted."""
    for pattern, method in _methods():
        if method["httpMethod"] == verb and pattern.fullmatch(path):
            return method
    return None


def complaints_about_request(method, asked):
    """Say what is wrong with the query and the body of a request."""
    known = {**document()["parameters"], **method["parameters"]} if "parameters" in method else document()["parameters"]
    for name, text in asked.query.items():
        if name not in known:
            yield f"{method['id']} knows no parameter {name}"
        elif known[name]["type"] == "integer" and not text.isdigit():
            yield f"{name}={text} is no number"
        elif "enum" in known[name] and text not in known[name]["enum"]:
            yield f"{name}={text} is none of {known[name]['enum']}"
        elif known[name].get("format") == "date-time" and not re.search(r"T.*(Z|[+-]\d\d:\d\d)$", text):
            yield f"{name}={text} is no moment"
    if "request" in method:
        yield from _complaints(method["request"]["$ref"], _without_nulls(asked.json))
    elif asked.body:
        yield f"{method['id']} takes no body"


def complaints_about_answer(method, body):
    """Say what is wrong with an answer."""
    if "response" in method:
        yield from _complaints(method["response"]["$ref"], body)
    elif body is not None:
        yield f"{method['id']} answers nothing"


def _complaints(name, body):
    for error in _validator(name).iter_errors(body):
        yield f"{name} {list(error.path)}: {error.message}"


def _without_nulls(value):
    """Null in a request means "take it away" (JSON merge patch)."""
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def selected(value, fields, method):
    """Give what a `fields` parameter selects; raises KeyError for a field that the schema does not know.

    https://developers.google.com/workspace/calendar/api/guides/performance#partial-response
    """
    return _select(value, _parsed(fields), document()["schemas"][method["response"]["$ref"]])


def _parsed(fields):
    """Read `a,b(c,d)` as {"a": {}, "b": {"c": {}, "d": {}}}."""
    tree, stack = {}, []
    here = tree
    for name, sign in re.findall(r"(\w+)|([(),])", fields):
        if name:
            last = here.setdefault(name, {})
        elif sign == "(":
            stack.append(here)
            here = last
        elif sign == ")":
            here = stack.pop()
    return tree


def _select(value, tree, schema):
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    if not tree:
        return value
    if schema.get("type") == "array":
        return [_select(one, tree, schema["items"]) for one in value]
    schemas = {name: schema["properties"][name] for name in tree}
    return {name: _select(value[name], tree[name], schemas[name]) for name in tree if name in value}
