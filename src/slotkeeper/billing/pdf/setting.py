"""Setting a paper in a process of its own, which may take so much time and memory and no more.

A document has as many lines, and as long ones, as somebody typed. What sets it is large, and never runs where requests
are answered. HTML and data come in by stdin, the PDF goes out by stdout. No Django, no settings, no secrets, no files
and no network but fonts.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

_CPU_SECONDS, _DEADLINE_SECONDS = 45, 60
_MEMORY_BYTES = 1_000_000_000  # above what the interpreter needs itself
_IDENTIFICATION = b'<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>'
_FACTUR_X = b"""<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
 fx:DocumentType="INVOICE" fx:DocumentFileName="factur-x.xml" fx:Version="1.0" fx:ConformanceLevel="EN 16931"/>"""
# What PDF/A does not know itself has to be described (ISO 19005-3, 6.6.2.3).
_SCHEMAS = """<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
 <pdfaExtension:schemas><rdf:Bag>{}</rdf:Bag></pdfaExtension:schemas></rdf:Description>"""
_SCHEMA = """<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>{name}</pdfaSchema:schema>
 <pdfaSchema:namespaceURI>{uri}</pdfaSchema:namespaceURI><pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>
 <pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"""
_PROPERTY = """<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{}</pdfaProperty:name>
 <pdfaProperty:valueType>{}</pdfaProperty:valueType><pdfaProperty:category>{}</pdfaProperty:category>
 <pdfaProperty:description>{}</pdfaProperty:description></rdf:li>"""
_OF_PDF_UA = ("PDF/UA", "http://www.aiim.org/pdfua/ns/id/", "pdfuaid", [("part", "Integer", "internal", "Its part")])
_OF_FACTUR_X = (
    "Factur-X",
    "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
    "fx",
    [
        ("DocumentFileName", "Text", "external", "The name of the embedded XML document"),
        ("DocumentType", "Text", "external", "The type of the hybrid document"),
        ("Version", "Text", "external", "The version of the standard that the XML follows"),
        ("ConformanceLevel", "Text", "external", "The profile that the XML follows"),
    ],
)


class NotSet(Exception):
    """The paper could not be set; the text says why."""


class Task(msgspec.Struct):
    """What is to be set: HTML, and, where it is to be embedded, the invoice as XML."""

    html: bytes  # UTF-8
    data: bytes = b""


def set_paper(task: Task) -> bytes:
    """Give the PDF. Raises NotSet."""
    command = [sys.executable, "-I", "-m", "slotkeeper.billing.pdf.setting"]
    # Where fonts are configured; nothing else of ours concerns it.
    environment = {name: value for name, value in os.environ.items() if name.startswith(("FONTCONFIG_", "XDG_", "LD_"))}
    try:
        done = subprocess.run(  # noqa: S603 -- our own module
            command,
            input=msgspec.json.encode(task),
            capture_output=True,
            timeout=_DEADLINE_SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise NotSet(f"Setting it took more than {_DEADLINE_SECONDS} seconds.") from None
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise NotSet(last[0] if last else f"The process that sets papers ended with {done.returncode}.")
    return done.stdout


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Read a task, and write the PDF."""
    _limit()
    task = msgspec.json.decode(source.read(), type=Task)
    target.write(_pdf(task))


def _pdf(task: Task) -> bytes:
    try:
        from weasyprint import HTML, Attachment  # noqa: PLC0415 -- this process exists for it
        from weasyprint.urls import URLFetcher  # noqa: PLC0415
    except OSError as error:
        raise NotSet(f"Pango is missing: apt-get install libpango-1.0-0 libpangoft2-1.0-0. ({error})") from None
    fetcher = URLFetcher(allowed_protocols={"data"})  # a paper brings its pictures along, and asks for nothing
    document = HTML(string=task.html.decode(), url_fetcher=fetcher).render()
    metadata = document.metadata
    if task.data:
        data = Attachment(string=task.data, name="factur-x.xml", description="EN 16931", relationship="Alternative")
        metadata.attachments = [data]
    described = metadata.generate_rdf_metadata
    metadata.generate_rdf_metadata = lambda *about: _with_ours(described(*about), has_data=bool(task.data))
    # PDF/A-3b lets data be embedded; tags make it PDF/UA, too.
    pdf: bytes = document.write_pdf(pdf_variant="pdf/a-3b", pdf_tags=True, finisher=_name_once)
    return pdf


def _name_once(_document: Any, pdf: Any) -> None:
    """Name the embedded file once; WeasyPrint 70 names it twice."""
    if "AF" in pdf.catalog:
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])


def _with_ours(rdf: bytes, *, has_data: bool) -> bytes:
    """Add what WeasyPrint does not say: that it is PDF/UA, too, and which data it carries."""
    schemas = "".join(_schema(*one) for one in ([_OF_PDF_UA, _OF_FACTUR_X] if has_data else [_OF_PDF_UA]))
    ours = _IDENTIFICATION + (_FACTUR_X if has_data else b"") + _SCHEMAS.format(schemas).encode()
    return rdf.replace(b"</rdf:RDF>", ours + b"</rdf:RDF>")


def _schema(name: str, uri: str, prefix: str, properties: list[tuple[str, str, str, str]]) -> str:
    described = "".join(_PROPERTY.format(*one) for one in properties)
    return _SCHEMA.format(name=name, uri=uri, prefix=prefix, properties=described)


def _limit() -> None:
    """Give up all that setting does not need. Out of memory ends in MemoryError, out of time in SIGXCPU."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if sys.platform == "linux" else 0
    limits: dict[Any, int] = {
        resource.RLIMIT_CPU: _CPU_SECONDS,
        resource.RLIMIT_AS: pages * resource.getpagesize() + _MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
