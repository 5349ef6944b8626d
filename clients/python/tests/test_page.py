"""The examples of docs/guide/clients.md, as one program, with a real Handoff at HANDOFF_URL."""

from __future__ import annotations

import contextlib
import io
import os
import re
import unittest
from pathlib import Path

try:
    import httpx
except ImportError:
    httpx = None  # type: ignore[assignment]

URL = os.environ.get("HANDOFF_URL", "")
PAGE = Path(__file__).parent / "../../../docs/guide/clients.md"


@unittest.skipUnless(URL, "no HANDOFF_URL")
class Page(unittest.TestCase):
    def test_the_examples_run(self) -> None:
        page = PAGE.read_text(encoding="utf-8")
        blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(blocks), 4)
        if httpx is None:
            print("SKIPPED: examples of AsyncClient, since httpx is not there")
            blocks = [block for block in blocks if "AsyncClient" not in block]
        program = "".join(blocks).replace("http://127.0.0.1:3000", URL)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(program, str(PAGE), "exec"), {})
        self.assertIn("{'results': [1, 2]}", output.getvalue())
