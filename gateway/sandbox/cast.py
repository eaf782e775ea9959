"""The cast: contacts with fixed ids, one for each thing that a contact can show.

Phone numbers come from the ranges that regulators keep for films and examples, where there are
such ranges. Any other valid id has a photo too, except phone numbers that end in `00`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "ACCESS_TOKEN",
    "API_KEY",
    "BY_ID",
    "CAST",
    "EVOLUTION_INSTANCE",
    "INSTANCE_ID",
    "LIDS",
    "OWN_ID",
    "WAHA_SESSION",
    "Contact",
    "has_photo",
    "owner_of",
]

INSTANCE_ID: Final = "SANDBOX12345"
ACCESS_TOKEN: Final = "sandbox-access-token"  # noqa: S105  (opens a simulation on loopback)
API_KEY: Final = "sandbox-api-key"
WAHA_SESSION: Final = "default"
EVOLUTION_INSTANCE: Final = "sandbox"
OWN_ID: Final = "15550100042@c.us"


@dataclass(frozen=True, slots=True)
class Contact:
    """One member of the cast.

    `kind` is person, business, me, group, channel or lid. `api` and `cdn` name the scenarios
    it plays when nothing else is set; `photo` is whether it has a picture that may be seen.
    `known_as` is the spelling the API answers with, where that is not the id itself.
    """

    id: str
    name: str
    kind: str
    shows: str
    api: str = "photo"
    cdn: str = "jpeg"
    photo: bool = True
    known_as: str | None = None


CAST: Final[tuple[Contact, ...]] = (
    Contact("15551234567@c.us", "Maya Brooks", "person", "A photo: the example in the README"),
    Contact("447700900123@c.us", "Oliver Hughes", "person", "A photo, from the United Kingdom"),
    Contact("33639980142@c.us", "Camille Laurent", "person", "A photo, from France"),
    Contact("61491570156@c.us", "Priya Raman", "person", "A photo, from Australia"),
    Contact("46701740652@c.us", "Elsa Lindqvist", "person", "A photo, from Sweden"),
    Contact("12125550187@c.us", "Kwame Mensah", "person", "A photo, from the United States"),
    Contact("18005550199@c.us", "Copperleaf Coffee", "business", "A business with its logo"),
    Contact(OWN_ID, "You", "me", "The instance's own number: only the profile endpoints know it"),
    Contact("120363043968066561@g.us", "Sunday Hikers", "group", "A group with its icon"),
    Contact(
        "491701234567-1581234048@g.us", "The Winters", "group", "A group with the older form of id"
    ),
    Contact("120363144038483540@newsletter", "Clear Skies", "channel", "A channel with its emblem"),
    Contact(
        "123456789012345@lid", "Noor Haddad", "lid", "An anonymous id that stands for 12025550143"
    ),
    Contact("12025550143@c.us", "Noor Haddad", "person", "The phone number behind the lid above"),
    Contact(
        "5511987654321@c.us",
        "João Pereira",
        "person",
        "Brazil: asked with the ninth digit, answered without it",
        known_as="551187654321@c.us",
    ),
    Contact(
        "551187654321@c.us", "João Pereira", "person", "Brazil: the same person, without the digit"
    ),
    Contact(
        "5521998765432@c.us",
        "Beatriz Lima",
        "person",
        "Brazil: not found with the ninth digit, ask without it",
        photo=False,
    ),
    Contact("552198765432@c.us", "Beatriz Lima", "person", "Brazil: found without the ninth digit"),
    Contact("15555550110@c.us", "Sam Whitfield", "person", "Hidden photo: 404", photo=False),
    Contact(
        "15555550111@c.us",
        "Hana Sato",
        "person",
        "Never set one: 200 with a null URL",
        "url_null",
        photo=False,
    ),
    Contact(
        "15555550112@c.us",
        "Luca Romano",
        "person",
        "Never set one: 200 with an empty URL",
        "url_empty",
        photo=False,
    ),
    Contact(
        "15555550113@c.us",
        "Ines Duarte",
        "person",
        "Never set one: 200 without a URL",
        "url_missing",
        photo=False,
    ),
    Contact(
        "15555550114@c.us",
        "Tomas Novak",
        "person",
        "A passing null: the photo comes after refresh=true",
        "transient_null",
    ),
    Contact("15555550115@c.us", "Grace Kimani", "person", "Slow: answers after 10 seconds", "slow"),
    Contact("15555550116@c.us", "Viktor Hahn", "person", "Never answered by WhatsApp", "hang"),
    Contact("15555550117@c.us", "Rosa Vega", "person", "A picture that is broken", cdn="corrupt"),
    Contact(
        "15555550118@c.us",
        "Dmitri Orlov",
        "person",
        "The API fails whenever this contact is asked about",
        "server_error_500",
    ),
    Contact(
        "15555550119@c.us",
        "Amara Diallo",
        "person",
        "The API first answers an expired URL, a good one after refresh=true",
        "stale_url",
    ),
    Contact("15555550120@c.us", "Finn Gallagher", "person", "A 96 pixel preview only", "preview"),
    Contact(
        "15555550121@c.us", "Mei Tanaka", "person", "A transparent PNG picture", cdn="png_alpha"
    ),
    Contact(
        "15555550122@c.us", "Jonas Weber", "person", "A photo turned by EXIF", cdn="exif_rotated"
    ),
)

BY_ID: Final = {contact.id: contact for contact in CAST}
LIDS: Final = {"12025550143@c.us": "123456789012345@lid"}

# Ids under which WhatsApp knows the same person, and so the same photo.
_OWNERS: Final = {
    "5511987654321@c.us": "551187654321@c.us",
    "123456789012345@lid": "12025550143@c.us",
}


def owner_of(contact_id: str) -> str:
    """The id (canonical, as the argument) that the contact's photo is kept under."""
    return _OWNERS.get(contact_id, contact_id)


def has_photo(contact_id: str) -> bool:
    """Whether a contact (canonical id) has a photo as long as nobody hides or shows it."""
    known = BY_ID.get(contact_id)
    if known is not None:
        return known.photo
    return not contact_id.endswith("00@c.us")
