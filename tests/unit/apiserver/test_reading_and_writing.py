import json

import pytest
from helpers.asking import CONFIG_MAPS, MERGE, asking, config_map


async def test_an_object_is_created_read_changed_and_deleted() -> None:
    async with asking() as ask:
        made = await ask.made({**config_map("a"), "data": {"x": "1"}})
        assert made["metadata"]["uid"] and made["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
        assert (await ask("GET", f"{CONFIG_MAPS}/a")).body == made
        patched = await ask("PATCH", f"{CONFIG_MAPS}/a", {"data": {"y": "2"}}, MERGE)
        assert patched.body["data"] == {"x": "1", "y": "2"}
        assert int(patched.body["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
        gone = await ask("DELETE", f"{CONFIG_MAPS}/a")
        assert gone.body == {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]},
        }  # fmt: skip
        assert (await ask("GET", f"{CONFIG_MAPS}/a")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", f"{CONFIG_MAPS}/no", None, 404, 'configmaps "no" not found'),
        ("GET", "/api/v1/nope", None, 404, "the server could not find the requested resource"),
        ("PUT", CONFIG_MAPS, config_map("a"), 405,
         "the server does not allow this method on the requested resource"),
        ("POST", "/api/v1/configmaps", config_map("a"), 405,
         "the server does not allow this method on the requested resource"),
        ("POST", CONFIG_MAPS, config_map("held"), 409, 'configmaps "held" already exists'),
        ("POST", CONFIG_MAPS, config_map(), 422,
         'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'),
        ("POST", CONFIG_MAPS, config_map("a", namespace="other"), 400,
         "the namespace of the provided object does not match the namespace sent on the request"),
        ("POST", CONFIG_MAPS, config_map("a", resourceVersion="5"), 500,
         "resourceVersion should not be set on objects to be created"),
        ("POST", CONFIG_MAPS, config_map("A", resourceVersion="5"), 422,
         'ConfigMap "A" is invalid: metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must '
         "consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
         "alphanumeric character (e.g. 'example.com', regex used for validation is "
         "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"),
        ("POST", CONFIG_MAPS, b"{bad json", 400,
         "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json "
         "parse error: invalid character 'b' looking for beginning of object key string ({bad json)"),
        ("POST", CONFIG_MAPS, b"[]", 400,
         "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json "
         "parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "
         '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)'),
        ("POST", CONFIG_MAPS, {**config_map("a"), "kind": "Secret"}, 400,
         'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to '
         "(core.ConfigMap): unknown conversion"),
        ("PUT", f"{CONFIG_MAPS}/held", config_map("other"), 400,
         "the name of the object (other) does not match the name on the URL (held)"),
        ("PUT", f"{CONFIG_MAPS}/held", config_map("held", resourceVersion="1"), 409,
         'Operation cannot be fulfilled on configmaps "held": the object has been modified; please apply '
         "your changes to the latest version and try again"),
        ("GET", f"{CONFIG_MAPS}?limit=x", None, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("GET", f"{CONFIG_MAPS}?labelSelector=a%3D%3D%3Db", None, 400,
         "unable to parse requirement: found '=', expected: identifier"),
        ("GET", f"{CONFIG_MAPS}?fieldSelector=spec.a%3Db", None, 400,
         '"spec.a" is not a known field selector: only "metadata.name", "metadata.namespace"'),
        ("GET", f"{CONFIG_MAPS}?resourceVersionMatch=Exact", None, 422,
         'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is '
         "forbidden unless resourceVersion is provided"),
        ("POST", f"{CONFIG_MAPS}?dryRun=Some", config_map("a"), 422,
         'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: '
         '"All"'),
        ("DELETE", f"{CONFIG_MAPS}/held?propagationPolicy=Foo", None, 422,
         'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Foo": supported '
         'values: "Foreground", "Background", "Orphan", "nil"'),
    ],
)  # fmt: skip
async def test_errors_are_worded_as_the_real_server_words_them(
    method: str, path: str, body: object, status: int, message: str
) -> None:
    async with asking() as ask:
        await ask.made(config_map("held"))
        answer = await ask(method, path, body)
        assert (answer.status, answer.message) == (status, message)
        assert answer.body.get("code") == status


async def test_a_path_of_no_group_is_a_page_not_found() -> None:
    async with asking() as ask:
        answer = await ask("GET", "/apis/nope/v1/things")
        assert (answer.status, answer.raw) == (404, b"404 page not found\n")


async def test_generated_names_come_from_the_runtime_and_survive_collisions() -> None:
    async with asking(seed=3) as first, asking(seed=3) as second:
        names = [(await first.made(config_map(generateName="x-")))["metadata"]["name"] for _ in range(3)]
        again = [(await second.made(config_map(generateName="x-")))["metadata"]["name"] for _ in range(3)]
    assert names == again and len(set(names)) == 3 and all(len(name) == 7 for name in names)


async def test_a_dry_run_answers_and_changes_nothing() -> None:
    async with asking() as ask:
        before = ask.server.storage.revision
        answer = await ask("POST", f"{CONFIG_MAPS}?dryRun=All", config_map("a"))
        assert answer.status == 201 and "resourceVersion" not in answer.body["metadata"]
        answer = await ask("POST", f"{CONFIG_MAPS}?dryRun=All", config_map("a", resourceVersion="5"))
        assert answer.status == 201 and answer.body["metadata"]["resourceVersion"] == "5"
        await ask.made(config_map("b"))
        await ask("DELETE", f"{CONFIG_MAPS}/b?dryRun=All")
        await ask("PATCH", f"{CONFIG_MAPS}/b?dryRun=All", {"data": {"x": "y"}}, MERGE)
        assert await ask.names() == ["b"]
        assert ask.server.storage.revision == before + 1


async def test_a_write_that_changes_nothing_makes_no_revision() -> None:
    async with asking() as ask:
        made = await ask.made({**config_map("a"), "data": {"x": "1"}})
        same = await ask("PATCH", f"{CONFIG_MAPS}/a", {"data": {"x": "1"}}, MERGE)
        assert same.body == made


async def test_unknown_and_repeated_fields_follow_field_validation() -> None:
    body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1","k":"2"},"foo":1}'
    async with asking() as ask:
        strict = await ask("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", body)
        assert strict.message == (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate '
            'field "data.k", unknown field "foo"'
        )
        warned = await ask("POST", CONFIG_MAPS, body)
        assert warned.status == 201 and warned.body["data"] == {"k": "2"}
        assert warned.headers["warning"] == (
            '299 - "duplicate field \\"data.k\\"", 299 - "unknown field \\"foo\\""'
        )
        ignored = await ask("PUT", f"{CONFIG_MAPS}/a?fieldValidation=Ignore", body)
        assert "warning" not in ignored.headers


async def test_yaml_is_taken_and_given() -> None:
    async with asking() as ask:
        answer = await ask(
            "POST", CONFIG_MAPS, b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: 'yes'}\n",
            {"content-type": "application/yaml", "accept": "application/yaml"},
        )  # fmt: skip
        assert answer.headers["content-type"] == "application/yaml"
        assert b'data:\n  a: "yes"\n' in answer.raw


