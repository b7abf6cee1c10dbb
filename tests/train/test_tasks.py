#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of the recordings that tools/train makes of images: scenes, the recorder,
Fashion-DVS and CIFAR-DVS."""
import dataclasses
import gzip
import io
import pathlib
import struct
import sys
import tempfile
import unittest
import zipfile

import numpy as np
from PIL import Image

TRAIN = pathlib.Path(__file__).resolve().parents[2] / "tools" / "train"
sys.path.insert(0, str(TRAIN))

# pylint: disable=wrong-import-position
import cifardvs  # noqa: E402
import eventcam  # noqa: E402
import fashion  # noqa: E402
import model  # noqa: E402
import pictures  # noqa: E402
import quantgrid  # noqa: E402
import recorder  # noqa: E402
import scene  # noqa: E402

CAMERA = eventcam.Camera(width=20, height=16, duration=60_000, substep=4_000,
                         contrast=0.2, mismatch=0.02)
RNG = np.random.default_rng(11)
IMAGE = RNG.integers(0, 256, (9, 12)).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class Along:
    """A way of the test's choice."""
    ways: tuple

    def __call__(self, _rng, times, camera):
        at = np.resize(np.array(self.ways, float), (len(times), 2))
        return at + (camera.height / 2, camera.width / 2)


def light(image, at, view, camera):
    """What film() shows of an image at one place, by sums over 64 points in a pixel."""
    def axis(pixels, cells, middle):
        taps = np.arange(64) / 64 + 1 / 128
        where = (np.arange(pixels)[:, None] + taps - middle) * cells / view.side + cells / 2
        return where
    rows, columns = (axis(n, c, m) for n, c, m in zip(
        (camera.height, camera.width), image.shape, at))
    shine = (image / 255.0) ** view.gamma

    def weights(where, cells):
        low = np.clip(np.floor(where - 0.5), 0, cells - 1).astype(int)
        part = np.clip(where - 0.5 - low, 0, 1) * (low < cells - 1)
        matrix = np.zeros(where.shape + (cells + 1,))
        np.put_along_axis(matrix, low[..., None], 1 - part[..., None], -1)
        np.put_along_axis(matrix, low[..., None] + 1, part[..., None], -1)
        return (matrix * ((where >= 0) & (where < cells))[..., None])[..., :cells].mean(1)
    r, c = weights(rows, image.shape[0]), weights(columns, image.shape[1])
    covered = r.sum(1)[:, None] * c.sum(1)
    return r @ shine @ c.T + view.ground ** view.gamma * (1 - covered)


