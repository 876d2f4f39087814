"""docker-compose.yml against the Compose specification's schema and against the repository."""

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dagster_code.lib.settings import PROJECT_ROOT, load_settings
from dagster_code.lib.spark_conf import parse_conf, read_conf
from tests.cluster.compose import COMPOSE_FILE, ComposeError, read_compose
from tests.cluster.object_store import VERSION, ObjectStore

PASSWORD = {"ATTRIBUTION_POSTGRES_PASSWORD": "secret"}
SCHEMA = PROJECT_ROOT / "tests" / "cluster" / "compose_spec" / "compose-spec.json"
DOCKERFILE = (PROJECT_ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
STORE_DOCKERFILE = (PROJECT_ROOT / "deploy" / "s3.Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")
LOCK = PROJECT_ROOT / "requirements.lock"

FILE = read_compose(PASSWORD)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]

# Of the operating system or of another image. `posix` is an argument: its image starts versitygw.
OTHER_PROGRAMS = {"bash", "pg_isready", "posix", "wget"}
KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
# Of the one image that has requirements-notebook.lock.
NOTEBOOK_PROGRAMS = {"jupyter-lab"}
# In the image as in the repository.
APP = "/opt/attribution/app"


def words(service: str) -> list[str]:
    """The command of a service and of its health check."""
    own = SERVICES[service]
    check = own["healthcheck"]["test"]
    assert check[0] == "CMD"
    return [*map(str, own.get("command", ())), *map(str, check[1:])]


def published() -> Iterator[tuple[str, str, str, str]]:
    """Each published port: service, address, port outside, port inside."""
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            yield (name, *port.split(":"))


def test_the_file_is_valid_by_the_specification():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert [f"{one.json_path}: {one.message}" for one in validator.iter_errors(FILE)] == []
    assert list(validator.iter_errors({"services": {"a": {"imagee": "b"}}}))


def test_the_password_is_demanded():
    with pytest.raises(ComposeError, match="ATTRIBUTION_POSTGRES_PASSWORD"):
        read_compose({})


def test_ports_are_published_on_the_loopback_address_alone():
    assert {address for _, address, _, _ in published()} == {"127.0.0.1"}
    assert {inside for name, _, _, inside in published() if name == "spark-server"} >= {
        SERVICES["spark-server"]["environment"][f"ATTRIBUTION_{door}_PORT"]
        for door in ("THRIFT", "CONNECT", "UI")
    }


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_service_is_pinned_limited_and_watched(name):
    service = SERVICES[name]
    image, _, version = service["image"].partition(":")
    assert re.match(r"\d+\.\d+", version), image
    assert service["mem_limit"]
    assert service["healthcheck"]["test"]
    build = service.get("build")
    if build is not None:
        assert (PROJECT_ROOT / build["context"] / build["dockerfile"]).is_file()
    for other, condition in service.get("depends_on", {}).items():
        assert condition["condition"] == "service_healthy"
        # A service of a profile is not always there.
        own = set(service.get("profiles", ()))
        needed = set(SERVICES[other].get("profiles", ()))
        assert condition.get("required", True) == (needed <= own)
        assert "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_program_and_path_of_a_command_is_there(name):
    own = SERVICES[name]
    programs = {str(own["command"][0])} if "command" in own else set()
    programs.add(str(own["healthcheck"]["test"][1]))
    if own.get("build", {}).get("args", {}).get("NOTEBOOK"):
        programs -= NOTEBOOK_PROGRAMS
    for program in programs - OTHER_PROGRAMS:
        path = PROJECT_ROOT / program if "/" in program else Path(sys.executable).parent / program
        assert shutil.which(path), program
    for word in words(name):
        if word.startswith("deploy/"):
            assert (PROJECT_ROOT / word).is_file(), word
    for volume in own.get("volumes", ()):
        source = volume.partition(":")[0]
        found = (PROJECT_ROOT / source).exists() if "/" in source else source in FILE["volumes"]
        assert found, volume


def test_every_variable_is_a_setting_and_explained(tmp_path):
    used = set(re.findall(r"ATTRIBUTION_[A-Z_]+", COMPOSE_FILE.read_text(encoding="utf-8")))
    used |= set(re.findall(r"ATTRIBUTION_[A-Z_]+", DOCKERFILE))
    assert used - set(re.findall(r"ATTRIBUTION_[A-Z_]+", EXAMPLE)) == set()
    given = SERVICES["spark-server"]["environment"]
    environment = {name: str(value) for name, value in given.items()}
    read: set[str] = set()

    class Watched(dict[str, str]):
        def get(self, key, default=None):
            read.add(key)
            return super().get(key, default)

        def __getitem__(self, key):
            read.add(key)
            return super().__getitem__(key)

    secret = tmp_path / "secret"
    secret.write_text("secret", encoding="utf-8")
    for name in environment:
        if name.endswith("_FILE"):
            assert environment[name] == "/run/secrets/postgres_password"
            environment[name] = str(secret)
    environment["ATTRIBUTION_PUBLISH_URL"] = environment["ATTRIBUTION_METASTORE_URL"]
    settings = load_settings(Watched(environment))
    # Those are read by Hadoop.
    assert environment.keys() - read == KEYS
    assert settings.thrift_port == 10000


