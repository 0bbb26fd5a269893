"""The site: pages written, set by Sphinx, polished, and put in place."""

from nlbook.publishing.site.assembly import (
    build_site,
    check_site_place,
    stage,
    stage_chapter,
    write_pages,
)

__all__ = [
    "build_site",
    "check_site_place",
    "stage",
    "stage_chapter",
    "write_pages",
]
