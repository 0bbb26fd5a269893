"""A user's own atoms: files of LAMMPS in either form, and what is wrong with some of them."""

import numpy as np
import pytest

from nlbook.graphene import (
    AtomSamples,
    GrapheneDisk,
    GrapheneSheet,
    WaveLoad,
    atom_forces,
    read_atom_samples,
    read_atoms,
)

SHEET = GrapheneSheet((18, 10))
N = SHEET.n_atoms
FORCES = 1e-3 * atom_forces(WaveLoad((1, 0), 0), SHEET.positions, SHEET.box, SHEET.area_per_atom)
MOVED = 2.0 * FORCES + 0.01 * np.sin(SHEET.positions)
ORDER = np.random.default_rng(1).permutation(N)


def data_file(positions, box=SHEET.box, style="atomic", low=(0.0, 0.0), head="", mass="12.011"):
    columns = {"atomic": "1", "charge": "1 0.0", "full": "7 1 0.0"}[style]
    rows = [
        f"{i + 1} {columns} {float(x + low[0])!r} {float(y + low[1])!r} 0.0"
        for i, (x, y) in enumerate(positions)
    ]
    rows = [rows[i] for i in ORDER] if len(rows) == N else rows
    return "\n".join(
        ["A sheet", "", f"{len(rows)} atoms", "1 atom types", head, ""]
        + [f"{low[0]!r} {low[0] + box[0]!r} xlo xhi", f"{low[1]!r} {low[1] + box[1]!r} ylo yhi"]
        + ["-5 5 zlo zhi", "", "Masses", "", f"1 {mass}", "", f"Atoms # {style}", "", *rows, ""]
    )


def dump(positions, columns="id x y", box=SHEET.box, bounds="pp pp pp", low=(0.0, 0.0), step=0):
    places = {"xs": positions[:, 0] / box[0], "ys": positions[:, 1] / box[1]}
    places |= dict.fromkeys(("x", "xu"), positions[:, 0] + low[0])
    places |= dict.fromkeys(("y", "yu"), positions[:, 1] + low[1])
    places |= {"id": np.arange(1, len(positions) + 1), "type": np.ones(len(positions), int)}
    places |= {"mass": np.full(len(positions), 12.0)}
    rows = [" ".join(repr(places[c][i].item()) for c in columns.split()) for i in ORDER]
    return "\n".join(
        ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(positions))]
        + [f"ITEM: BOX BOUNDS {bounds}", f"{low[0]!r} {low[0] + box[0]!r}"]
        + [f"{low[1]!r} {low[1] + box[1]!r}", "-5 5", f"ITEM: ATOMS {columns}", *rows, ""]
    )


@pytest.fixture
def put(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        data_file(SHEET.positions),
        data_file(SHEET.positions, style="charge"),
        data_file(SHEET.positions, style="full", low=(-3.0, 7.5)),
        dump(SHEET.positions),
        dump(SHEET.positions, "id type xs ys mass"),
        dump(SHEET.positions, "xu yu id", low=(-3.0, 7.5)),
        dump(0 * SHEET.positions) + dump(SHEET.positions, step=10),
    ],
)
def test_a_sheet_is_read_from_each_form(put, text):
    atoms = read_atoms(put("sheet", text))
    assert np.array_equal(atoms.ids, np.arange(1, N + 1))
    assert np.allclose(atoms.positions, SHEET.positions, atol=1e-12)
    assert np.allclose(atoms.box, SHEET.box, rtol=1e-14)
    assert atoms.periodic


@pytest.mark.parametrize(
    ("text", "mass"),
    [
        (data_file(SHEET.positions, mass="12.5"), 12.5),
        (data_file(SHEET.positions, style="full", mass="13"), 13.0),
        (dump(SHEET.positions, "id mass x y"), 12.0),
    ],
)
def test_masses_are_those_of_the_file(put, text, mass):
    assert np.array_equal(read_atoms(put("sheet", text)).masses, np.full(N, mass))


def test_a_file_without_masses_has_none(put):
    text = data_file(SHEET.positions)
    start = text.index("Masses")
    bare = text[:start] + text[text.index("Atoms #") :]
    for words in (bare, dump(SHEET.positions)):
        assert read_atoms(put("sheet", words)).masses is None