class Scenes(unittest.TestCase):
    def test_film_is_the_mean_light_of_each_pixel(self):
        ways = ((0, 0), (0.5, -0.25), (1.3, 2.7), (-3.1, 0.9))
        for view in (scene.Scene(11, Along(ways)), scene.Scene(13, Along(ways), 0.5, 2.2)):
            levels = scene.film(IMAGE, view, CAMERA, np.random.default_rng(0))
            seen = (np.exp(levels) - CAMERA.dark) / (1 - CAMERA.dark)
            for frame, way in zip(seen, ways):
                at = np.array(way) + (CAMERA.height / 2, CAMERA.width / 2)
                want = light(IMAGE, at, view, CAMERA)
                self.assertLess(np.abs(frame.reshape(want.shape) - want).max(), 0.02)
                self.assertLess(np.abs(frame.mean() - want.mean()), 0.001)

    def test_whole_pixels_shift_the_picture(self):
        view = scene.Scene(8, Along(((0, 0), (2, -3))))
        before, after = (level.reshape(16, 20) for level in scene.film(
            IMAGE, view, CAMERA, np.random.default_rng(0))[:2])
        self.assertTrue(np.array_equal(before[:-2, 3:], after[2:, :-3]))

    def test_nothing_moves_nothing_fires(self):
        quiet = dataclasses.replace(CAMERA, noise_hz=0.0)
        view = scene.Scene(11, Along(((0.3, 0.2),)))
        self.assertEqual(len(scene.record([IMAGE], [1], view, quiet)[0]), 0)
        moving = scene.Scene(11, scene.Loop(2.0, 60_000))
        events = scene.record([IMAGE], [1], moving, quiet)[0]
        self.assertGreater(len(events), 200)
        self.assertTrue(0.3 < events["p"].mean() < 0.7)

    def test_the_loop_is_closed_and_smooth(self):
        times = np.arange(0, 130_001, 1_000, dtype=float)
        at = scene.Loop(2.5, 65_000)(np.random.default_rng(5), times, CAMERA)
        self.assertTrue(np.allclose(at[:65], at[65:130]))
        away = at - at[:65].mean(0)
        self.assertTrue((np.hypot(*away.T) > 1.5).all() and (np.abs(away) < 2.8).all())
        self.assertLess(np.hypot(*np.diff(at, axis=0).T).max(), 0.3)

    def test_side_by_side_is_one_by_one(self):
        view = scene.Scene(11, scene.Saccades())
        images = [IMAGE, IMAGE[:, ::-1], IMAGE[::-1]]
        together = scene.record(images, [1, 2, 3], view, CAMERA)
        for image, seed, events in zip(images, (1, 2, 3), together):
            alone = scene.record([image], [seed], view, CAMERA)[0]
            self.assertTrue(np.array_equal(alone, events))
            self.assertTrue((np.diff(events["t"]) >= 0).all())
            self.assertGreater(len(events), 100)

    def test_photoreceptors_follow_with_their_bandwidth(self):
        camera = dataclasses.replace(CAMERA, bandwidth_hz=40.0)
        steps = np.concatenate([np.zeros((1, 2)), np.ones((15, 2))])
        out = eventcam.low_pass(steps.copy(), camera)
        tau = 1e6 / (2 * np.pi * 40)
        want = 1 - np.exp(-np.arange(16) * camera.substep / tau)
        self.assertTrue(np.allclose(out, want[:, None]))
        self.assertTrue(np.array_equal(eventcam.low_pass(steps.copy(), CAMERA), steps))


