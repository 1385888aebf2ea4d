"""Finding a font for a cluster."""

import pathlib

from reelmesh_lettering import fonts


def test_the_packaged_family_covers_latin_greek_and_cyrillic_in_the_nearest_weight():
    book = fonts.FontBook(())
    for cluster in ("A", "é", "Ω", "ж"):
        heavy, light = book.face_for(cluster, fonts.HEAVY), book.face_for(cluster, fonts.LIGHT)
        assert heavy is not None
        assert light is not None
        assert "SourceSansPro" in heavy.path
        assert heavy != light


def test_a_cluster_without_a_glyph_has_no_face():
    assert fonts.FontBook(()).face_for("漢", fonts.HEAVY) is None


def test_a_missing_folder_and_a_broken_font_file_are_passed_over(tmp_path: pathlib.Path):
    (tmp_path / "NotoSansCJK-broken.ttf").write_bytes(b"not a font")
    (tmp_path / "empty.otf").write_bytes(b"")
    assert fonts.FontBook((tmp_path, tmp_path / "nowhere")).face_for("漢", fonts.HEAVY) is None


def test_a_folder_is_searched_when_the_packaged_family_fails(tmp_path: pathlib.Path):
    packaged = fonts.FontBook(()).face_for("A", fonts.HEAVY)
    assert packaged is not None
    copy = tmp_path / "deep" / "Some-Bold.ttf"
    copy.parent.mkdir()
    copy.write_bytes(pathlib.Path(packaged.path).read_bytes())
    assert fonts.system_files((str(tmp_path),)) == (str(copy),)
