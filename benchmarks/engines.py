"""How fast, and in how much memory, each engine answers, bare and as papscope runs it from files.

Takes   a network, a number of images, and how many rounds
Gives   tables on standard output: images a second, ratios, memory, and the time of a cold start
Never   says anything of how good the answers are: the weights are random

Bare engines answer for batches of 1 and of 32 that lie in memory as numbers, with all cores:

- torch: eager, as it comes; channels last in memory; compiled, where there is a compiler for C++;
- onnxruntime and OpenVINO, in 32-bit numbers and in whole numbers of 8 bits.

papscope answers from files, on each engine. In each round all ways take turns, in one process, and
ratios are of the same round, so that whatever else the machine does falls on all of them. Memory is
the peak of a process of its own, and so is each cold start: `papscope predict` on one picture.

    python benchmarks/engines.py
    python benchmarks/engines.py --quick --network tf_efficientnet_lite0 --size 128
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BATCHES = (1, 32)
HERLEV_SIZE = (200, 200)
TORCH = ("torch", "torch-last", "torch-compiled")
EXPORTED = ("onnx", "onnx-int8", "openvino", "openvino-int8")
FROM_FILES = ("torch", *EXPORTED)
BARE_OF = {"torch": "torch-last"}
"""papscope's engine on torch has channels last."""
FASTER, AS_FAST, COLD = 2.3, 0.9, 1.5
"""The goals: whole numbers against torch, papscope against its bare engine, seconds to answer."""
CALIBRATED_ON = 4

Work = Callable[[], object]


def pictures(folder: Path, count: int) -> list[Path]:
    """Make pictures of the size and format of Herlev's cells."""
    draw = np.random.default_rng(0)
    made = []
    for place in range(count):
        coarse = Image.fromarray(draw.integers(60, 250, (9, 9, 3), dtype=np.uint8))
        made.append(folder / f"{place:04}.jpg")
        coarse.resize(HERLEV_SIZE, Image.Resampling.BICUBIC).save(made[-1])
    return made