class Folder(unittest.TestCase):
    """Tests with a folder."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def bytes_of(self, folder):
        """{name: bytes} of the recordings there."""
        return {str(p.relative_to(folder)): p.read_bytes()
                for p in sorted(folder.rglob("*.bin"))}


class Recorder(Folder):
    view = scene.Scene(11, scene.Saccades())
    wanted = [(f"part/{i}", np.roll(IMAGE, i), (7, i)) for i in range(5)]

    def test_an_interrupted_run_goes_on(self):
        recorder.record(self.folder / "a", self.wanted, self.view, CAMERA, 2)
        whole = self.bytes_of(self.folder / "a")
        self.assertEqual(len(whole), 5)
        recorder.record(self.folder / "b", self.wanted[::-2], self.view, CAMERA, 1)
        self.assertEqual(len(self.bytes_of(self.folder / "b")), 3)
        (self.folder / "b/part/1.tmp").write_bytes(b"cut")
        recorder.record(self.folder / "b", self.wanted, self.view, CAMERA, 1)
        self.assertEqual(self.bytes_of(self.folder / "b"), whole)

    def test_what_is_there_is_not_made_again(self):
        recorder.record(self.folder, self.wanted, self.view, CAMERA, 1)
        kept = self.folder / "part/3.bin"
        kept.write_bytes(b"")
        recorder.record(self.folder, self.wanted, self.view, CAMERA, 1)
        self.assertEqual(kept.read_bytes(), b"")

    def test_settings_are_not_mixed(self):
        recorder.record(self.folder, self.wanted[:1], self.view, CAMERA, 1)
        other = dataclasses.replace(CAMERA, contrast=0.3)
        with self.assertRaisesRegex(ValueError, "settings.json"):
            recorder.record(self.folder, self.wanted, self.view, other, 1)
        self.assertEqual(len(self.bytes_of(self.folder)), 1)

    def test_lists(self):
        recorder.record(self.folder, self.wanted, self.view, CAMERA, 1)
        pairs = [(self.folder / f"{name}.bin", i) for i, (name, _, _) in enumerate(self.wanted)]
        recorder.write_list(self.folder / "list.tsv", pairs)
        events, labels = recorder.listed(self.folder / "list.tsv", "test")
        self.assertEqual(labels.tolist(), [0, 1, 2, 3, 4])
        self.assertEqual([len(e) for e in events],
                         [len(eventcam.read_atis(path)) for path, _ in pairs])
        with self.assertRaisesRegex(FileNotFoundError, "maker"):
            recorder.listed(self.folder / "none.tsv", "maker")

    def test_counts_of_a_sensor_twice_as_fine(self):
        spec = dict(model.INPUT, width=10, height=8, steps=2, step_us=30_000, planes=4,
                    sensor={"width": 20, "height": 16, "crop": [0, 0], "downscale": 2})
        events = scene.record([IMAGE], [1], self.view, CAMERA)[0]
        fine = eventcam.to_counts(events, dict(spec, width=20, height=16, sensor={
            "width": 20, "height": 16, "crop": [0, 0], "downscale": 1}))
        sums = fine.reshape(2, 8, 2, 10, 2, 2).sum((2, 4), dtype=int)
        self.assertTrue(np.array_equal(eventcam.to_counts(events, spec),
                                       np.minimum(sums, 15)))
        with self.assertRaises(ValueError):
            eventcam.to_counts(events, dict(spec, width=9))


class Fashion(Folder):
    def idx(self, data, shape=(2, 3, 4), head=b"\0\0\x08"):
        """An .idx file in place of the package's."""
        text = head + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data
        (self.folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(text))

    def test_files_are_checked(self):
        package, fashion.IMAGES = fashion.IMAGES, self.folder
        self.addCleanup(lambda: setattr(fashion, "IMAGES", package))
        with self.assertRaises(FileNotFoundError):
            fashion.idx("train-images-idx3")
        self.idx(bytes(range(24)))
        self.assertEqual(fashion.idx("train-images-idx3")[1, 2, 3], 23)
        for case in ({"data": bytes(23)}, {"data": bytes(25)},
                     {"data": bytes(24), "head": b"\0\0\x0d"}, {"data": b"", "shape": ()},
                     {"data": bytes(24), "shape": (1 << 31, 1 << 31, 4)}):
            self.idx(**case)
            with self.assertRaises(ValueError):
                fashion.idx("train-images-idx3")

    def test_parts_are_disjoint_and_balanced(self):
        if not fashion.IMAGES.is_dir():
            self.skipTest("dataset-fashion-mnist is not installed")
        parts = {part: fashion.split(part) for part in fashion.PARTS}
        each = {"train": 3000, "development": 300, "test": 1000}
        for part, (numbers, images, labels) in parts.items():
            self.assertEqual(np.bincount(labels).tolist(), [each[part]] * 10)
            self.assertEqual(images.shape, (len(numbers), 28, 28))
        self.assertFalse(set(parts["train"][0]) & set(parts["development"][0]))

    def test_a_cut_of_it(self):
        if not fashion.IMAGES.is_dir():
            self.skipTest("dataset-fashion-mnist is not installed")
        for part in fashion.PARTS:
            fashion.make(self.folder, part, 1, 2)
        self.assertEqual(len(self.bytes_of(self.folder)), 30)
        for part in fashion.PARTS:
            rows = quantgrid.read_list(self.folder / f"{part}.tsv")
            self.assertEqual(sorted(label for _, label in rows), list(range(10)))
            for path, _ in rows:
                # N-MNIST's have 4100 on average.
                self.assertTrue(800 < len(eventcam.read_atis(path)) < 9000, path)


