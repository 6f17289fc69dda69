"""`manage.py evaluate FOLDER`: how good the models are on labelled photos."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from recognition.engine.types import EngineError
from recognition.management.migrated_command import MigratedCommand
from recognition.services.analysis import get_analyzer
from recognition.services.errors import ServiceError
from recognition.services.evaluation import LABELS, VARIANTS, evaluate, measure_photos, write_report
from recognition.services.wording import one_in


class Command(MigratedCommand):
    help = (
        "Measure the installed models on a folder with one sub-folder of photos per person, or on a CSV of "
        "person_id,name,path. Nobody is enrolled. Writes JSON, pictures and an HTML page."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--models",
            metavar="NAMES",
            help="installed embedders to measure side by side, with commas between, or all (the one in use)",
        )
        parser.add_argument(
            "--pairs", type=Path, help="pairs to compare, in the format of LFW, with its folds"
        )
        parser.add_argument(
            "--groups",
            metavar="CSV",
            help="figures per group, the worst first: a CSV of person_id,group, or the word folders where FOLDER has "
            "a sub-folder of people for each group",
        )
        parser.add_argument(
            "--impostors", type=int, default=1_000_000, help="impostor pairs at most (1,000,000)"
        )
        parser.add_argument(
            "--mirrored",
            choices=["both", "on", "off"],
            default="both",
            help="with the mirrored view, without, or both to compare (both)",
        )
        parser.add_argument("--threads", type=int, default=2, help="photos in work at once (2)")
        parser.add_argument(
            "--no-cache", action="store_true", help="do not use or keep vectors of earlier runs"
        )
        parser.add_argument(
            "--output", type=Path, help="folder for the report (a new one in the data folder)"
        )
        parser.add_argument("--json", action="store_true", help="print the JSON document and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        name = timezone.now().strftime("%Y%m%d-%H%M%S")
        folder = options["output"] or Path(settings.DATA_DIR) / "evaluation" / name
        models = self._models(options["models"])
        documents = []
        for model in models:
            try:
                documents.append(self._measure(model, options))
                own = folder / model if len(models) > 1 and model else folder
                written = write_report(documents[-1], own)
            except (ServiceError, EngineError) as error:
                raise CommandError(str(error)) from None
            except OSError as error:
                raise CommandError(f"The report cannot be written to {folder}: {error.strerror}.") from None
            if not options["json"]:
                if len(models) > 1:
                    self.stdout.write(self.style.MIGRATE_HEADING(f"\n== {model} =="))
                self._print(documents[-1])
                self.stdout.write(f"\nReport: {written['evaluation.html']}")
        if options["json"]:
            self.stdout.write(json.dumps(documents[0] if len(models) == 1 else {"models": documents}))
        elif len(models) > 1:
            self._side_by_side(documents)

    def _models(self, wish: str | None) -> list[str | None]:
        """Names of embedders; None is the one in use."""
        if not wish:
            return [None]
        there = [spec.name for spec in get_analyzer().manifest.specs if spec.kind == "embedder"]
        wanted = there if wish == "all" else [name.strip() for name in wish.split(",")]
        if unknown := [name for name in wanted if name not in there]:
            raise CommandError(f"No embedder {unknown[0]!r} is installed; there are {', '.join(there)}.")
        return list(dict.fromkeys(wanted))

    def _measure(self, model: str | None, options: dict[str, Any]) -> dict[str, Any]:
        quiet = options["json"] or not sys.stderr.isatty()
        by_folder = options["groups"] == "folders"
        groups = Path(options["groups"]) if options["groups"] and not by_folder else None
        variants = {"both": VARIANTS, "on": ("mirrored",), "off": ("plain",)}[options["mirrored"]]
        with tqdm(unit="photo", disable=quiet, desc=model or "photos") as bar:
            photos = measure_photos(
                options["source"],
                model=model,
                grouped=by_folder,
                threads=options["threads"],
                cached=not options["no_cache"],
                on_plan=bar.reset,
                on_photo=bar.update,
            )
        with tqdm(total=100, unit="%", disable=quiet, desc="figures") as bar:
            return evaluate(
                photos,
                source=str(options["source"]),
                variants=variants,
                pairs=options["pairs"],
                groups=groups,
                impostors=options["impostors"],
                progress=lambda share: bar.update(round(100 * share) - bar.n),
            )

    def _side_by_side(self, documents: list[dict[str, Any]]) -> None:
        """One row a model, each in the variant that the site would use."""
        row = "{:<24} {:>18} {:>9} {:>8} {:>16} {:>10} {:>22}"
        titles = ("model", "accuracy", "AUC", "EER", "TPR at FPR 1e-3", "rank 1", "FNIR at FPIR 0.01")
        self.stdout.write(self.style.MIGRATE_HEADING("\n" + row.format(*titles)))
        for document in documents:
            used = document["variants"][document["variant"]]
            found = used.get("pairs", used["verification"])
            accuracy = found.get("accuracy")
            said = f"{_percent(accuracy['mean'])} +- {_percent(accuracy['deviation'])}" if accuracy else "-"
            tpr = next((p["tpr"] for p in used["verification"]["points"] if p["fpr"] == 1e-3), None)
            opened = used["identification"]["open"]
            fnir = next((p["fnir"] for p in opened["points"] if p["fpir"] == 0.01), None) if opened else None
            rank = used["identification"]["leave_one_out"]["rank_1"]
            cells = (f"{found['auc']:.5f}", *map(_percent, (found["eer"], tpr, rank, fnir)))
            self.stdout.write(row.format(document["model"]["name"], said, *cells))

    def _print(self, document: dict[str, Any]) -> None:
        photos = document["photos"]
        self.stdout.write(
            f"{photos['photos']} photos of {photos['people']} people: {photos['with_face']} with a face, "
            f"{photos['no_face']} without, {photos['unreadable']} unreadable, {photos['missing']} missing, "
            f"{len(photos['duplicates'])} duplicates"
        )
        for name, variant in document["variants"].items():
            used = " (in use)" if name == document["variant"] else ""
            self.stdout.write(self.style.MIGRATE_HEADING(f"\n{LABELS[name]}{used}"))
            if "pairs" in variant:
                self._verification("pairs file", variant["pairs"])
            self._verification("all pairs", variant["verification"])
            self._identification(variant["identification"])
            for row in variant.get("groups", {}).get("rows", []):
                self._group(row)

    def _group(self, row: dict[str, Any]) -> None:
        said = f"{row['people']} people, FNMR {_percent(row['fnmr'])}"
        if row["interval"]:
            said += " ({} to {})".format(*map(_percent, row["interval"]))
        said += f", FMR {'-' if row['fmr'] is None else _rate(row['fmr'])}"
        self._line(f"group {row['group']}", said + (", too few people to compare" if row["few"] else ""))

    def _verification(self, title: str, found: dict[str, Any]) -> None:
        self._line(title, f"{found['genuine_pairs']} genuine, {found['impostor_pairs']} impostor")
        if found.get("without_score"):
            self._line("  without a face", f"{found['without_score']} pairs, counted as no match")
        if "accuracy" in found:
            accuracy = found["accuracy"]
            self._line(
                f"  accuracy ({accuracy['folds']} folds)",
                f"{_percent(accuracy['mean'])} +- {_percent(accuracy['deviation'])}",
            )
        self._line("  AUC, EER", f"{found['auc']:.5f}, {_percent(found['eer'])}")
        for point in found["points"]:
            said = "too few impostor pairs to say" if point["tpr"] is None else _percent(point["tpr"])
            self._line(f"  TPR at FPR {_rate(point['fpr'])}", said)
        if "in_force" in found:
            force = found["in_force"]
            self._line(
                f"  at the threshold {force['threshold']:.3f}",
                f"FMR {_rate(force['fmr'])}, FNMR {_percent(force['fnmr'])}; of genuine people it would turn away "
                f"{one_in(force['fnmr'])}",
            )

    def _identification(self, found: dict[str, Any]) -> None:
        for key, title in (("leave_one_out", "leave one out"), ("closed", "closed gallery")):
            if ranks := found[key]:
                self._line(
                    f"{title}, {ranks['people']} people",
                    f"rank 1 {_percent(ranks['rank_1'])}, rank 5 {_percent(ranks['rank_5'])}",
                )
        if opened := found["open"]:
            for point in opened["points"]:
                said = "too few strangers to say" if point["fnir"] is None else _percent(point["fnir"])
                self._line(
                    f"open gallery, {opened['people']} people", f"FNIR at FPIR {point['fpir']}: {said}"
                )
        if force := found.get("in_force"):
            self._line(
                f"  at the threshold {force['threshold']:.3f}",
                f"FPIR {_percent(force['fpir'])}, FNIR {_percent(force['fnir'])}",
            )

    def _line(self, name: str, value: str) -> None:
        self.stdout.write(f"{name:<34} {value}")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
