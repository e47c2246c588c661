# %% [markdown]
# # First steps in Python
#
# Everything that the command line does is a documented call in Python too. This script takes the
# whole path on images that are drawn from a seed: open it as a notebook (VS Code, Spyder and
# Jupytext know the `# %%` marks), or run it in an empty folder with `python first_steps.py`.
#
# The images are made. Nothing that is measured here says anything of real cells.

# %%
from pathlib import Path

import papscope
from papscope.sources.kinds import ImportOptions
from papscope.sources.synthetic import SyntheticSettings
from papscope.split import part_rows
from papscope.train.trainer import Watch

# %% [markdown]
# ## Import
#
# An import gives a manifest: one row an image, with its class, its size, its digest, and its
# *group*, here the field that the cell was cut from. For your own images the kind is `folder`.

# %%
drawing = SyntheticSettings(slides_per_class=10, cells_per_slide=4, image_size=64)
images, outlines = papscope.import_images(
    "synthetic", Path("cells"), options=ImportOptions(drawing=drawing, seed=7)
)
papscope.write_manifest(Path("cells.csv"), images, outlines)
manifest = papscope.read_manifest(Path("cells.csv"))
print(manifest.counts())

# %% [markdown]
# ## Check
#
# All findings come at once. What is to be mended before training has the severity `stop`.

# %%
found = papscope.check(manifest)
for finding in found.findings:
    print(finding.severity, finding.code, finding.where, "-", finding.what)

# %% [markdown]
# ## Split
#
# By group, so that no field lies on two sides; the same seed gives the same split anywhere.

# %%
split = papscope.cut(manifest, seed=7)
papscope.write_split(Path("split.csv"), split)
print({part: len(part_rows(split, manifest, part)) for part in ("train", "val", "test")})

# %% [markdown]
# ## Train
#
# A small network with ImageNet weights that came with the installation, for three epochs. `Watch`
# says who hears how it goes; the result lies in the run's folder as a *bundle*.

# %%
settings = papscope.TrainSettings(
    backbone="tf_efficientnet_lite0",
    weights="packaged",
    size=64,
    epochs=3,
    batch_size=16,
    seed=7,
)
fitted = papscope.fit(
    manifest, split, settings, Path("run"), watch=Watch(on_epoch=print, on_note=print)
)
print("best epoch", fitted.best.epoch, "in", fitted.bundle)

# %% [markdown]
# ## Evaluate
#
# Only now the test part is looked at. Scores are kept in a file, from which everything below can be
# made again without the model, the images or torch.

# %%
model = papscope.read_bundle(fitted.bundle)
papscope.write_scores(Path("scores.csv"), papscope.score(model, manifest, split=split, part="test"))
scores = papscope.read_scores(Path("scores.csv"))
summary = papscope.summarise(scores)
accuracy = summary.overall["accuracy"]
print(accuracy)
print(summary.confusion)

# %% [markdown]
# ## Report
#
# One HTML file, to be opened in any browser.

# %%
print(papscope.write_report(Path("report.html"), scores, scores_path=Path("scores.csv")))

# %% [markdown]
# ## Predict
#
# Paths, folders or arrays of pixels go in; one outcome each comes out, in the same order: an
# answer, or why there is none.

# %%
predictor = papscope.load(fitted.bundle)
test_images = [manifest.file_of(row) for row in part_rows(split, manifest, "test")]
outcomes = predictor.predict([*test_images[:5], "no-such-image.png"])
for one in outcomes.good:
    print(one.source, one.answer.label, f"{one.answer.probability:.3f}")
for one in outcomes.failures:
    print(one.source, one.error)
