"""Pictures of an evaluation, drawn by matplotlib without its global state, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2563eb", "#d97706", "#059669", "#7c3aed")
GENUINE, IMPOSTOR, THRESHOLD = "#059669", "#dc2626", "#111827"
LOWEST_FPR = 1e-6


def draw_roc(curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    """ROC curves with a logarithmic axis of FPR from 1e-6. curves: label -> document of `figures.compared`.

    A curve begins where the rule of three lets the impostor pairs speak; a dot marks the threshold in force.
    """
    figure, axes = _axes("False positive rate", "True positive rate")
    for colour, (label, document) in zip(COLOURS, curves.items(), strict=False):
        fpr, tpr = np.array(document["roc"], float).T
        smallest = max(LOWEST_FPR, document["smallest_fpr"])
        begin = np.interp(smallest, fpr, tpr)
        keep = fpr > smallest
        axes.plot(
            np.r_[smallest, fpr[keep]],
            np.r_[begin, tpr[keep]],
            color=colour,
            label=f"{label} (AUC {document['auc']:.4f})",
        )
        in_force = document.get("in_force")
        if in_force:
            x = max(in_force["fmr"], LOWEST_FPR)
            axes.plot([x], [1 - in_force["fnmr"]], "o", color=colour, markersize=7)
            axes.annotate(
                f"threshold {in_force['threshold']:.3f}",
                (x, 1 - in_force["fnmr"]),
                textcoords="offset points",
                xytext=(8, -12),
                fontsize=8,
            )
    axes.set_xscale("log")
    axes.set_xlim(LOWEST_FPR, 1)
    axes.set_ylim(0, 1.01)
    axes.legend(loc="lower right")
    return figure


def draw_histogram(document: Mapping[str, Any]) -> Figure:
    """How genuine and impostor scores are distributed. document: of `figures.compared`."""
    figure, axes = _axes("Score (cosine)", "Share of pairs per step of 0.01")
    counts = document["histogram"]
    edges = np.linspace(-1, 1, len(counts["genuine"]) + 1)
    for name, colour in (("impostor", IMPOSTOR), ("genuine", GENUINE)):
        values = np.array(counts[name], float)
        share = values / max(1.0, values.sum())
        axes.stairs(
            share, edges, fill=True, alpha=0.45, color=colour, label=f"{name} ({int(values.sum()):,})"
        )
    in_force = document.get("in_force")
    if in_force:
        axes.axvline(in_force["threshold"], color=THRESHOLD, linestyle="--", label="threshold in force")
    axes.set_xlim(-0.6, 1)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right")
    return figure


def draw_open_set(curve: Sequence[Sequence[float]], in_force: Mapping[str, Any] | None = None) -> Figure:
    """FNIR over FPIR, both logarithmic. curve: (threshold, FPIR, FNIR) of `figures.open_set`."""
    figure, axes = _axes("FPIR", "FNIR")
    _, fpir, fnir = np.array(curve, float).T
    seen = fpir > 0
    axes.plot(fpir[seen], np.maximum(fnir[seen], 1e-4), color=COLOURS[0])
    if in_force:
        point = max(in_force["fpir"], 1e-4), max(in_force["fnir"], 1e-4)
        axes.plot(*[[value] for value in point], "o", color=COLOURS[0])
        axes.annotate(
            f"threshold {in_force['threshold']:.3f}\namong {in_force['people']} people",
            point,
            textcoords="offset points",
            xytext=(8, 8),
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1e-4, 1)
    axes.set_ylim(1e-3, 1.05)
    return figure


def render(figure: Figure, kind: str) -> bytes:
    """The file's bytes. kind: ``png`` or ``svg``."""
    target = BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(target, format=kind, dpi=150, metadata=metadata)
    return target.getvalue()


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # heavy, and not needed by what serves

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3, which="both", linewidth=0.5)
    return figure, axes