def tell(what: str) -> None:
    """Say on standard error what is being done: the whole takes minutes."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def prepare_all(folder: Path, options: argparse.Namespace) -> None:
    """Write a bundle with random weights, its exports, the pictures, and their planes."""
    import torch

    from papscope.bundle import Description, read_bundle, write_bundle, write_onnx_bundle
    from papscope.export.graph import graph_of
    from papscope.export.images import squares_at
    from papscope.export.quantise import quantised
    from papscope.export.writing import on_engine
    from papscope.network.assembly import from_bundle
    from papscope.network.backbones import build, preprocess_for, tensors_of
    from papscope.preprocess import Source, to_planes
    from papscope.taxonomy import classes_of

    tell("exporting, and rounding to whole numbers")
    (folder / "pictures").mkdir()
    files = pictures(folder / "pictures", options.images)
    torch.manual_seed(0)
    classes = classes_of("herlev")
    how = preprocess_for(options.network, size=options.size)
    about = Description(classes=classes, preprocess=how, backbone=options.network)
    network = build(options.network, len(classes), size=options.size)
    write_bundle(folder / "torch", about, tensors_of(network), "random")
    bundle = read_bundle(folder / "torch")
    squares = squares_at([Source(file) for file in files], how)
    np.save(folder / "planes.npy", to_planes(squares, how))
    plain = graph_of(from_bundle(bundle), options.size)
    whole = quantised(plain, squares[:CALIBRATED_ON], how)
    for form in EXPORTED:
        runs_on = "openvino" if form.startswith("openvino") else "onnxruntime"
        one = on_engine(bundle, whole if form.endswith("int8") else plain, runs_on)
        write_onnx_bundle(folder / form, one.description, one.onnx or b"", "random")


def bare(folder: Path, way: str, batch: int) -> Callable[[np.ndarray], object]:
    """Give what answers for planes (batch, 3, s, s) on an engine, with nothing around it."""
    if way in TORCH:
        return _bare_torch(folder, way)
    model, cores = (folder / way / "model.onnx").read_bytes(), usable()
    if way.startswith("onnx"):
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = cores
        session = onnxruntime.InferenceSession(model, settings, ["CPUExecutionProvider"])
        return lambda planes: session.run(None, {"planes": planes})
    import papscope.predict.openvino_engine  # noqa: F401 -- keeps OpenVINO from reporting its use
    import openvino  # isort: skip

    read = openvino.Core().read_model(model)
    read.reshape({"planes": [batch, *list(np.load(folder / "planes.npy", "r").shape[1:])]})
    settings = {"INFERENCE_NUM_THREADS": cores, "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.compile_model(read, "CPU", settings).create_infer_request()
    return lambda planes: request.infer({"planes": planes})


def _bare_torch(folder: Path, way: str) -> Callable[[np.ndarray], object]:
    import torch

    from papscope.bundle import read_bundle
    from papscope.network.assembly import from_bundle

    network: Any = from_bundle(read_bundle(folder / "torch"))
    last = way == "torch-last"
    if last:
        network = network.to(memory_format=torch.channels_last)
    if way == "torch-compiled":
        network = torch.compile(network)

    def answer(planes: np.ndarray) -> object:
        with torch.inference_mode():
            given = torch.from_numpy(planes)
            if last:
                given = given.to(memory_format=torch.channels_last)
            return network(given).softmax(1).numpy()

    return answer


def bare_work(folder: Path, way: str, batch: int, count: int) -> tuple[Work, int]:
    """Give a piece of bare work, and how many images it answers for."""
    count = max(batch, count // batch * batch)
    planes = np.load(folder / "planes.npy")
    planes = np.concatenate([planes] * -(-count // len(planes)))[:count]
    batches = [np.ascontiguousarray(planes[at : at + batch]) for at in range(0, count, batch)]
    answer = bare(folder, way, batch)

    def work() -> None:
        for one in batches:
            answer(one)

    return work, count


def files_work(folder: Path, way: str, count: int) -> tuple[Work, int]:
    """Give papscope's work from files to answers, and how many images it answers for."""
    from papscope.predict.predictor import load

    model = load(folder / way)
    files = sorted((folder / "pictures").iterdir())[:count]
    return (lambda: model.predict(files, batch_size=BATCHES[-1])), len(files)