def test_dagster_shares_the_driver_s_machine():
    for name in ("dagster-webserver", "dagster-daemon"):
        own, driver = SERVICES[name], SERVICES["spark-server"]
        assert own["network_mode"] == own["pid"] == "service:spark-server"
        assert (own["environment"], own["volumes"]) == (driver["environment"], driver["volumes"])


def test_jupyter_is_a_client_that_has_the_token_and_no_other_secret():
    jupyter, driver = SERVICES["jupyter"], SERVICES["spark-server"]
    assert jupyter["network_mode"] == jupyter["pid"] == "service:spark-server"
    assert "127.0.0.1:8888:8888" in driver["ports"]
    assert "--port=8888" in jupyter["command"]
    assert "home:/var/lib/attribution:ro" in jupyter["volumes"]
    assert f"notebooks:{APP}/notebooks" in jupyter["volumes"]
    assert jupyter["environment"].keys() == {"JUPYTER_TOKEN"}
    assert "secrets" not in jupyter
    # With these settings alone the notebook finds the home's server.
    assert load_settings({"ATTRIBUTION_HOME": "/var/lib/attribution"}).target == "local"


def test_the_notebook_s_lock_fits_the_project_s():
    project, notebook = (
        dict(re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        for path in (LOCK, LOCK.with_name("requirements-notebook.lock"))
    )
    assert {
        name for name in notebook if project.get(name, notebook[name]) != notebook[name]
    } == set()
    pyproject = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["dependency-groups"]["notebook"] == [f"jupyterlab=={notebook['jupyterlab']}"]
    assert "--require-hashes -r requirements-notebook.lock" in DOCKERFILE


def test_only_the_named_services_wait_for_a_profile():
    profiles = {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one}
    assert profiles == {"object-store": ["s3"], "jupyter": ["jupyter"]}


def test_driver_and_executors_have_the_keys_of_the_object_store_in_their_environment_alone():
    keys = {"ATTRIBUTION_S3_ACCESS_KEY": "a-key", "ATTRIBUTION_S3_SECRET_KEY": "a-secret"}
    services = read_compose({**PASSWORD, **keys})["services"]
    given = dict(zip(sorted(KEYS), keys.values(), strict=True))
    for name in ("spark-server", "spark-worker", "dagster-webserver", "dagster-daemon"):
        environment = services[name]["environment"]
        assert {key: environment[key] for key in KEYS} == given
    store = services["object-store"]
    assert store["environment"]["ROOT_ACCESS_KEY"] == "a-key"
    assert store["environment"]["ROOT_SECRET_KEY"] == "a-secret"
    for service in services.values():
        assert "a-secret" not in str({**service, "environment": None})
    assert "ports" not in store


def test_the_configuration_of_the_object_store_leads_to_it_and_holds_no_key():
    (named,) = re.findall(rf"ATTRIBUTION_SPARK_CONF={APP}/(\S+)", EXAMPLE)
    conf = read_conf(PROJECT_ROOT / named)
    store = SERVICES["object-store"]
    assert conf["spark.hadoop.fs.s3a.endpoint"] == "http://object-store:7070"
    assert "http://127.0.0.1:7070" + store["environment"]["VGW_HEALTH"] in words("object-store")
    assert conf["spark.hadoop.fs.s3a.endpoint.region"] == store["environment"]["VGW_REGION"]
    assert [key for key in conf if key.endswith(".key")] == []
    # All that the tests say to Spark of their store is said here too, but the keys.
    tried = parse_conf(ObjectStore(None, Path(), 7070, "user", "password").conf(), "tests")
    assert conf.keys() == {key for key in tried if not key.endswith(".key")}


def test_the_object_store_is_the_tested_one_with_its_bucket_and_not_root():
    lines = STORE_DOCKERFILE.splitlines()
    assert f"FROM versity/versitygw:{VERSION}" in lines
    store = SERVICES["object-store"]
    assert store["image"].partition(":")[2] == VERSION.removeprefix("v")
    folder = store["command"][-1]
    assert [volume.partition(":")[2] for volume in store["volumes"]] == [folder]
    (warehouse,) = re.findall(r"ATTRIBUTION_WAREHOUSE=s3a://(\w+)/attribution", EXAMPLE)
    assert f"mkdir -p {folder}/{warehouse} " in STORE_DOCKERFILE
    assert "USER 10001:10001" in lines


def test_nothing_runs_as_root_and_nothing_is_fetched_at_the_start():
    steps = [line for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
    users = [line for line in steps if line.startswith("USER ")]
    assert users == ["USER attribution"]
    assert steps.index("RUN scripts/setup") > steps.index(users[0])
    for name, service in SERVICES.items():
        if "build" in service:
            assert "user" not in service
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_every_place_of_the_image_is_one_that_the_file_mounts_or_the_build_makes():
    places = set(
        re.findall(r"/var/lib/attribution[\w-]*", COMPOSE_FILE.read_text(encoding="utf-8"))
    )
    assert places == set(re.findall(r"/var/lib/attribution[\w-]*", DOCKERFILE))
