"""Webhooks: signatures, bodies, repetitions. The server has secrets for all four, and GitHub is limited to acme/*."""

import hashlib
import json
import time

from hostile.case import SECRET, Http, hub, standard

BODY = json.dumps({"action": "created", "repository": {"full_name": "acme/api"}}).encode()
JSON = {"Content-Type": "application/json"}


def github(what, expect, body=BODY, sign=hub, event="no_such_kind", delivery=None, headers=(), **more):
    own = JSON | {"X-GitHub-Event": event} | ({"X-GitHub-Delivery": delivery} if delivery else {})
    if sign:
        own["X-Hub-Signature-256"] = sign(body)
    return Http(what, expect, "/webhooks/github", body, headers=list(own.items()) + list(headers), **more)


def gitlab(what, expect, body=b'{"object_kind":"build"}', headers=None, **more):
    return Http(what, expect, "/webhooks/gitlab", body, headers=JSON | (standard(body) if headers is None else headers), **more)


def changed(**fields):
    headers = standard(b'{"object_kind":"build"}')
    return headers | fields


GOOD = hub(BODY)
GITHUB = [
    github("github: good", 202),
    github("github: not signed", 401, sign=None),
    github("github: SHA-1 only", 401, sign=None, headers=[("X-Hub-Signature", hub(BODY, hash=hashlib.sha1))]),
    github("github: SHA-1 in the other header", 401, sign=lambda body: hub(body, hash=hashlib.sha1)),
    github("github: another secret", 401, sign=lambda body: hub(body, b"other")),
    github("github: an empty secret", 401, sign=lambda body: hub(body, b"")),
    github("github: encoded anew, old signature", 401, body=BODY + b" ", sign=lambda _: GOOD),
    github("github: a short signature", 401, sign=lambda _: GOOD[:-2]),
    github("github: a long signature", 401, sign=lambda _: GOOD + "00"),
    github("github: not hex", 401, sign=lambda _: "sha256=" + "z" * 64),
    github("github: no prefix", 401, sign=lambda _: GOOD[7:]),
    github("github: an empty signature", 401, sign=lambda _: ""),
    github("github: 30 kB of signature", (401, 431), sign=lambda _: "sha256=" + "0" * 30_000),
    github("github: two signatures", 400, headers=[("X-Hub-Signature-256", GOOD)]),
    github("github: a signature that is not ASCII", (400, 401), sign=lambda _: "sha256=\xff\xfe"),
    Http(
        "github: form-encoded", 415, "/webhooks/github", b"payload=%7B%7D",
        headers={"Content-Type": "application/x-www-form-urlencoded", "X-Hub-Signature-256": hub(b"payload=%7B%7D")},
    ),
    github("github: gzip bomb", 415, headers=[("Content-Encoding", "gzip")]),
    github("github: over 25 MiB", 413, body=b" " * (26_214_400 + 1), seconds_max=60),
    github("github: an empty body", (400, 403), body=b"", method="POST"),
    github("github: no JSON, signed", (400, 403), body=b"{"),
    github("github: an array, signed", (400, 403), body=b"[]"),
    github("github: 10,000 brackets, signed", (400, 403), body=b"[" * 10_000),
    github("github: a repository that is not on the list", 403, body=b'{"repository":{"full_name":"evil/api"}}'),
    github("github: a repository twice", (400, 403), body=b'{"repository":{"full_name":"evil/api"},"repository":{"full_name":"acme/api"}}'),
    github("github: a repository that only begins well", 403, body=b'{"repository":{"full_name":"acme.evil/api"}}'),
    github("github: no repository", 403, body=b'{"action":"x"}'),
    github("github: a pull request without a number", 400, event="pull_request", body=b'{"action":"opened","repository":{"full_name":"acme/api"},"pull_request":{}}'),
    github("github: first of a delivery", 202, delivery="once"),
    github("github: the same again", 202, delivery="once"),
    github("github: the same id, another body", 409, delivery="once", body=BODY.replace(b"created", b"deleted")),
    github("github: an event's name of 8,000 letters", (202, 400, 431), event="e" * 8000),
]