@dataclass(frozen=True)
class Way:
    """One way to answer."""

    name: str
    batch: int
    """0 for papscope from files."""

    @property
    def title(self) -> str:
        """What tables call it."""
        return f"{self.name} x {self.batch}" if self.batch else f"papscope: {self.name}"

    def work(self, folder: Path, options: argparse.Namespace) -> tuple[Work, int]:
        """Make it ready."""
        if not self.batch:
            return files_work(folder, self.name, options.images)
        few = max(1, options.images // (2 if self.batch > 1 else 8))
        return bare_work(folder, self.name, self.batch, few)


WAYS = (
    *(Way(name, batch) for name in (*TORCH, *EXPORTED) for batch in BATCHES),
    *(Way(name, 0) for name in FROM_FILES),
)


def not_possible() -> Mapping[str, str]:
    """Say which ways this machine does not have, and why."""
    why = {}
    if not any(shutil.which(one) for one in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        why["torch-compiled"] = "torch.compile needs a compiler for C++, and there is none here"
    return why


def measure(folder: Path, options: argparse.Namespace) -> dict[Way, list[float]]:
    """Give each way's images a second, round by round."""
    why = not_possible()
    ready = {}
    for way in WAYS:
        if way.name in why and way.batch:
            continue
        tell(f"making ready: {way.title}")
        ready[way] = way.work(folder, options)
        ready[way][0]()  # once before the clock runs
    speeds: dict[Way, list[float]] = {way: [] for way in ready}
    for place in range(options.rounds):
        tell(f"round {place + 1} of {options.rounds}")
        for way, (work, count) in ready.items():
            start = time.perf_counter()
            work()
            speeds[way].append(count / (time.perf_counter() - start))
    return speeds


def peak(folder: Path, way: Way, options: argparse.Namespace) -> float:
    """Give the peak of memory, in MB, of a process that answers in one way and does no more."""
    tell(f"memory of {way.title}")
    words = ["--one", json.dumps([str(folder), way.name, way.batch]), "--images", "64"]
    command = [sys.executable, __file__, *words, "--size", str(options.size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def one_alone(told: str, options: argparse.Namespace) -> None:
    """Answer in one way, and print the peak of this process's memory."""
    folder, name, batch = json.loads(told)
    work, _ = Way(name, batch).work(Path(folder), options)
    work()
    print(own_peak())


def own_peak() -> float:
    """Give the peak of this process's memory, in MB.

    Linux has it in /proc: what `getrusage` tells there begins with the parent's, whose memory a new
    process shares for a moment.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return float(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def cold_starts(picture: Path, times: int) -> list[float]:
    """Give the seconds from a command to its answer, with the model that comes with papscope."""
    command = [sys.executable, "-m", "papscope", "predict", str(picture)]
    found = []
    for _ in range(times + 1):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        found.append(time.perf_counter() - start)
    return found[1:]  # the first one reads files that then lie in memory


def spread(found: Sequence[float], form: str = "9.1f") -> str:
    """Word the smallest, the median and the largest."""
    three = (min(found), statistics.median(found), max(found))
    return " ".join(f"{one:{form}}" for one in three)


def ratio(words: str, one: Sequence[float], other: Sequence[float], goal: float | None) -> str:
    """Word the ratios of two ways, round by round."""
    ratios = [ours / theirs for ours, theirs in zip(one, other, strict=True)]
    end = ""
    if goal is not None:
        reached = statistics.median(ratios) >= goal
        end = f"    goal {goal}: {'reached' if reached else 'missed'}"
    return f"  {words:<44} {spread(ratios, '6.2f')}{end}"


def show(speeds: Mapping[Way, Sequence[float]], memory: Mapping[Way, float]) -> None:
    """Print the tables."""
    print("\nimages/s: smallest, median, largest of the rounds; peak memory of a process, MB")
    for way, found in speeds.items():
        print(f"  {way.title:<26} {spread(found)} {memory[way]:9.0f}")
    for name, why in not_possible().items():
        print(f"  {name}: left out: {why}")
    print("\nratios of the same round: smallest, median, largest")
    for batch in BATCHES:
        eager = speeds[Way("torch", batch)]
        for way in speeds:
            if way.batch == batch and way.name != "torch":
                goal = FASTER if way.name.endswith("int8") and batch > 1 else None
                print(ratio(f"{way.title} / torch x {batch}", speeds[way], eager, goal))
    for name in FROM_FILES:
        limit = Way(BARE_OF.get(name, name), BATCHES[-1])
        words = f"papscope: {name} / {limit.title}"
        print(ratio(words, speeds[Way(name, 0)], speeds[limit], AS_FAST))


def usable() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Say what it was measured on."""
    info, name = Path("/proc/cpuinfo"), platform.processor() or platform.machine()
    if info.exists():
        lines = [one for one in info.read_text().splitlines() if one.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    parts = ("torch", "onnxruntime", "openvino")
    told = ", ".join(f"{part} {version(part)}" for part in parts)
    return f"{name}, {usable()} cores; {told}; Python {platform.python_version()}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast does each engine answer?")
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 64 images")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one_alone(options.one, options)
        return
    if options.quick:
        options.rounds, options.images = 3, 64
    print(f"machine: {machine()}", flush=True)
    print(f"{options.network} at {options.size} px, random weights, {options.images} made pictures")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare_all(folder, options)
        speeds = measure(folder, options)
        show(speeds, {way: peak(folder, way, options) for way in speeds})
        starts = cold_starts(folder / "pictures" / "0000.jpg", max(3, options.rounds))
    reached = "reached" if statistics.median(starts) <= COLD else "missed"
    print("\ncold start of `papscope predict` on one picture, seconds: smallest, median, largest")
    print(f"  {spread(starts, '6.2f')}    goal at most {COLD}: {reached}")


if __name__ == "__main__":
    main()
