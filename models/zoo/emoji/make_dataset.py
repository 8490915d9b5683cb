#!/usr/bin/env python3
"""Makes the emoji image folder from the npm package emoji-datasource-google 16.0.0.

The package holds Google's Noto emoji (Apache-2.0) as 64x64 PNG files with transparency, and a table that sorts them.
Its subcategories become the classes listed below, on white, in the ImageFolder layout:

  OUT/train/CLASS/CODE.png         an emoji; CODE is its code points
  OUT/train/CLASS/CODE-TONE.png    the same in a skin tone
  OUT/train/CLASS/CODE-mirror.png  the same from left to right, in classes without writing, hands or direction
  OUT/test/CLASS/CODE.png          one emoji in ten that training never sees, in no tone and no mirror

The split is drawn by emoji with a fixed seed, so that all variants of an emoji are on one side. The same package gives
the same pixels.

Needs Pillow (python3-pil), and npm unless --package names the downloaded archive.
"""

import argparse
import collections
import io
import json
import pathlib
import random
import subprocess
import sys
import tarfile
import tempfile

try:
    from PIL import Image, ImageOps
except ImportError:
    sys.exit("make_dataset.py needs Pillow: apt-get install python3-pil, or pip install pillow")

PACKAGE = "emoji-datasource-google@16.0.0"
TABLE = "package/emoji.json"
IMAGES = "package/img/google/64"
TEST_SHARE = 0.1
SPLIT_SEED = 20210530
# Few, so that people do not crowd out the rest: 330 emoji have five tones or, as couples, 25.
TONES_PER_EMOJI = 2

# Class: the subcategories that it takes. Those of no class (medical, money, ...) are left out: too few, too mixed.
CLASSES = {
    "aircraft-and-ships": ["transport-air", "transport-water"],
    "animal-faces": ["cat-face", "monkey-face"],
    "birds": ["animal-bird"],
    "books-and-office": ["book-paper", "mail", "office", "writing"],
    "bugs-and-reptiles": ["animal-bug", "animal-reptile"],
    "buildings": ["place-building", "place-religious"],
    "button-arrows": ["arrow", "av-symbol"],
    "button-letters": ["alphanum", "keycap"],
    "button-zodiac": ["zodiac", "religion"],
    "celebration": ["event"],
    "clocks": ["time"],
    "clothing": ["clothing"],
    "devices": ["computer", "phone", "light & video"],
    "drinks": ["drink", "dishware"],
    "faces-happy": ["face-smiling", "face-affection", "face-tongue", "face-hat", "face-glasses"],
    "faces-neutral": ["face-neutral-skeptical", "face-hand", "face-sleepy"],
    "faces-strange": ["face-costume", "face-negative", "face-unwell"],
    "faces-worried": ["face-concerned"],
    "families": ["family"],
    "flags": ["country-flag"],
    "flowers-and-trees": ["plant-flower", "plant-other"],
    "fruit": ["food-fruit"],
    "games": ["game"],
    "hands": [
        "hand-fingers-closed", "hand-fingers-open", "hand-fingers-partial", "hand-prop", "hand-single-finger", "hands",
    ],
    "hearts": ["heart"],
    "household": ["household"],
    "mammals": ["animal-mammal"],
    "meals": ["food-prepared", "food-asian"],
    "music": ["music", "musical-instrument", "sound"],
    "people-fantasy": ["person-fantasy"],
    "people-gestures": ["person-gesture"],
    "people-in-motion": ["person-activity", "person-sport"],
    "people-portraits": ["person"],
    "people-roles": ["person-role"],
    "places": ["place-geographic", "place-other"],
    "sea-animals": ["animal-marine", "animal-amphibian"],
    "shapes": ["geometric"],
    "sky-and-weather": ["sky & weather"],
    "sports": ["sport", "award-medal"],
    "sweets": ["food-sweet"],
    "tools": ["tool", "lock", "science"],
    "traffic-signs": ["transport-sign", "warning"],
    "vegetables": ["food-vegetable"],
    "vehicles": ["transport-ground"],
}  # fmt: skip

# Emoji that look like another class than their subcategory's, by short name.
MOVED = {
    "animal-faces": [
        "mouse", "cow", "tiger", "rabbit", "cat", "horse", "dog", "pig", "hamster", "wolf", "polar_bear", "bear",
        "panda_face", "lion_face", "unicorn_face", "fox_face", "raccoon", "moose", "koala", "dragon_face",
        "pig_nose", "hatched_chick", "baby_chick",
    ],
    "sea-animals": ["turtle", "crocodile"],
    "sweets": ["bread", "croissant", "baguette_bread", "pretzel", "bagel", "pancakes", "waffle"],
    "vegetables": ["mushroom", "herb"],
}  # fmt: skip

