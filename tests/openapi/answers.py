"""Asks a running Plimsoll and holds each answer against docs/openapi.json: status, media type, and the JSON's schema.

    answers.py docs/openapi.json http://127.0.0.1:8080

The server must have commits. Prints what was asked, and ends with 1 at the first answer that the document does not have.
"""

import json
import sys
import urllib.error
import urllib.request

import jsonschema

document = json.load(open(sys.argv[1]))
base = sys.argv[2]

EVENT = {
    "specversion": "1.0",
    "id": "openapi-1",
    "source": "tests",
    "type": "dev.plimsoll.ticket.created.v1",
    "time": "2026-03-02T09:14:00Z",
    "subject": "T-1",
    "data": {"ticket": "T-1", "title": "A ticket"},
}
ONE = "/api/v1/metrics/{name}"
EVENTS_TYPE = "application/cloudevents+json"

# Path in the document, what is put in its place, method, body, its type, and the status that must come.
QUESTIONS = [
    ("/api/v1/metrics", "/api/v1/metrics", "get", None, None, 200),
    (ONE, "/api/v1/metrics/truck_factor", "get", None, None, 200),
    (ONE, "/api/v1/metrics/truck_factor?format=csv", "get", None, None, 200),
    (ONE, "/api/v1/metrics/truck_factor?format=arrow", "get", None, None, 200),
    (ONE, "/api/v1/metrics/truck_factor?no_such=1", "get", None, None, 400),
    (ONE, "/api/v1/metrics/no_such_metric", "get", None, None, 404),
    (ONE, "/api/v1/metrics/goal_hygiene", "post", EVENT, EVENTS_TYPE, 200),
    (ONE + "/explain", "/api/v1/metrics/truck_factor/explain?limit=2", "get", None, None, 200),
    (ONE + "/range", "/api/v1/metrics/truck_factor/range?from=2026-01-01&to=2026-01-03&step=1d", "get", None, None, 200),
    (ONE + "/range", "/api/v1/metrics/truck_factor/range?from=2026-01-01&step=-1d", "get", None, None, 400),
    ("/api/v1/diff", "/api/v1/diff?metric=truck_factor&from=2025-01-01", "get", None, None, 200),
    ("/api/v1/sql", "/api/v1/sql", "post", {"sql": "SELECT count(*) AS n FROM commits"}, "application/json", 200),
    ("/api/v1/sql", "/api/v1/sql", "post", "DROP TABLE commits", "text/plain", 403),
    ("/api/v1/sql", "/api/v1/sql", "post", "SELECT 1", "image/png", 415),
    ("/api/v1/events", "/api/v1/events", "post", EVENT, EVENTS_TYPE, 202),
    ("/api/v1/events", "/api/v1/events", "post", {}, EVENTS_TYPE, 400),
    ("/webhooks/github", "/webhooks/github", "post", {}, "application/json", 404),
    ("/metrics", "/metrics", "get", None, None, 200),
    ("/healthz", "/healthz", "get", None, None, 200),
    ("/readyz", "/readyz", "get", None, None, 200),
    ("/openapi.json", "/openapi.json", "get", None, None, 200),
]


def ask(path, method, body, content_type):
    data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    request = urllib.request.Request(base + path, data=data, method=method.upper())
    if content_type:
        request.add_header("Content-Type", content_type)
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    return answer.status, answer.headers["Content-Type"].split(";")[0], answer.read()


def documented(path, method, status):
    response = document["paths"][path][method]["responses"].get(str(status))
    if response and "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    return response


for path, actual, method, body, content_type, expect in QUESTIONS:
    status, media_type, text = ask(actual, method, body, content_type)
    print(method.upper(), actual, status, media_type)
    if status != expect:
        sys.exit(f"expected {expect}: {text[:300]}")
    response = documented(path, method, status)
    if not response or media_type not in response["content"]:
        sys.exit("the document does not have this answer")
    schema = response["content"][media_type].get("schema")
    if schema and media_type.endswith("json"):
        whole = {**schema, "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(json.loads(text))
