"""Sends the files that are attached to records."""

from __future__ import annotations

from urllib.parse import quote

from integration_tests.simulator.store.tenant_data import TenantData
from integration_tests.simulator.trouble.unknowns import FileForm
from integration_tests.simulator.web.answers import NO_LENGTH, Answer, message

LENGTHS = {FileForm.CHUNKED: None, FileForm.ENDLESS: NO_LENGTH}


def file_answer(file: str, tenant: TenantData, form: FileForm) -> Answer:
    """Which headers come with a file is not documented; its content is made while it is sent."""
    with tenant.lock:
        found = tenant.attachments.find(file)
    if found is None or found.is_lost:
        return message(404, f"The file {file} is not found.")
    name = quote(found.filename.rpartition("\\")[2])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    length = LENGTHS.get(form, found.size)
    kind = "text/html" if found.filename.lower().endswith(".html") else "application/octet-stream"
    said = {} if form is FileForm.BARE else headers
    return Answer(200, content_type=kind, headers=said, stream=found.pieces(), length=length)
