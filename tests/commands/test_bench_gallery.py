"""`manage.py bench_gallery`: its people score as a real model's, and it measures what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from bench.gallery.population import MODELS, Population


@pytest.mark.parametrize("model", sorted(MODELS))
def test_scores_are_distributed_as_the_models(model):
    scores = MODELS[model]
    population = Population(scores, 3_000)
    owners, vectors = next(population.chunks())
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    impostors = (vectors[:1000] @ vectors[1000:2000].T).ravel()
    assert impostors.mean() == pytest.approx(scores.impostor_mean, abs=0.02)
    assert impostors.std() == pytest.approx(scores.impostor_deviation, abs=0.015)
    who, probes = population.probes(1_000)
    genuine = np.einsum("ij,ij->i", probes, vectors[np.searchsorted(owners, who)])
    assert genuine.mean() == pytest.approx(scores.genuine_mean, abs=0.02)
    assert genuine.std() == pytest.approx(scores.genuine_deviation, abs=0.02)
    brothers = np.einsum("ij,ij->i", vectors[:-1], vectors[1:])
    assert 0.01 < np.mean(brothers > 0.55) < 0.03


def test_the_same_people_every_time():
    one, other = (np.concatenate([v for _, v in Population(MODELS["sface"], 21_000).chunks()]) for _ in "ab")
    assert one.shape == (21_000, 128)
    assert np.array_equal(one, other)


@pytest.mark.parametrize("index", ["flat", "rabitq"])
def test_figures_and_plot(tmp_path, capsys, index):
    output, picture = tmp_path / "figures.json", tmp_path / "figures.svg"
    small = {"people": [1_000], "model": "sface", "times": 5, "probes": 20, "index": index}
    call_command("bench_gallery", **small, output=output, plot=picture)
    figures = json.loads(output.read_text())
    assert json.loads(capsys.readouterr().out) == figures
    (size,) = figures["sizes"]
    assert size["people"] == 1_000
    assert size["recall"]["at_the_threshold"]["share"] == size["recall"]["all"] == 1
    assert size["recall"]["largest_difference_of_scores"] < 1e-4
    assert min(size["gallery"]["p50_ms"], size["flat"]["p50_ms"], size["build"]["file_mb"]) > 0
    assert "<svg" in picture.read_text()


def test_too_few_people_are_refused():
    with pytest.raises(CommandError, match="1000 people"):
        call_command("bench_gallery", people=[10])
