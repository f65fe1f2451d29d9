"""What a center word predicts, against the softmax in plain NumPy."""

import numpy as np
import pytest

from explore._models import OPTIONS, counts, matrices
from firth import objectives
from firth.explore.explored import Explored
from firth.explore.prediction import predicted


@pytest.mark.parametrize(
    ("options", "exponent"),
    [
        ({"objective": "softmax", "unigram_intercept": False, "ns_exponent": 0.75}, 0),
        ({"objective": "softmax", "unigram_intercept": True, "ns_exponent": 0.75}, 1),
        ({"objective": "negative_sampling", "unigram_intercept": True, "ns_exponent": 0.75}, 0.75),
        ({}, 0),
    ],
)
def test_the_probabilities_are_a_softmax_with_the_weights_of_training(subject, options, exponent):
    center, outside = (matrix.astype(np.float64) for matrix in matrices())
    model = Explored("test", subject.vectors, subject.outside, options)
    expected = objectives.softmax(outside @ center[7] + exponent * np.log(counts()))
    shares = predicted(model, 7)
    assert shares == pytest.approx(expected, rel=1e-9)
    assert shares.sum() == pytest.approx(1)


def test_without_counts_the_weights_are_equal(subject):
    vectors = subject.vectors._with_vectors(subject.vectors.vectors, None)
    vectors.counts = None
    center, outside = (matrix.astype(np.float64) for matrix in matrices())
    shares = predicted(Explored("test", vectors, subject.outside, OPTIONS), 3)
    assert shares == pytest.approx(objectives.softmax(outside @ center[3]), rel=1e-9)


def test_without_outside_vectors_nothing_is_predicted(subject):
    assert predicted(Explored("test", subject.vectors), 3) is None
