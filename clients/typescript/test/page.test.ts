// The examples of docs/guide/clients.md, as one program, with a real Handoff at HANDOFF_URL.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const url = process.env.HANDOFF_URL;
const skip = url === undefined && "no HANDOFF_URL";
if (skip) console.log(`SKIPPED: ${skip}`);

test("the page's examples compile and run", { skip }, () => {
  const page = new URL("../../../docs/guide/clients.md", import.meta.url);
  const blocks = [...readFileSync(page, "utf8").matchAll(/^```ts\n(.*?)^```/gms)];
  assert.ok(blocks.length >= 3, `${blocks.length} examples`);
  const program = blocks.map(([, code]) => code).join("");

  // In the package, so that it finds itself by its name.
  const folder = fileURLToPath(new URL("page", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/examples.ts`;
  writeFileSync(file, program.replaceAll("http://127.0.0.1:3000", url!));
  const compiled = ts.createProgram([file], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    types: [],
    strict: true,
  });
  const { diagnostics } = compiled.emit();
  const wrong = [...ts.getPreEmitDiagnostics(compiled), ...diagnostics];
  assert.deepEqual(
    wrong.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")),
    [],
  );
  const output = execFileSync(process.execPath, [`${folder}/examples.js`], { encoding: "utf8" });
  assert.match(output, /results: \[ 1, 2 \]/);
});
