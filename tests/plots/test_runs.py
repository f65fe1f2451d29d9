"""Histories and the gradient check: the lines are the records, and a wrong gradient leaves the diagonal."""

import numpy as np
import pytest

from firth import OptionError, Word2Vec, objectives, plots
from firth.gradcheck import TOLERANCE, check_gradients, measured_gradients
from firth.training.loop.trainer import EpochRecord


def lines(ax):
    return {line.get_label(): line.get_data() for each in ax.figure.axes for line in each.lines}


def test_each_loss_is_a_line_and_one_that_is_missing_is_left_out():
    records = [EpochRecord(n, 3.0 / n, 1000, 500, 0.01, end_loss=2.0 / n) for n in (1, 2, 4)]
    drawn = lines(plots.history(records))
    assert set(drawn) == {"loss", "end loss"}
    np.testing.assert_array_equal(drawn["loss"], [[1, 2, 4], [3.0, 1.5, 0.75]])
    np.testing.assert_array_equal(drawn["end loss"], [[1, 2, 4], [2.0, 1.0, 0.5]])
    assert set(lines(plots.history(records, losses=["end_loss"]))) == {"end loss"}


def test_a_loss_that_some_epochs_lack_has_gaps():
    records = [EpochRecord(1, 3.0, 1, 1, 0.1), EpochRecord(2, 2.0, 1, 1, 0.1, validation_loss=7.0)]
    np.testing.assert_array_equal(lines(plots.history(records))["held out (right)"][1], [np.nan, 7.0])


@pytest.mark.parametrize(("held_out", "n_scales"), [(6.1, 2), (5.9, 1)])
def test_held_out_losses_far_above_the_others_have_their_own_scale(held_out, n_scales):
    records = [EpochRecord(n, 3.0, 1, 1, 0.1, end_loss=2.0, validation_loss=held_out) for n in (1, 2)]
    ax = plots.history(records)
    assert len(ax.figure.axes) == n_scales
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shown == ["loss", "end loss", "held out (right)" if n_scales == 2 else "held out"]
    assert list(plots.history(records, losses=["validation_loss"]).lines[0].get_ydata()) == [held_out] * 2


def test_models_are_compared_by_name():
    model = Word2Vec()
    model.history = [EpochRecord(n, 3.0 / n, 1000, 500, 0.01, end_loss=2.0 / n) for n in (1, 2)]
    drawn = lines(plots.history({"one": model, "$two$": model.history}))
    assert set(drawn) == {"one, loss", "one, end loss", "$two$, loss", "$two$, end loss"}
    assert list(drawn["one, loss"][1]) == [3.0, 1.5]


def test_wrong_requests_are_refused():
    with pytest.raises(OptionError, match="the history has no epochs: fit the model first"):
        plots.history(Word2Vec())
    with pytest.raises(OptionError, match="the history of 'one' has no epochs"):
        plots.history({"one": []})
    with pytest.raises(OptionError, match=r"^5 is not a training run: give a model or its history$"):
        plots.history(5)
    with pytest.raises(OptionError, match="losses holds 'perplexity': give some of 'loss', 'end_loss'"):
        plots.history([EpochRecord(1, 3.0, 1, 1, 0.1)], losses=["perplexity"])


def test_the_points_are_the_numbers_that_the_gradient_check_compares():
    measured = measured_gradients(seed=2)
    checks = check_gradients(seed=2)
    assert list(measured) == [check.name for check in checks]
    for check, (claimed, found) in zip(checks, measured.values(), strict=True):
        scale = np.maximum(1, np.maximum(np.abs(claimed), np.abs(found)))
        assert (np.abs(claimed - found) / scale).max() == check.difference
    points = plots.gradients(seed=2).collections[0].get_offsets()
    assert len(points) == sum(claimed.size for claimed, _ in measured.values())
    # scale is at most 10 here, and a difference within the tolerance is invisible in the picture
    np.testing.assert_allclose(points[:, 0], points[:, 1], atol=100 * TOLERANCE)


def test_a_wrong_gradient_is_off_the_diagonal(monkeypatch):
    right = objectives.sigmoid_derivative
    monkeypatch.setattr(objectives, "sigmoid_derivative", lambda x: 2 * right(x))
    ax = plots.gradients()
    points = ax.collections[0].get_offsets()
    assert np.abs(points[:, 0] - points[:, 1]).max() > 0.01
    assert "largest difference 7e-10" not in ax.texts[0].get_text()
