import pytest

from slotkeeper.outbound.secret_box import SealBroken, SecretBox

OLD, NEW = "o" * 40, "n" * 40


def test_what_was_sealed_can_be_opened_and_shows_nothing():
    sealed = SecretBox([OLD]).seal("app password")
    assert "app password" not in sealed
    assert SecretBox([OLD]).open(sealed) == "app password"


def test_a_new_key_in_front_still_opens_what_the_old_one_sealed_and_seals_anew():
    sealed = SecretBox([OLD]).seal("app password")
    rotated = SecretBox([NEW, OLD]).seal_again(sealed)
    assert SecretBox([NEW]).open(rotated) == "app password"


@pytest.mark.parametrize("sealed", ["", "nonsense", "gAAAAA=="])
def test_what_no_key_opens_is_said_so(sealed):
    with pytest.raises(SealBroken):
        SecretBox([NEW]).open(sealed)


def test_another_installation_cannot_open_it():
    with pytest.raises(SealBroken):
        SecretBox([NEW]).open(SecretBox([OLD]).seal("app password"))