async def test_metadata_rules_hold_for_every_kind() -> None:
    async with asking() as ask:
        answer = await ask(
            "POST", CONFIG_MAPS, config_map("m", labels={"bad key!": "x"}, finalizers=["nodomain"])
        )
        assert [cause["field"] for cause in answer.body["details"]["causes"]] == [
            "metadata.labels", "metadata.finalizers[0]",
        ]  # fmt: skip
        twice = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "q", "uid": "1"}] * 2
        answer = await ask("POST", CONFIG_MAPS, config_map("o", ownerReferences=twice))
        assert len(answer.body["metadata"]["ownerReferences"]) == 1
        assert "duplicate UID(s) observed: 1" in answer.headers["warning"]


async def test_partial_metadata_and_tables() -> None:
    async with asking() as ask:
        await ask.made({**config_map("a"), "data": {"x": "1"}})
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
        listed = await ask("GET", CONFIG_MAPS, headers={"accept": accept})
        assert listed.body["kind"] == "PartialObjectMetadataList"
        assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in listed.body["items"])
        accept = "application/json;as=Table;g=meta.k8s.io;v=v1"
        table = (await ask("GET", CONFIG_MAPS, headers={"accept": accept})).body
        assert table["columnDefinitions"][0]["name"] == "Name"
        assert [row["cells"][0] for row in table["rows"]] == ["a", "kube-root-ca.crt"]


async def test_the_server_is_the_same_to_the_byte_for_one_seed() -> None:
    async def story(seed: int) -> list[bytes]:
        async with asking(seed=seed) as ask:
            await ask("POST", CONFIG_MAPS, config_map(generateName="x-"))
            await ask("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}})
            await ask("DELETE", "/api/v1/namespaces/n")
            paths = (CONFIG_MAPS, "/api/v1/namespaces", "/api/v1/serviceaccounts")
            return [(await ask("GET", path)).raw for path in paths]

    assert await story(7) == await story(7) != await story(8)


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with asking() as ask:
        body = json.dumps({**config_map("a"), "data": {"x": "y" * 3_200_000}}).encode()
        assert (await ask("POST", CONFIG_MAPS, body)).status == 413