def test_two_types_have_their_own_masses(put):
    """The sublattices as two isotopes."""
    text = data_file(SHEET.positions).replace("1 atom types", "2 atom types")
    text = text.replace("\n1 12.011\n", "\n1 12.0\n2 13.0\n")
    head, _, rows = text.partition("# atomic\n\n")
    lines = [row.split() for row in rows.strip().splitlines()]
    rows = "\n".join(" ".join([i, str(2 - int(i) % 2), *xyz]) for i, _, *xyz in lines)
    found = read_atoms(put("sheet", f"{head}# atomic\n\n{rows}\n")).masses
    assert np.array_equal(found, 12.0 + SHEET.sublattice)


def test_image_flags_take_an_atom_back_over_the_border(put):
    moved = SHEET.positions.copy()
    moved[5, 0] += SHEET.box[0]
    text = data_file(SHEET.positions)
    row = next(line for line in text.splitlines() if line.startswith("6 "))
    lines = [line + (" 1 0 0" if line == row else " 0 0 0") if "1 " in line[:6] and
             len(line.split()) == 5 else line for line in text.splitlines()]  # fmt: skip
    assert np.allclose(read_atoms(put("x", "\n".join(lines))).positions, moved)


def test_files_give_the_samples_that_arrays_give(put):
    """The displaced atoms are wrapped into the box, and stand in another order."""
    before = put("before.data", data_file(SHEET.positions))
    after = put("after.dump", dump(np.mod(SHEET.positions + MOVED, SHEET.box), "id type x y"))
    samples = read_atom_samples(before, after, FORCES).on_grid((9, 8))
    known = AtomSamples(SHEET.positions, SHEET.box, MOVED[np.newaxis], FORCES[np.newaxis])
    expected = known.on_grid((9, 8))
    assert np.allclose(samples.displacement, expected.displacement, atol=1e-12)
    assert np.allclose(samples.load, expected.load, atol=1e-12)


