"""Requests as bytes: the corners of HTTP/1.1 that clients seldom touch, each with a name."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "raw-requests"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
HELD = f"{MAPS}/held"
_MAP = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"}}'


@dataclass(frozen=True)
class Raw:
    """What is sent. `methods`: those of its requests, one answer each.

    `$host` in it stands for the server's address.
    """

    name: str
    sent: bytes
    methods: tuple[str, ...] = ("GET",)


def _head(line: str, *fields: str, host: str = "Host: a") -> bytes:
    lines = [line, host, *fields] if host else [line, *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _get(path: str, *fields: str, method: str = "GET") -> Raw:
    return Raw(f"{method} {path} {fields}", _head(f"{method} {path} HTTP/1.1", *fields), (method,))


def _post(name: str, *fields: str, body: bytes = b"", version: str = "1.1", path: str = MAPS) -> Raw:
    sent = _head(f"POST {path} HTTP/{version}", "Content-Type: application/json", *fields) + body
    return Raw(name, sent, ("POST",))


def _map(name: str) -> bytes:
    return _MAP % name.encode()


def _chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", extension: bytes = b"") -> bytes:
    return b"".join(b"%x%b\r\n%b\r\n" % (len(each), extension, each) for each in chunks) + end


_CHUNKED = "Transfer-Encoding: chunked"


LINES = [
    Raw(f"request line {line!r}", _head(line))
    for line in (
        "GET /version HTTP/1.0", "GET /version HTTP/1.2", "GET /version HTTP/2.0", "GET /version HTTP/0.9",
        "GET /version HTTP/1.10", "GET /version http/1.1", "GET /version HTTP/1", "GET /version",
        "GET", "GET  /version HTTP/1.1", " GET /version HTTP/1.1", "GET /version HTTP/1.1 ",
        "GET /version\tHTTP/1.1", "G@T /version HTTP/1.1", "get /version HTTP/1.1", "GET version HTTP/1.1",
        "GET * HTTP/1.1", "GET /ver sion HTTP/1.1", "GET /version\x01 HTTP/1.1", "GET /version\x7f HTTP/1.1",
        "GET /v\xe9rsion HTTP/1.1", "GET /%zz HTTP/1.1", "GET /% HTTP/1.1", "GET /%2 HTTP/1.1",
        "GET /version?%zz HTTP/1.1", "GET /version?a=\xe9 HTTP/1.1", "GET /version#part HTTP/1.1",
        "GET http://elsewhere/version HTTP/1.1", "GET https://elsewhere/version?a=b HTTP/1.1",
        "GET http:///version HTTP/1.1", "GET http:version HTTP/1.1", "GET http://else%zz/version HTTP/1.1",
        "GET //version HTTP/1.1", "GET ///version HTTP/1.1", "GET /./version HTTP/1.1",
        "GET /a/../version HTTP/1.1", "GET /version/.. HTTP/1.1", "GET /%76ersion HTTP/1.1",
        "GET /version%2f HTTP/1.1", "GET /version; HTTP/1.1", "GET /version? HTTP/1.1",
        "GET ?a HTTP/1.1", "GET /" + "x" * 9000 + " HTTP/1.1", "GET /version?" + "x" * 100_000 + " HTTP/1.1",
        "PRI * HTTP/2.0", "GET /^|`{}<>\"\\[] HTTP/1.1", "GET a:b/version HTTP/1.1", "GET a:80 HTTP/1.1",
    )
] + [
    Raw("OPTIONS *", _head("OPTIONS * HTTP/1.1"), ("OPTIONS",)),
    Raw("CONNECT", _head("CONNECT elsewhere:80 HTTP/1.1"), ("CONNECT",)),
    Raw("CONNECT of a path", _head("CONNECT /version HTTP/1.1"), ("CONNECT",)),
    Raw("one line feed a line", b"GET /version HTTP/1.1\nHost: a\n\n"),
    Raw("an empty line before", b"\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n"),
    Raw("no header at all", b"GET /version HTTP/1.1\r\n\r\n"),
    Raw("no header at all, as it was once", b"GET /version HTTP/1.0\r\n\r\n"),
    Raw("another protocol", b"EHLO mail\r\nQUIT\r\n\r\n"),
]  # fmt: skip
FIELDS = [
    Raw(f"header {fields!r}", _head("GET /version HTTP/1.1", *fields, host=""))
    for fields in (
        (), ("Host: a", "Host: a"), ("Host: a", "Host: b"), ("Host:",), ("Host: a b",), ("Host: a/b",),
        ("host: a",), ("Host : a",), ("Host: a", "X Y: 1"), ("Host: a", "X\xe9: 1"), ("Host: a", "X: \xe9"),
        ("Host: a", "X: a\x01b"), ("Host: a", "X: a\x00b"), ("Host: a", "X:\ta\t"), ("Host: a", "X"),
        ("Host: a", ": x"), ("Host: a", "X:"), ("Host: a", "X: a", " folded"), (" Host: a",),
        ("Host: a", "X: a\rb"), ("Host: a", "X: a\x7fb"), ("Host: a", "A(b): 1"), ("Host: [::1]:80",),
        ("Host: a", "Cookie: a=b", "Cookie: c=d"), ("Host: a", "X: " + "x" * 60_000),
        ("Host: a", *(f"X-{number}: x" for number in range(500))),
        ("Host: a", "Connection: close"), ("Host: a", "Connection: Close"),
        ("Host: a", "Connection: keep-alive, close"), ("Host: a", "Connection: keep-alive"),
        ("Host: a", "Connection: nothing"), ("Host: a", "Keep-Alive: timeout=1"),
        ("Host: a", "Connection: keep-alive", "Connection: close"), ("Host: a", "Proxy-Connection: close"),
        ("Host: a", "Connection: upgrade", "Upgrade: h2c", "HTTP2-Settings: AAAA"),
        ("Host: a", "Connection: upgrade", "Upgrade: nothing"), ("Host: a", "TE: trailers"),
        ("Host: a", "Expect: nothing"), ("Host: a", "Expect: 100-continue"), ("Host: a", "Expect:"),
        ("Host: a", "Trailer: X"), ("Host: a", "Trailer: Content-Length"), ("Host: a", "Range: bytes=0-3"),
        ("Host: a", "Accept: text/html", "Accept: application/json"), ("Host: a", "Accept:"),
        ("Host: a", "X-HTTP-Method-Override: DELETE"), ("Host: a", "Content-Length: 0"),
        ("Host: a", "Audit-ID: mine"), ("Host: a", "Audit-ID: a b"),
        ("Host: a", "Audit-ID: " + "a" * 300), ("Host: a", "Origin: http://elsewhere"),
        ("Host: a", "If-None-Match: *"), ("Host: a", "Authorization: Basic YTpi"),
    )
] + [
    Raw("a header of two megabytes", _head("GET /version HTTP/1.1", "X: " + "x" * 2_000_000)),
    Raw("a kept HTTP/1.0", _head("GET /version HTTP/1.0", "Connection: keep-alive")),
    Raw("a kept HTTP/1.0 with a long answer", _head("GET /api/v1 HTTP/1.0", "Connection: keep-alive")),
    Raw("a long answer to HTTP/1.0", _head("GET /api/v1 HTTP/1.0")),
    Raw("chunks in HTTP/1.0", _head("POST /version HTTP/1.0", _CHUNKED) + b"0\r\n\r\n", ("POST",)),
]  # fmt: skip
BODIES = [
    _post("plain", f"Content-Length: {len(_map('plain'))}", body=_map("plain")),
    _post("chunks", _CHUNKED, body=_chunked(_map("chunks"))),
    _post("three chunks", _CHUNKED, body=_chunked(*(_map("three")[at : at + 30] for at in (0, 30, 60)))),
    _post("chunk extensions", _CHUNKED, body=_chunked(_map("extended"), extension=b";a=b;c")),
    _post("chunk sizes with spaces", _CHUNKED, body=_chunked(_map("spaced"), extension=b"  ")),
    _post("trailers", _CHUNKED, "Trailer: X", body=_chunked(_map("trailing"), end=b"0\r\nX: y\r\n\r\n")),
    _post("trailers not told", _CHUNKED, body=_chunked(_map("told"), end=b"0\r\nX: y\r\n\r\n")),
    _post("bad trailers", _CHUNKED, body=_chunked(_map("badly"), end=b"0\r\nX\r\n\r\n")),
    _post("chunks with line feeds", _CHUNKED, body=_chunked(_map("feeds")).replace(b"\r\n", b"\n")),
    _post("no size of a chunk", _CHUNKED, body=b"\r\n\r\n"),
    _post("a bad size of a chunk", _CHUNKED, body=b"zz\r\n\r\n"),
    _post("a negative size of a chunk", _CHUNKED, body=b"-1\r\n\r\n"),
    _post("a huge size of a chunk", _CHUNKED, body=b"1" + b"0" * 16 + b"\r\n\r\n"),
    _post("a chunk longer than it says", _CHUNKED, body=b"2\r\n{}{}\r\n0\r\n\r\n"),
    _post("no chunk", _CHUNKED, body=b"0\r\n\r\n"),
    _post("Chunked", "Transfer-Encoding: Chunked", body=_chunked(_map("capital"))),
    _post("chunked twice", _CHUNKED, _CHUNKED, body=_chunked(_map("twice"))),
    _post("gzip, chunked", "Transfer-Encoding: gzip, chunked", body=_chunked(_map("packed"))),
    _post("identity", "Transfer-Encoding: identity", f"Content-Length: {len(_map('same'))}",
          body=_map("same")),
    _post("no encoding", "Transfer-Encoding:", f"Content-Length: {len(_map('none'))}", body=_map("none")),
    _post("chunks and a length", _CHUNKED, "Content-Length: 4", body=_chunked(_map("both"))),
    _post("no length"),
    _post("length 0", "Content-Length: 0"),
    *(
        _post(f"length {length!r}", f"Content-Length: {length}", body=_map("length"))
        for length in ("-1", "+64", "0x40", "abc", "", "6 4", "99999999999999999999", "64, 64", "064")
    ),
    _post("twice the same length", *[f"Content-Length: {len(_map('double'))}"] * 2, body=_map("double")),
    _post("two lengths", "Content-Length: 5", "Content-Length: 6", body=b"{}    "),
    _post("continue", "Expect: 100-continue", f"Content-Length: {len(_map('expected'))}",
          body=_map("expected")),
    _post("Continue", "Expect: 100-Continue", f"Content-Length: {len(_map('capitals'))}",
          body=_map("capitals")),
    _post("continue with nothing", "Expect: 100-continue", "Content-Length: 0"),
    _post("continue with chunks", "Expect: 100-continue", _CHUNKED, body=_chunked(_map("going-on"))),
    _post("continue to a refused path", "Expect: 100-continue", "Content-Length: 2",
          body=b"{}", path="/apis/x/v1"),
    _post("continue in HTTP/1.0", "Expect: 100-continue", "Content-Length: 2", body=b"{}", version="1.0"),
    _post("HTTP/1.0", f"Content-Length: {len(_map('old'))}", body=_map("old"), version="1.0"),
    _post("packed", "Content-Encoding: gzip", f"Content-Length: {len(_map('gz'))}", body=_map("gz")),
    _post("chunks of more than 3 MiB", _CHUNKED, body=_chunked(b" " * (3 * 1024 * 1024), b" " * 10)),
    _post("a body that nobody reads", "Content-Length: 3", body=b"{} ", path="/version"),
    _post("a long body that nobody reads", "Content-Length: 300000", body=b" " * 300_000, path="/version"),
    Raw("a body of GET", _head("GET /version HTTP/1.1", "Content-Length: 5") + b"hello"),
    Raw("chunks of GET", _head("GET /version HTTP/1.1", _CHUNKED) + _chunked(b"hello")),
    Raw("two at once", _head("GET /version HTTP/1.1") * 2, ("GET", "GET")),
    Raw("two at once, the second malformed", _head("GET /version HTTP/1.1") + b"nothing\r\n\r\n",
        ("GET", "GET")),
    Raw("two at once, the first the last", _head("GET /version HTTP/1.1", "Connection: close") * 2,
        ("GET", "GET")),
    Raw(
        "a body and the next at once",
        _head("POST /version HTTP/1.1", "Content-Length: 2") + b"{}" + _head("GET /version HTTP/1.1"),
        ("POST", "GET"),
    ),
]  # fmt: skip
_LONG = "a" * 1500
QUERIES = [
    _get(f"{MAPS}?{query}")
    for query in (
        "limit=1;limit=2", "limit=x;a", "limit=%zz", "%zz&limit=x", "limit=%31", "limit=1&limit=2",
        "limit=x&limit=1", "limit", "limit=", "=1", "&&", "fieldSelector=metadata.name=held", "watch=1;",
        "fieldSelector=metadata.name%3Dheld&fieldSelector=metadata.name%3Dother", "labelSelector=a+b",
        "labelSelector=a%20in%20(b)&limit=1", "pretty", "pretty=true", "pretty=false", "pretty=1",
        "pretty=yes",
        "timeout=1s", "timeout=x", "timeout=-1s", "timeout=0", "timeout=1h", "dryRun=x", "exact=true",
        "labelSelector=" + "a" * 63, f"labelSelector=a={_LONG}", "resourceVersion=0&limit=1", "LIMIT=x",
    )
]  # fmt: skip
METHODS = [
    _get(path, *fields, method=method)
    for method in ("HEAD", "OPTIONS", "PROPFIND", "patch")
    for fields in ((),)
    for path in ("/version", "/api", "/apis", "/apis/apps/v1", HELD, MAPS, "/healthz", "/openapi/v2",
                 "/openapi/v3", "/", "/nothing", "/api/v1/nothing", "/apis/none.example.com/v1/things")
] + [
    _get(HELD, "Origin: http://elsewhere", "Access-Control-Request-Method: PUT", method="OPTIONS"),
    _get("/apis/", method="HEAD"),
    _get(f"{MAPS}?watch=true&timeoutSeconds=1", method="HEAD"),
    _get("/readyz?verbose", method="HEAD"),
]  # fmt: skip
ANSWERS = [
    _get(path, *fields)
    for path in ("/", "/api/", "/apis/", "/api/v1", "/api/v1/", "/apis/apps", "/apis/apps/", "/apis/apps/v1/",
                 "/apis//", "/apis/apps//", "/version/", "/healthz/", "/openapi", "/openapi/", "/openapi/v1",
                 "/openapi/v2/", "/openapi/v3/", "/openapi/v3/nothing", "/openapi/v3/api",
                 "/openapi/v3/api/v1/",
                 "/metrics/", "/metrics/cadvisor", "/logs", "/logs/", "/logs/a", "/debug",
                 "/debug/api_priority_and_fairness/", "/swagger.json", "/swaggerapi", "/swagger-ui/", "/ui",
                 "/index.html", "/static/", "/favicon.ico", "/.well-known",
                 "/.well-known/openid-configuration/",
                 "/openid/v1", "/openid/v1/jwks/", "/apis/apps/v1/namespaces", "/api/v1/namespaces/a/b/c/d/e",
                 "/apis/apiregistration.k8s.io", "/apis/apiextensions.k8s.io/v1", "/apis/none.example.com/",
                 "/apis/none.example.com/v1", "/apis/none.example.com/v1/", "/apis/none.example.com/v1/a/b/c",
                 "/apis/apps/v1/nothing", "/apis/apps/v9/", "/apis/apps/v9/a", "/api/v2/", "/api/v1beta1",
                 "/healthz/ping/", "/livez/ping", "/readyz/ping?verbose", "/healthz/a/b",
                 "/version/a", "/version/a/", "/api//", "/apis/apps/v1//", "/api/v1//", "/apiz",
                 "/api/v1/watch/watch", "/apis/apps/v1/watch", "/apis/apps/v1/proxy?a=b",
                 "/.well-known/openid-configuration/a", "/index.html/", "/api/v1/proxy", "/api/v1/redirect",
                 "/api/v1/watch", "/api/v1/watch/")
    for fields in ((),)
] + [
    _get(path, f"Accept: {accept}")
    for accept in ("text/html", "*/*", "application/*", "text/*", "application/json;q=0", "nothing", ";", ",",
                   "application/json;as=Table;v=v1beta1;g=meta.k8s.io", "application/json; charset=utf-8",
                   "application/yaml", "application/vnd.kubernetes.protobuf", "application/cbor",
                   "application/json;v=v1", "application/json;stream=watch", "Application/JSON",
                   "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "text/plain",
                   "text/html, application/json;q=0.9", "application/json,;", "a/b/c", "application/json;q=x")
    for path in ("/version", "/api", "/apis/apps", HELD, "/api/v1/nothing",
                 "/.well-known/openid-configuration")
]  # fmt: skip
PACKED = [
    _get(path, "Accept-Encoding: gzip")
    for path in ("/version", "/api/v1", "/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1", "/apis",
                 f"{MAPS}/large", "/livez?verbose")
] + [
    _get(f"{MAPS}/large", f"Accept-Encoding: {encoding}")
    for encoding in ("", "identity", "deflate", "*", "gzip;q=0", "deflate, gzip;q=0.5", "GZIP", "x-gzip",
                     "br")
] + [
    _get(f"{MAPS}/{name}", "Accept-Encoding: gzip") for name in ("below", "above")
]  # fmt: skip
# Objects, with the length of their one value: just below and above what is packed among them.
SIZES = {"held": 1, "large": 300_000, "below": 130_000, "above": 131_072}
REQUESTS = [*LINES, *FIELDS, *BODIES, *QUERIES, *METHODS, *ANSWERS, *PACKED]
