"""Machines of a cluster are compared: unequal software or processors are refused, with what differs."""

import pytest

from firth.cluster.machines import check_machines, describe_machine, describe_software
from firth.errors import ClusterError
from firth.version import __version__

HERE, SOFTWARE = describe_machine(), describe_software()


def changed(**values: str) -> dict[str, str]:
    return HERE | {name.replace("_", " "): value for name, value in values.items()}


def test_a_machine_is_described_by_versions_sources_and_processor():
    assert HERE["firth"] == __version__
    assert {"Python", "numpy", "numba", "llvmlite", "the processor", "the processor's features"} < HERE.keys()
    assert len(HERE["the digest of firth's modules"]) == 64


def test_equal_machines_are_accepted():
    check_machines({"a": HERE}, SOFTWARE)
    check_machines({"a": HERE, "b": dict(HERE), "c": dict(HERE)}, SOFTWARE)


def test_this_program_may_run_on_another_processor():
    other = changed(the_processor="vax", **{"the_processor's_features": "+packed_decimal"})
    assert SOFTWARE.items() < other.items()
    check_machines({"a": other, "b": other}, SOFTWARE)


@pytest.mark.parametrize("name", ["firth", "Python", "numpy", "numba", "the digest of firth's modules"])
def test_other_software_of_a_member_or_of_the_driver_is_refused(name):
    other = HERE | {name: "0.0.1"}
    theirs = SOFTWARE | {name: "0.0.1"}
    for members, here in (({"a": HERE, "b": other}, SOFTWARE), ({"a": HERE}, theirs), ({"a": other}, SOFTWARE)):
        with pytest.raises(ClusterError, match=f"would not compute the same bits: {name} is .*'0.0.1'") as caught:
            check_machines(members, here)
        assert "Install the same versions" in str(caught.value)


def test_another_processor_of_a_member_is_refused():
    with pytest.raises(ClusterError, match=r"the processor is .*'znver4' on b\. Train on nodes with one kind"):
        check_machines({"a": HERE, "b": changed(the_processor="znver4")}, SOFTWARE)


def test_of_long_values_the_part_that_differs_is_shown():
    features = HERE["the processor's features"]
    other = features[:100] + "+avx1024" + features[108:]
    with pytest.raises(ClusterError, match="the processor's features is ") as caught:
        check_machines({"a": HERE, "b": HERE | {"the processor's features": other}}, SOFTWARE)
    assert "+avx1024" in str(caught.value)
    assert len(str(caught.value)) < 400