def test_a_disk_from_files_counts_from_its_middle(put):
    disk = GrapheneDisk(30.0)
    order = np.arange(disk.n_atoms)
    text = "\n".join(
        ["ITEM: TIMESTEP", "0", "ITEM: NUMBER OF ATOMS", str(disk.n_atoms)]
        + ["ITEM: BOX BOUNDS ff ff pp", "-40 80", "-40 80", "-5 5", "ITEM: ATOMS id x y"]
        + [f"{i + 1} {float(x) + 20!r} {float(y) + 20!r}" for i, (x, y) in
           zip(order, disk.positions, strict=True)]
    )  # fmt: skip
    path = put("disk.dump", text)
    samples = read_atom_samples(path, [path, path], np.zeros((2, disk.n_atoms, 2)))
    assert samples.box is None
    assert np.allclose(samples.positions, disk.positions - disk.positions.mean(axis=0), atol=1e-12)
    assert samples.on_lattice(5.0, radius=20.0, inside=15.0).displacement.shape[0] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither a data file nor a text dump"),
        ("{}", "neither a data file nor a text dump"),
        (b"\x1f\x8b\x08\x00\xff\xfe", "no text"),
        (data_file(SHEET.positions)[:-200], "cut short or damaged"),
        (dump(SHEET.positions)[:-200], "must have 720 atoms of 3 columns"),
        (dump(SHEET.positions, "type x y"), "must have id"),
        (dump(SHEET.positions, "id type"), "must have x and y"),
        (dump(SHEET.positions).replace("pp pp pp", "xy xz yz pp pp pp"), "rectangular"),
        (dump(SHEET.positions, bounds="pp ff pp"), "periodic along x and y or along neither"),
        (dump(SHEET.positions).replace("\n3 ", "\n3.5 "), "ids must be integers"),
        (data_file(SHEET.positions, head="0.5 0 0 xy xz yz"), "rectangular"),
        (data_file(SHEET.positions).replace("# atomic", "# sphere"), "atom style"),
        (data_file(SHEET.positions, style="full").replace("# full", ""), "rows of atom style"),
        (data_file(SHEET.positions).replace("\n3 1", "\n2 1"), "two atoms have the id 2"),
        (data_file(SHEET.positions).replace("\n1 12.011", "\n1 heavy"), "'heavy' must be a number"),
        (dump(SHEET.positions * np.nan), "finite"),
        (dump(SHEET.positions, box=(-1.0, 10.0)), "sides above zero"),
        (data_file(SHEET.positions).replace("ylo yhi", "y"), "must give xlo xhi"),
        ("\n".join(dump(SHEET.positions).splitlines()[:6]), "cut short"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused_by_its_name(put, text, words):
    with pytest.raises(ValueError, match=words) as error:
        read_atoms(put("given.lammps", text))
    assert "given.lammps" in str(error.value)


def test_a_frame_that_is_not_there_is_refused(put):
    with pytest.raises(ValueError, match="1 frames, got frame=3"):
        read_atoms(put("x", dump(SHEET.positions)), frame=3)


def test_a_frame_that_is_no_integer_is_refused(put):
    with pytest.raises(ValueError, match="frame must be an integer, got 0.5"):
        read_atoms(put("x", dump(SHEET.positions)), frame=0.5)


@pytest.mark.parametrize("spacing", [5, np.int64(5), np.float32(5.0), (5.0, 5.0)])
def test_a_spacing_is_one_number_or_two(spacing):
    box = (45.0, 45.0)
    places = SHEET.positions * (np.array(box) / SHEET.box)
    samples = AtomSamples(places, box, 0 * FORCES[np.newaxis], FORCES[np.newaxis])
    assert samples.on_grid(spacing=spacing).load.shape == (1, 9, 9, 2)


def test_lost_atoms_are_refused_with_their_ids(put):
    rows = dump(SHEET.positions).replace(f"\n{N}\n", f"\n{N - 1}\n").splitlines()
    gone = next(i for i, row in enumerate(rows) if row.startswith("17 "))
    del rows[gone]
    before, after = put("a", dump(SHEET.positions)), put("b", "\n".join(rows))
    with pytest.raises(ValueError, match="1 are lost and 0 are new, such as 17"):
        read_atom_samples(before, after, FORCES)


def free(places, bounds="ss ss pp", margin=0.3):
    """A dump of a body with a free edge, in a box that is shrunk about it."""
    low = (places.min(axis=0) - margin).tolist()
    high = (places.max(axis=0) + margin).tolist()
    return "\n".join(
        ["ITEM: TIMESTEP", "0", "ITEM: NUMBER OF ATOMS", str(len(places))]
        + [f"ITEM: BOX BOUNDS {bounds}", f"{low[0]!r} {high[0]!r}", f"{low[1]!r} {high[1]!r}"]
        + ["-5 5", "ITEM: ATOMS id x y"]
        + [f"{i + 1} {float(x)!r} {float(y)!r}" for i, (x, y) in enumerate(places)]
    )


@pytest.mark.parametrize("bounds", ["ss ss pp", "sf ms pp", "ff ff ff"])
def test_a_free_body_moves_in_a_box_that_is_shrunk_about_it(put, bounds):
    """Its bounds differ from file to file, and displacements are those of the atoms."""
    disk = GrapheneDisk(30.0)
    moved = 0.02 * disk.positions + [0.4, -0.1]
    before = put("before", free(disk.positions + 50.0, bounds))
    after = put("after", free(disk.positions + 50.0 + moved, bounds, margin=1.0))
    samples = read_atom_samples(before, after, np.zeros((disk.n_atoms, 2)))
    assert samples.box is None
    assert np.allclose(samples.displacement[0], moved, atol=1e-12)


def test_a_free_body_in_scaled_coordinates_is_that_in_plain_ones(put):
    disk = GrapheneDisk(30.0)
    plain = free(disk.positions)
    lines = plain.splitlines()
    low, high = (np.array([float(lines[i].split()[k]) for i in (5, 6)]) for k in (0, 1))
    scaled = (disk.positions - low) / (high - low)
    rows = [f"{i + 1} {float(x)!r} {float(y)!r}" for i, (x, y) in enumerate(scaled)]
    text = "\n".join([*lines[:8], "ITEM: ATOMS id xs ys", *rows])
    samples = read_atom_samples(put("a", plain), put("b", text), np.zeros((disk.n_atoms, 2)))
    assert np.abs(samples.displacement).max() < 1e-12


def test_a_sheet_that_has_drifted_by_half_the_box_is_the_same(put):
    drift = 0.5 * np.array(SHEET.box)
    after = np.mod(SHEET.positions + MOVED + drift, SHEET.box)
    samples = read_atom_samples(put("a", dump(SHEET.positions)), put("b", dump(after)), FORCES)
    moved = samples.displacement[0] - samples.displacement[0].mean(axis=0)
    assert np.allclose(moved, MOVED - MOVED.mean(axis=0), atol=1e-11)


def test_an_old_dump_does_not_say_what_is_periodic_and_is_taken_to_be(put):
    before = put("a", dump(SHEET.positions, bounds=""))
    after = put("b", dump(np.mod(SHEET.positions + MOVED, SHEET.box), bounds=""))
    assert not read_atoms(before).says_periodic
    samples = read_atom_samples(before, after, FORCES)
    assert samples.box == pytest.approx(SHEET.box)
    assert np.allclose(samples.displacement[0], MOVED, atol=1e-12)


def test_what_a_dump_says_holds_for_a_data_file_beside_it(put):
    disk = GrapheneDisk(30.0)
    side = (100.0, 100.0)
    before = put("a", data_file(disk.positions, box=side, low=(50.0, 50.0)))
    after = put("b", free(disk.positions + 50.0))
    zero = np.zeros((disk.n_atoms, 2))
    samples = read_atom_samples(before, after, zero)
    assert samples.box is None
    assert np.abs(samples.displacement).max() < 1e-11


def test_files_that_disagree_on_what_is_periodic_are_refused(put):
    before = put("a", dump(SHEET.positions))
    after = put("b", dump(SHEET.positions, bounds="ff ff pp"))
    with pytest.raises(ValueError, match="must agree on what is periodic"):
        read_atom_samples(before, after, FORCES)
    assert read_atom_samples(before, after, FORCES, periodic=True).box is not None


@pytest.mark.parametrize("bounds", ["pp pp pp", "ff ff pp"])
def test_atoms_whose_bonds_broke_are_refused_by_their_ids(put, bounds):
    after = SHEET.positions.copy()
    after[0] -= [0.0, 0.5]
    after = np.mod(after, SHEET.box) if bounds[0] == "p" else after
    paths = put("a", dump(SHEET.positions, bounds=bounds)), put("b", dump(after, bounds=bounds))
    with pytest.raises(ValueError, match=r"b must have the bonds .* atoms 1 and 2 are 1\.961"):
        read_atom_samples(*paths, FORCES)


def test_another_box_is_refused(put):
    before = put("a", dump(SHEET.positions))
    after = put("b", dump(SHEET.positions, box=(SHEET.box[0] * 1.01, SHEET.box[1])))
    with pytest.raises(ValueError, match="must have the box of"):
        read_atom_samples(before, after, FORCES)


def test_loads_with_a_net_force_are_refused(put):
    path = put("a", dump(SHEET.positions))
    with pytest.raises(ValueError, match="no net force.*in sample 0"):
        read_atom_samples(path, path, FORCES + [1e-3, 0.0])


def test_a_net_force_of_rounding_is_taken_from_the_loaded_atoms():
    half = FORCES * (np.arange(N) % 2)[:, np.newaxis]
    half -= (half != 0).any(axis=1)[:, np.newaxis] * half.sum(axis=0) / (N // 2)
    rounded = np.round(half, 8)[np.newaxis]
    kept = AtomSamples(SHEET.positions, SHEET.box, 0 * rounded, rounded).forces
    assert np.abs(kept.sum(axis=1)).max() < 1e-13
    assert not np.any(kept[0, ::2])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x, f: AtomSamples.from_positions(x, x[1:], f, SHEET.box), "no atom may be lost"),
        (
            lambda x, f: AtomSamples.from_positions(x, x[::-1], f, SHEET.box),
            "the same atoms as before",
        ),
        (lambda x, f: AtomSamples(x, SHEET.box, f, f), "displacement must be an array of 3 axes"),
        (lambda x, f: AtomSamples(x, (1.0,), f[None], f[None]), "box"),
        (lambda x, f: AtomSamples(100 * x, SHEET.box, f[None], f[None]), "positions must lie"),
        (lambda x, f: AtomSamples(x, None, f[None], np.stack([f, f])), "as many samples"),
        (lambda x, f: AtomSamples(x, None, f[None], f[None], masses=[1.0]), "masses"),
        (lambda x, f: AtomSamples(x, None, f[None], f[None]).on_grid(), "use on_lattice"),
        (lambda x, f: AtomSamples(x, SHEET.box, f[None], f[None]).on_lattice(), "use on_grid"),
        (
            lambda x, f: AtomSamples(x, SHEET.box, f[None], f[None]).on_grid(spacing=5.0),
            "spacing must divide the box",
        ),
    ],
)
def test_arrays_that_are_no_samples_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make(np.array(SHEET.positions), np.array(FORCES))
