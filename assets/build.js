// Bundle every page's island into the package's static folder. What was built before stays until the new one is whole.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/slotkeeper/static/slotkeeper/built");
const pages = (await readdir(join(here, "ts/pages"))).map((name) => join(here, "ts/pages", name));

const result = await build({
  entryPoints: pages,
  outdir: target,
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "error",
  write: false,
});
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
await Promise.all(result.outputFiles.map((file) => writeFile(file.path, file.contents)));