class Pictures(Folder):
    def png(self, image):
        """Bytes of an image as PNG."""
        out = io.BytesIO()
        Image.fromarray(image).save(out, "PNG")
        return out.getvalue()

    def small(self):
        """A camera and numbers of pictures for a quick test."""
        small = {"CAMERA": CAMERA, "SCENE": scene.Scene(11, scene.Loop(2.0, 60_000), 0.5),
                 "DEVELOPMENT": 1, "TEST": 2, "CALIBRATION_PER_CLASS": 1}
        for name, value in small.items():
            before = getattr(cifardvs, name)
            self.addCleanup(setattr, cifardvs, name, before)
            setattr(cifardvs, name, value)

    def write(self):
        """Pictures of two classes, in a folder and in a zip file."""
        rng = np.random.default_rng(4)
        with zipfile.ZipFile(self.folder / "a.zip", "w") as archive:
            for name in [f"{kind}/{i}.png" for kind in ("dog", "cat") for i in range(5)]:
                data = self.png(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8))
                archive.writestr(f"top/{name}", data)
                path = self.folder / "pictures" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        (self.folder / "pictures/README.md").write_text("no picture")

    def make(self, out, images, held_out=False):
        cifardvs.make(type("Args", (), {
            "out": self.folder / out, "images": self.folder / images,
            "held_out": held_out, "workers": 1}))
        return self.bytes_of(self.folder / out)

    def labels(self, path):
        return [(p.stem, n) for p, n in quantgrid.read_list(self.folder / path)]

    def test_a_folder_and_a_zip_give_the_same(self):
        self.small()
        self.write()
        one = self.make("one", "pictures")
        self.assertEqual(one, self.make("two", "a.zip", held_out=True))
        self.assertEqual(len(set(one.values())), 10)
        self.assertEqual(self.labels("one/train.tsv"), [("0", 0), ("1", 0), ("0", 1), ("1", 1)])
        self.assertEqual(self.labels("one/development.tsv"), [("2", 0), ("2", 1)])
        self.assertEqual(self.labels("one/test.tsv"),
                         [("3", 0), ("4", 0), ("3", 1), ("4", 1)])
        self.assertEqual(len(self.labels("two/held-out.tsv")), 10)
        self.assertFalse((self.folder / "two/test.tsv").exists())

    def test_the_seed_is_the_pictures(self):
        self.assertEqual(cifardvs.seed_of(IMAGE), cifardvs.seed_of(IMAGE.copy()))
        self.assertNotEqual(cifardvs.seed_of(IMAGE), cifardvs.seed_of(IMAGE.T.copy()))

    def test_what_is_no_picture_is_named(self):
        self.small()
        self.write()
        (self.folder / "pictures/dog/4.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        with self.assertRaisesRegex(ValueError, "dog/4.png"):
            self.make("out", "pictures")
        (self.folder / "pictures/dog/4.png").unlink()
        (self.folder / "pictures/dog/3.png").unlink()
        (self.folder / "pictures/dog/2.png").unlink()
        with self.assertRaisesRegex(ValueError, "class 1: 2 pictures, expected more than 3"):
            self.make("out", "pictures")
        self.assertFalse((self.folder / "out").exists())
        (self.folder / "pictures/dog/0.jpg").write_bytes(self.png(IMAGE))
        with self.assertRaisesRegex(ValueError, "ending"):
            self.make("out", "pictures", held_out=True)

    def test_what_holds_no_pictures_is_named(self):
        with self.assertRaises(FileNotFoundError):
            pictures.listed(self.folder / "none")
        with self.assertRaisesRegex(ValueError, "no pictures"):
            pictures.listed(self.folder)
        (self.folder / "a.zip").write_bytes(b"PK no zip")
        with self.assertRaisesRegex(ValueError, "a folder or a zip"):
            pictures.listed(self.folder / "a.zip")
        with zipfile.ZipFile(self.folder / "b.zip", "w") as archive:
            archive.writestr("x/dog/0.png", self.png(IMAGE))
            archive.writestr("y/dog/0.png", self.png(IMAGE))
        with self.assertRaisesRegex(ValueError, "each once"):
            pictures.listed(self.folder / "b.zip")
        with zipfile.ZipFile(self.folder / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("dog/0.png", bytes(pictures.MAX_BYTES + 1))
        with self.assertRaisesRegex(ValueError, "at most"):
            pictures.listed(self.folder / "c.zip")

    def test_the_set_as_it_is_recorded(self):
        view, camera = cifardvs.SCENE, cifardvs.CAMERA
        x = np.clip(np.add.outer(np.arange(32) * 6, np.arange(32) * 2), 0, 255)
        events = scene.record([x.astype(np.uint8)], [1], view, camera)[0]
        self.assertLess(events["t"].max(), camera.duration)
        self.assertEqual(eventcam.to_counts(events, model.CIFAR_INPUT).shape, (4, 64, 64, 2))
        turns = np.bincount(events["t"] // cifardvs.PERIOD)
        self.assertEqual(len(turns), 6)
        self.assertLess(turns[1:].std(), 0.1 * turns[1:].mean())


if __name__ == "__main__":
    unittest.main()