MIRRORED = {
    "aircraft-and-ships", "animal-faces", "birds", "bugs-and-reptiles", "buildings", "celebration", "clothing",
    "devices", "drinks", "faces-happy", "faces-neutral", "faces-strange", "faces-worried", "flowers-and-trees", "fruit",
    "games", "hearts", "household", "mammals", "meals", "music", "people-fantasy", "places", "sea-animals",
    "sky-and-weather", "sports", "sweets", "tools", "vegetables", "vehicles",
}  # fmt: skip


def class_of(emoji: dict) -> str | None:
    for name, short_names in MOVED.items():
        if emoji["short_name"] in short_names:
            return name
    for name, subcategories in CLASSES.items():
        if emoji["subcategory"] in subcategories:
            return name
    return None


def tones_of(emoji: dict, rank: int) -> list:
    """A few of the emoji's tones; the next emoji begins with the next tone. Of couples those with one tone for both."""
    variations = emoji.get("skin_variations", {})
    keys = [key for key in sorted(variations) if "-" not in key]
    chosen = [keys[(rank + 2 * i) % len(keys)] for i in range(TONES_PER_EMOJI)] if keys else []
    return [(key.lower(), variations[key]["image"]) for key in chosen if variations[key]["has_img_google"]]


class Package:
    """The images of the package's archive, on white."""

    def __init__(self, archive: pathlib.Path):
        self.tar = tarfile.open(archive)
        self.members = {member.name: member for member in self.tar.getmembers()}
        self.table = json.load(self.tar.extractfile(self.members[TABLE]))

    def image(self, name: str) -> Image.Image:
        member = self.members.get(f"{IMAGES}/{name}")
        if member is None:
            sys.exit(f"{self.tar.name} has no {IMAGES}/{name}")
        picture = Image.open(io.BytesIO(self.tar.extractfile(member).read())).convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, picture).convert("RGB")


def write(path: pathlib.Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "PNG", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="folder to make")
    parser.add_argument("--package", type=pathlib.Path, help="the downloaded emoji-datasource-google-16.0.0.tgz")
    arguments = parser.parse_args()
    if arguments.out.exists() and any(arguments.out.iterdir()):
        sys.exit(f"{arguments.out} is not empty")

    with tempfile.TemporaryDirectory() as scratch:
        archive = arguments.package
        if archive is None:
            subprocess.run(["npm", "pack", PACKAGE], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            archive = next(pathlib.Path(scratch).glob("*.tgz"))
        package = Package(archive)
        classes = collections.defaultdict(list)
        for emoji in sorted(package.table, key=lambda emoji: emoji["sort_order"]):
            name = class_of(emoji)
            if name and emoji["has_img_google"]:
                classes[name].append(emoji)

        counts = collections.Counter()
        for name, emoji_of_class in sorted(classes.items()):
            # Apart for each class, so that a change of one leaves the others' split alone.
            order = list(range(len(emoji_of_class)))
            random.Random(f"{SPLIT_SEED} {name}").shuffle(order)
            held_out = set(order[: round(TEST_SHARE * len(order))])
            for rank, emoji in enumerate(emoji_of_class):
                side = "test" if rank in held_out else "train"
                pictures = {emoji["unified"].lower(): emoji["image"]}
                if side == "train":
                    pictures |= {f"{emoji['unified'].lower()}-{tone}": file for tone, file in tones_of(emoji, rank)}
                for code, file in pictures.items():
                    picture = package.image(file)
                    write(arguments.out / side / name / f"{code}.png", picture)
                    counts[side, name] += 1
                    if side == "train" and name in MIRRORED:
                        write(arguments.out / side / name / f"{code}-mirror.png", ImageOps.mirror(picture))
                        counts[side, name] += 1
    for name, emoji_of_class in sorted(classes.items()):
        print(f"{name}: {len(emoji_of_class)} emoji, {counts['train', name]} images, {counts['test', name]} to test")
    total = {side: sum(n for (s, _), n in counts.items() if s == side) for side in ("train", "test")}
    print(f"{arguments.out}: {total['train']} training and {total['test']} test images of {len(classes)} classes")


if __name__ == "__main__":
    main()
