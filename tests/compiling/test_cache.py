"""The kernel cache: kernels are compiled once, and a damaged, foreign or outdated entry is never loaded."""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import firth
from firth.compiling import cache
from firth.compiling.kernel import helper, kernel

SOURCE = Path(firth.__file__).parent


def make_kernel():
    @kernel()
    def doubled(x):
        return 2 * x

    return doubled


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRTH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entries(folder):
    return sorted(folder.glob("*.kernel"))


def hits(function):
    """Call a kernel; return whether its code came from the cache."""
    assert function(21) == 42
    return function.loaded == 1


def test_a_kernel_is_compiled_once(folder):
    assert not hits(make_kernel())
    (entry,) = entries(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert entry.stat().st_uid == os.geteuid()
    assert hits(make_kernel())


def run(path, cwd=None, **environment):
    command = [sys.executable, "-c", "import kernels; print(kernels.hits())"]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [path, path / "src"])), **environment}
    done = subprocess.run(command, env=variables, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() == "True"


@pytest.fixture
def copy(tmp_path):
    """Return a folder with a copy of firth's source and a script that calls a kernel of it."""
    shutil.copytree(SOURCE, tmp_path / "src" / "firth", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "kernels.py").write_text(
        "import numpy as np\n"
        "from firth.training.softmax.kernels import sum_equal\n"
        "def hits():\n"
        "    entries = np.array([17, 18, 33], np.int64)\n"
        "    assert sum_equal(entries, 4, np.zeros_like(entries), np.zeros(3, np.int32)) == 2\n"
        "    return sum_equal.loaded == 1\n"
    )
    return tmp_path


def test_another_process_loads_the_kernel_and_any_edit_of_the_source_compiles_it_again(copy):
    assert not run(copy)
    assert run(copy)
    helper = copy / "src/firth/training/draws.py"  # the kernel does not call it: any module counts
    helper.write_text(helper.read_text() + "\n# edited\n")
    assert not run(copy)
    assert run(copy)


def test_a_module_that_is_edited_after_its_import_is_not_cached(copy, folder):
    helper = copy / "src/firth/training/draws.py"
    edit = f"from pathlib import Path\nPath({str(helper)!r}).write_text('# edited')"
    (copy / "edit.py").write_text(f"import kernels\n{edit}\nassert not kernels.hits()\n")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [copy, copy / "src"]))}
    subprocess.run([sys.executable, "-c", "import edit"], env=variables, check=True, timeout=120)
    assert not folder.exists()


@pytest.mark.parametrize(
    "environment",
    [{"NUMBA_OPT": "1"}, {"NUMBA_CPU_NAME": "generic"}, {"NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_DEBUGINFO": "1"}],
)
def test_other_settings_of_the_compiler_are_another_entry(copy, environment):
    run(copy)
    assert not run(copy, **environment)
    assert run(copy, **environment)
    assert run(copy)


def test_four_processes_at_once_agree(copy):
    command = [sys.executable, "-c", "import kernels; kernels.hits()"]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [copy, copy / "src"]))}
    started = [subprocess.Popen(command, env=variables) for _ in range(4)]
    assert [process.wait(120) for process in started] == [0] * 4
    assert run(copy)


def test_a_program_that_changes_the_settings_of_numba_does_not_use_the_cache(folder, monkeypatch, caplog):
    assert not hits(make_kernel())
    caplog.set_level(logging.DEBUG, "firth")
    with monkeypatch.context() as context:
        context.setattr(numba.config, "OPT", 0)
        assert not hits(make_kernel())
    assert "the program changed Numba's settings" in caplog.text
    assert hits(make_kernel())


def test_a_settings_file_of_numba_in_the_working_folder_is_another_entry(copy):
    assert not run(copy)
    (copy / ".numba_config.yaml").write_text("opt: 1\n")
    assert not run(copy, cwd=copy)
    assert run(copy, cwd=copy)


