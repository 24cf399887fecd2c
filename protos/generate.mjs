// Generates C# messages from the roots in roots.txt and everything they import.
// usage: node generate.mjs PROTOC STANDARD_IMPORTS OUT
// The .proto files come from pinned npm packages; `npm ci` runs here when they are absent, so a clean clone needs no other step.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [protoc, standard, out] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const lock = readFileSync(join(here, "package-lock.json"), "utf8");
const installed = join(here, "node_modules", ".weft-lock");
if (!existsSync(installed) || readFileSync(installed, "utf8") !== lock) {
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: here, stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(installed, lock);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const xds = join(here, "node_modules/@grpc/grpc-js-xds/deps");
const patched = join(out, "include");

// The packaged validate.proto predates ignore_empty, which newer xDS files use. It carries annotations only.
const missing = { StringRules: 26, BytesRules: 14, RepeatedRules: 5, MapRules: 6 };
for (const n of ["Float", "Double", "Int32", "Int64", "UInt32", "UInt64", "SInt32", "SInt64", "Fixed32", "Fixed64", "SFixed32", "SFixed64"])
  missing[`${n}Rules`] = 8;
const validate = readFileSync(join(xds, "protoc-gen-validate/validate/validate.proto"), "utf8")
  .replace(/message (\w+) \{([\s\S]*?)\n\}/g, (whole, name, body) =>
    name in missing && !body.includes("ignore_empty") ? `message ${name} {${body}\n    optional bool ignore_empty = ${missing[name]};\n}` : whole);
mkdirSync(join(patched, "validate"), { recursive: true });
writeFileSync(join(patched, "validate/validate.proto"), validate);

const include = [patched, join(here, "own"), ...["envoy-api", "xds", "googleapis", "protoc-gen-validate"].map(d => join(xds, d)),
  join(here, "node_modules/@opentelemetry/otlp-grpc-exporter-base/build/protos"), standard];
const find = name => include.map(d => join(d, name)).find(existsSync);

const closure = new Set();
const visit = name => {
  if (closure.has(name) || name.startsWith("google/protobuf/")) return;
  const file = find(name);
  if (!file) throw new Error(`protos: ${name} is imported but in none of: ${include.join(", ")}`);
  closure.add(name);
  for (const [, imported] of readFileSync(file, "utf8").matchAll(/^import\s+(?:public\s+|weak\s+)?"([^"]+)";/gm)) visit(imported);
};
readFileSync(join(here, "roots.txt"), "utf8").split("\n").map(l => l.trim()).filter(l => l && !l.startsWith("#")).forEach(visit);

execFileSync(protoc, [`--csharp_out=${out}`, "--csharp_opt=base_namespace=,file_extension=.g.cs", ...include.map(d => `-I${d}`), ...closure], { stdio: "inherit" });
writeFileSync(join(out, "stamp"), `${closure.size} files\n`);
console.log(`protos: generated messages from ${closure.size} files`);
