"""The jars and the Java that fetches them."""

import errno
import hashlib
import stat

import pytest

from dagster_code.lib import jars
from dagster_code.lib.errors import UserError
from dagster_code.lib.jars import Jar, fetch_jars, jars_class_path, parse_lock
from dagster_code.lib.java import find_java
from dagster_code.lib.settings import load_settings

CONTENT = b"a jar"
LOCK_LINE = f"org.example:thing:1.0 {hashlib.sha256(CONTENT).hexdigest()}\n"


@pytest.fixture
def settings(tmp_path):
    return load_settings({"ATTRIBUTION_JARS_DIR": str(tmp_path / "the jars")})


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "jars.lock"
    path.write_text(f"# why\n{LOCK_LINE}")
    return path


class Repository:
    """Stands in for the Maven repository."""

    def __init__(self, content=CONTENT):
        self.content = content
        self.calls = 0

    def download(self, wanted, folder):
        self.calls += 1
        for jar in wanted:
            (folder / jar.file_name).write_bytes(self.content)


def ignore(_line):
    pass


def test_the_committed_lock_is_readable_and_has_one_delta():
    names = [jar.name for jar in parse_lock(jars.JARS_LOCK.read_text(encoding="utf-8"))]

    assert names.count("delta-spark_4.2_2.13") == 1
    assert len(names) == len(set(names))


@pytest.mark.parametrize("text", ["org:name:1.0", "org:name abc", "# nothing\n", "org:name:1 XYZ"])
def test_a_damaged_lock_is_one_line(text):
    with pytest.raises(UserError):
        parse_lock(text)


def test_jars_are_fetched_once(settings, lock):
    repository = Repository()

    first = fetch_jars(settings, ignore, lock, repository.download)
    second = fetch_jars(settings, ignore, lock, repository.download)

    assert first == second
    assert repository.calls == 1
    assert (first / "thing-1.0.jar").read_bytes() == CONTENT
    assert jars_class_path(settings, lock) == f"{first}/*"
    assert not list(settings.jars_dir.glob(".fetch-*"))


def test_another_lock_gets_another_folder(settings, lock):
    first = fetch_jars(settings, ignore, lock, Repository().download)
    lock.write_text(f"# another reason\n{LOCK_LINE}")

    assert fetch_jars(settings, ignore, lock, Repository().download) != first


def test_missing_jars_say_what_to_do(settings, lock):
    with pytest.raises(UserError, match="run `make setup`"):
        jars_class_path(settings, lock)


def test_a_wrong_checksum_installs_nothing(settings, lock):
    with pytest.raises(UserError, match=r"thing-1\.0\.jar has not the checksum"):
        fetch_jars(settings, ignore, lock, Repository(b"evil").download)

    with pytest.raises(UserError, match="make setup"):
        jars_class_path(settings, lock)
    assert [path.name for path in settings.jars_dir.iterdir()] == [".lock"]


def test_a_damaged_jar_is_replaced(settings, lock):
    folder = fetch_jars(settings, ignore, lock, Repository().download)
    (folder / "thing-1.0.jar").write_bytes(b"torn")

    fetch_jars(settings, ignore, lock, Repository().download)

    assert (folder / "thing-1.0.jar").read_bytes() == CONTENT


def test_what_a_killed_fetch_left_is_cleared_away(settings, lock):
    leftover = settings.jars_dir / ".fetch-dead" / "jars"
    leftover.mkdir(parents=True)

    fetch_jars(settings, ignore, lock, Repository().download)

    assert not leftover.parent.exists()


def test_a_full_disk_is_one_line(settings, lock):
    def download(_wanted, folder):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    with pytest.raises(UserError, match=r": No space left on device$"):
        fetch_jars(settings, ignore, lock, download)


def test_a_cache_that_cannot_be_made_is_one_line(settings, lock):
    settings.jars_dir.parent.mkdir(exist_ok=True)
    settings.jars_dir.write_text("a file where the folder should be")

    with pytest.raises(UserError, match="the jars"):
        fetch_jars(settings, ignore, lock, Repository().download)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (":::: WARNINGS\n\t\tmodule not found: a#b;1\n\t==== tried\n", "needs the network once"),
        ("java.io.IOException: No space left on device\nfoo", "the disk is full"),
        ("one\nError: no main class\n", "Error: no main class"),
        ("", "said nothing"),
    ],
)
def test_ivys_many_lines_become_one(output, line):
    message = jars._ivy_failure(output)

    assert "\n" not in message
    assert line in message


def test_ivy_is_asked_for_the_jar_alone():
    module = jars._ivy_module([Jar("org.example", "thing", "1.0", "0" * 64)])

    assert 'org="org.example" name="thing" rev="1.0" transitive="false"' in module
    assert 'conf="default->master"' in module


def make_java(folder, specification):
    command = folder / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(
        "#!/bin/sh\n"
        f"echo '    java.home = {folder}' >&2\n"
        f"echo '    java.specification.version = {specification}' >&2\n"
    )
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return command


@pytest.mark.parametrize("major", [17, 21])
def test_java_home_wins_over_the_path(tmp_path, major):
    make_java(tmp_path / "home", major)
    make_java(tmp_path / "path", 8)

    java = find_java({"JAVA_HOME": f"{tmp_path}/home", "PATH": f"{tmp_path}/path/bin"})

    assert (java.major, java.home) == (major, tmp_path / "home")


def test_java_is_found_on_the_path(tmp_path):
    command = make_java(tmp_path / "path", 17)

    assert find_java({"PATH": str(command.parent)}).executable == command


@pytest.mark.parametrize("specification", ["1.8", "11", "25"])
def test_a_java_of_another_version_is_named_with_what_to_do(tmp_path, specification):
    make_java(tmp_path, specification)

    with pytest.raises(UserError, match=r"is Java \d+, .*install Java 17 or 21"):
        find_java({"JAVA_HOME": str(tmp_path)})


@pytest.mark.parametrize("environ", [{"JAVA_HOME": "/no/where"}, {"PATH": "/no/where"}])
def test_a_missing_java_says_what_to_do(environ):
    with pytest.raises(UserError, match="Java 17 or 21"):
        find_java(environ)


def test_a_java_that_does_not_run_is_one_line(tmp_path):
    command = make_java(tmp_path, 17)
    command.write_text("#!/bin/sh\nexit 1\n")

    with pytest.raises(UserError, match="does not run"):
        find_java({"JAVA_HOME": str(tmp_path)})
