"""The bill of materials of an image, as CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/.

It is written beside the image, where that is built: nothing of this goes into one. Two bills of an image are the same
bytes, because the time is the image's own, and the serial number follows from what is in it.
"""

import datetime
import uuid

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from images.packages import NAMESPACES, Package


def purl(package: Package) -> PackageURL:
    """Name a package as scanners do."""
    qualifiers = {} if package.arch == "-" else {"arch": package.arch}
    return PackageURL(package.kind, NAMESPACES[package.kind], package.name, package.version, qualifiers)


def write(image: str, created: str, packages: list[Package]) -> str:
    """The bill as JSON.

    Args:
        image: its name.
        created: when it was made, as RFC 3339 has it.
        packages: what is in it.
    """
    top = Component(name=image, type=ComponentType.CONTAINER, bom_ref=image)
    parts = [
        Component(name=package.name, version=package.version, type=ComponentType.LIBRARY, purl=url, bom_ref=str(url))
        for package, url in ((package, purl(package)) for package in packages)
    ]
    serial = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join([image, created, *(str(part.purl) for part in parts)]))
    when = datetime.datetime.fromisoformat(created)
    bill = Bom(components=parts, serial_number=serial, metadata=BomMetaData(component=top, timestamp=when))
    bill.register_dependency(top, parts)
    return JsonV1Dot6(bill).output_as_string(indent=1)