FILES = [f"src/some/folder/of/some/length/file-{number}.rs" for number in range(20_000)]
COMMIT = {"id": "a" * 40, "distinct": True, "message": "m", "timestamp": "2026-02-01T10:00:00Z", "url": "u", "added": FILES, "removed": [], "modified": []}
COMMIT |= {"author": {"name": "A", "email": "a@x"}, "committer": {"name": "A", "email": "a@x"}}
PUSH = {"ref": "refs/heads/main", "before": "b" * 40, "after": "a" * 40, "commits": [COMMIT], "repository": {"full_name": "acme/api"}, "sender": {"login": "a"}}
# 202 is a promise: what it gives must be a row and not a dead letter, which is looked at when all is over.
GITHUB.append(github("github: a push of 20,000 files", (202, 413), body=json.dumps(PUSH).encode(), event="push"))

GITLAB = [
    gitlab("gitlab: good", 202),
    gitlab("gitlab: nothing", 401, headers={}),
    gitlab("gitlab: the plain token", 202, headers={"X-Gitlab-Token": SECRET.decode()}),
    gitlab("gitlab: a wrong token", 401, headers={"X-Gitlab-Token": "wrong"}),
    gitlab("gitlab: an empty token", 401, headers={"X-Gitlab-Token": ""}),
    gitlab("gitlab: two tokens", 400, headers={"X-Gitlab-Token": SECRET.decode(), "x-gitlab-token": "wrong"}),
    gitlab("gitlab: another secret", 401, headers=standard(b'{"object_kind":"build"}', secret=b"other")),
    gitlab("gitlab: an hour old", 401, headers=standard(b'{"object_kind":"build"}', at=int(time.time()) - 3600)),
    gitlab("gitlab: an hour ahead", 401, headers=standard(b'{"object_kind":"build"}', at=int(time.time()) + 3600)),
    gitlab("gitlab: a time of letters", 401, headers=changed(**{"webhook-timestamp": "now"})),
    gitlab("gitlab: a time of 40 digits", 401, headers=changed(**{"webhook-timestamp": "1" * 40})),
    gitlab("gitlab: another id than signed", 401, headers=changed(**{"webhook-id": "other"})),
    gitlab("gitlab: v2 of a signature", 401, headers=changed(**{"webhook-signature": "v2,AAAA"})),
    gitlab("gitlab: base64 that is none", 401, headers=changed(**{"webhook-signature": "v1,????"})),
    # One HMAC for each part, on the threads that answer everybody: 4,000 parts over 2 MB.
    gitlab("gitlab: 2,500 signatures over 2 MB", 401, body=b" " * 2_000_000,
           headers=changed(**{"webhook-signature": " ".join(["v1,AAAA"] * 2500)}), known="the HMAC is computed for each part", seconds_max=2),
]

REST = [
    Http("jira: not signed", 401, "/webhooks/jira", b"{}", headers=JSON),
    Http("jira: SHA-1", 401, "/webhooks/jira", b"{}", headers=JSON | {"X-Hub-Signature": hub(b"{}", hash=hashlib.sha1)}),
    Http("jira: good, of no kind", (202, 400), "/webhooks/jira", b"{}", headers=JSON | {"X-Hub-Signature": hub(b"{}")}),
    Http("jira: no JSON", 400, "/webhooks/jira", b"{", headers=JSON | {"X-Hub-Signature": hub(b"{")}),
    Http("gerrit: a wrong secret", 401, "/webhooks/gerrit/wrong", b"{}", headers=JSON),
    Http("gerrit: no secret", 404, "/webhooks/gerrit/", b"{}", headers=JSON),
    Http("gerrit: half the secret", 401, "/webhooks/gerrit/it%20is", b"{}", headers=JSON),
    Http("gerrit: good, no JSON", 400, "/webhooks/gerrit/it%20is%20a%20secret", b"{", headers=JSON),
    Http("gerrit: GET", 405, "/webhooks/gerrit/it%20is%20a%20secret"),
    Http("an unknown vendor", 404, "/webhooks/sourcehut", b"{}", headers=JSON),
]
CASES = GITHUB + GITLAB + REST