def test_constants_options_and_types_are_part_of_the_name():
    def make(factor, **options):
        @kernel(**options)
        def scaled(x):
            return factor * x

        return scaled

    def make_with_helper(factor):
        @helper()
        def scale(x):
            return factor * x

        @kernel()
        def scaled(x):
            return scale(x)

        return scaled

    kernels = [make(2), make(3), make(2, fastmath=True), make_with_helper(2), make_with_helper(3)]
    assert len({function.entry(types) for function in kernels for types in [("q",), ("f",)]}) == 10
    assert [function(7) for function in kernels] == [14, 21, 14, 14, 21]
    assert [function(np.float32(7)) for function in (make(2), make(3), make_with_helper(3))] == [14.0, 21.0, 21.0]


def test_no_damaged_entry_is_loaded(folder, caplog):
    function = make_kernel()
    assert function(21) == 42
    (entry,) = entries(folder)
    content = entry.read_bytes()
    assert cache.read(entry.stem) == content[32:]
    caplog.set_level(logging.DEBUG, "firth")
    for size in range(len(content)):
        entry.write_bytes(content[:size])
        assert cache.read(entry.stem) is None
    for at in range(len(content)):
        entry.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        assert cache.read(entry.stem) is None
    assert len(caplog.records) == 2 * len(content)
    assert "is damaged, so the kernel is compiled" in caplog.text
    assert not hits(make_kernel())
    assert hits(make_kernel()), "the damaged entry was replaced"


def make_public(folder):
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)


def make_file(folder):
    folder.write_text("")


def make_link(folder):
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to("elsewhere")


def make_foreign(folder):
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, -1)


def test_the_entry_of_another_kernel_is_not_loaded(folder):
    @kernel()
    def tripled(x):
        return 3 * x

    function = make_kernel()
    assert (function(21), tripled(21)) == (42, 63)
    ours, theirs = (folder / f"{each.entry(('q',))}.kernel" for each in (function, tripled))
    shutil.copy(theirs, ours)
    assert not hits(make_kernel())


@pytest.mark.parametrize("make", [make_public, make_file, make_link, make_foreign])
def test_a_folder_that_others_may_have_written_in_is_not_used(make, folder, caplog):
    make(folder)
    caplog.set_level(logging.DEBUG, "firth")
    assert not hits(make_kernel())
    assert not hits(make_kernel())
    assert not folder.is_dir() or not entries(folder)
    assert caplog.text.count("kernel cache: ") >= 2


def test_a_disk_that_refuses_the_entry_is_no_error(monkeypatch, caplog):
    def refuse(path):
        raise OSError(28, "No space left on device", os.fspath(path))

    monkeypatch.setattr(cache, "atomic_write", refuse)
    caplog.set_level(logging.DEBUG, "firth")
    assert not hits(make_kernel())
    assert "No space left on device" in caplog.text


def test_an_empty_name_switches_the_cache_off(monkeypatch, folder):
    monkeypatch.setenv("FIRTH_CACHE_DIR", "")
    assert not hits(make_kernel())
    assert not hits(make_kernel())
    assert not folder.exists()


def test_a_package_without_source_files_has_no_cache(monkeypatch, folder):
    monkeypatch.setattr(cache, "_sources", list)
    assert not hits(make_kernel())
    assert not folder.exists()


def test_the_default_folder_is_that_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("FIRTH_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.private_folder() == tmp_path / "xdg/firth"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.private_folder() == tmp_path / ".cache/firth"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.private_folder() is None


def test_entries_unused_for_longest_are_removed(monkeypatch, folder):
    folder.mkdir(mode=0o700)
    for age in range(5):
        path = folder / f"{hashlib.sha256(bytes([age])).hexdigest()}.kernel"
        path.write_bytes(bytes(1000))
        os.utime(path, (1e9 - age, 1e9 - age))
    make_kernel()(21)
    size = max(path.stat().st_size for path in entries(folder))
    monkeypatch.setattr(cache, "MAX_BYTES", size + 2500)
    cache._remove_oldest(folder)
    left = {path.stem: path.stat().st_mtime for path in entries(folder)}
    assert sorted(left.values())[:-1] == [1e9 - 1, 1e9]
